"""A person's .npz: images, tables, signals, a held-out split of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from own_files import TABLE, everything, noise, npz

from aecore.datasets.own.reading import read_upload
from aecore.errors import DatasetError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (noise(30, 28, 28), (1, 28, 28)),
        (noise(30, 16, 12, 3), (3, 16, 12)),
        (noise(30, 3, 16, 12), (3, 16, 12)),
        (noise(30, 16, 12, 1), (1, 16, 12)),
        (noise(30, 28, 28) / 255, (1, 28, 28)),
        (np.asfortranarray(noise(30, 28, 28) / 255), (1, 28, 28)),
        (noise(30, 28, 28).astype(">f8"), (1, 28, 28)),
        (noise(30, 28, 28).astype(np.int64), (1, 28, 28)),
    ],
)
def test_an_npz_of_images(x, shape):
    data = read_upload("a.npz", npz(x=x, y=np.arange(30) % 3)).dataset
    assert (data.spec.shape, data.spec.kind, data.spec.classes) == (shape, "image", 3)
    assert data.class_names == ("0", "1", "2")
    ours = {row.numpy().tobytes() for row in (everything(data) * 255).round().to(torch.uint8)}
    values = np.round(np.ascontiguousarray(x) * (255 if x.max() <= 1 else 1)).astype(np.uint8)
    if x.ndim == 4 and x.shape[1] != shape[0]:
        values = values.transpose(0, 3, 1, 2)
    assert ours == {np.ascontiguousarray(row).tobytes() for row in values}


def test_an_npz_with_its_own_held_out_split_keeps_it():
    x, t = noise(40, 8, 8), noise(12, 8, 8, seed=1)
    t[0] = x[0]
    own = read_upload(
        "a.npz", npz(x_train=x, y_train=np.arange(40) % 2, x_test=t, y_test=np.arange(12) % 2)
    )
    assert np.array_equal(own.dataset.test.x[:, 0], t)
    assert np.array_equal(own.dataset.train.x[:, 0], x[1:])
    assert own.dataset.test.labels.tolist() == [0, 1] * 6
    assert any("twice" in note for note in own.notes)


def test_binary_images_are_black_and_white():
    for x in (noise(30, 8, 8) > 127, (noise(30, 8, 8) > 127).astype(np.uint8)):
        assert set(everything(read_upload("a.npz", npz(x=x)).dataset).unique().tolist()) == {0, 1}


def test_rows_of_numbers_are_tables_or_signals():
    table = read_upload("a.npz", npz(data=TABLE)).dataset
    assert (table.spec.kind, table.spec.shape) == ("table", (3,))
    own = read_upload("a.npz", npz(x=RNG.normal(size=(40, 100)) * 7))
    assert own.dataset.spec.kind == "signal"
    assert (everything(own.dataset).min(), everything(own.dataset).max()) == (0, 1)
    assert any("scaled" in note for note in own.notes)
    as_signal = read_upload("a.npz", npz(data=TABLE), kind="signal").dataset
    assert as_signal.spec.kind == "signal"
    with pytest.raises(DatasetError, match="image"):
        read_upload("a.npz", npz(data=TABLE), kind="image")


def test_missing_values_in_arrays_are_left_out_and_said():
    x = RNG.random((40, 8, 8))
    x[3, 0, 0], x[5, 1, 1] = np.nan, np.inf
    own = read_upload("a.npz", npz(x=x))
    assert len(everything(own.dataset)) == 38
    assert own.notes[0].startswith("2 examples with missing or infinite values")
