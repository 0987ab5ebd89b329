"""The shipped models of the dial: what their file says of them is true, and it is small."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from aecore.datasets import load
from aecore.errors import CheckpointError
from aecore.lab import k_dial

LIMIT = 6e6  # bytes
SOME = 500  # held-out digits that errors are measured anew on


@pytest.fixture(scope="module")
def mnist():
    return load(k_dial.DATASET)


def flat(split, rows: slice) -> np.ndarray:
    return split.x[rows].flatten(1).numpy().astype(np.float32) / 255


@torch.inference_mode()
def by_hand(model, x: np.ndarray) -> np.ndarray:
    """The network as it is drawn: 784-128-k-128-784, from its weights alone."""
    weights = [p.numpy() for p in model.parameters()]
    (w1, b1, w2, b2, w3, b3, w4, b4) = weights
    code = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    out = np.maximum(code @ w3.T + b3, 0) @ w4.T + b4
    return expit(out)


def test_the_file_is_small_and_holds_thirteen_models_in_sixteen_bits():
    assert k_dial.FILE.stat().st_size <= LIMIT
    said = k_dial.facts()
    assert tuple(stop.k for stop in said.stops) == k_dial.KS
    assert len(k_dial.models()) == 13
    for stop, model in zip(said.stops, k_dial.models(), strict=True):
        shapes = [tuple(p.shape) for p in model.parameters() if p.ndim == 2]
        assert shapes == [(128, 784), (stop.k, 128), (128, stop.k), (784, 128)]
        for weight in model.parameters():
            assert torch.equal(weight, weight.half().float())


def test_errors_in_the_file_are_those_of_its_weights(mnist):
    """On 500 held-out digits, within four standard errors of their mean."""
    x = flat(mnist.test, slice(None, None, len(mnist.test) // SOME))
    assert len(x) == SOME
    for stop, model in zip(k_dial.facts().stops, k_dial.models(), strict=True):
        errors = np.square(by_hand(model, x) - x).mean(1)
        assert abs(errors.mean() - stop.mse) < 4 * errors.std() / SOME**0.5


def test_pca_and_neighbours_in_the_file_agree_with_scikit_learn(mnist):
    x, others = flat(mnist.train, slice(10_000)), flat(mnist.test, slice(2_000))
    voters, wanted = mnist.train.labels[:10_000].numpy(), mnist.test.labels[:2_000].numpy()
    stops = {stop.k: stop for stop in k_dial.facts().stops}
    pca = PCA(8, svd_solver="full").fit(x)  # of some training digits: a little worse than of all
    held_out = flat(mnist.test, slice(None))
    error = np.square(pca.inverse_transform(pca.transform(held_out)) - held_out).mean()
    assert error == pytest.approx(stops[8].pca_mse, rel=0.02)
    model = k_dial.models()[k_dial.KS.index(8)]
    with torch.inference_mode():
        codes = [model.encode(torch.from_numpy(v).view(-1, 1, 28, 28)).mu for v in (x, others)]
    found = KNeighborsClassifier(5).fit(codes[0], voters).score(codes[1], wanted)
    assert 100 * found == pytest.approx(stops[8].knn, abs=0.11)


def test_the_network_beats_pca_with_few_numbers_and_more_stops_to_help():
    stops = k_dial.facts().stops
    assert all(stop.mse < stop.pca_mse for stop in stops if stop.k <= 24)
    few = [stop.mse for stop in stops if stop.k <= 24]
    assert few == sorted(few, reverse=True)
    best = max(stop.knn for stop in stops)
    assert stops[-1].mse < stops[5].mse
    assert stops[-1].knn < best
    assert f"to {stops[-1].k} numbers" in k_dial.says(k_dial.facts())


def test_a_turn_redraws_one_digit_of_each_class_at_every_stop(mnist):
    found, other = k_dial.redrawn(0), k_dial.redrawn(1)
    assert mnist.test.labels[list(found.rows)].tolist() == list(range(10))
    assert not set(found.rows) & set(other.rows)
    assert found.ae.shape == found.pca.shape == (13, 10, 1, 28, 28)
    x = found.x.reshape(10, -1)
    for i, model in enumerate(k_dial.models()):
        assert np.allclose(found.ae[i].reshape(10, -1), by_hand(model, x), atol=1e-5)
    assert np.allclose(found.ae_errors, np.square(found.ae - found.x).mean((2, 3, 4)), atol=1e-6)
    assert np.allclose(found.pca_errors, np.square(found.pca - found.x).mean((2, 3, 4)), atol=1e-6)


def test_a_damaged_file_is_said_in_a_sentence(tmp_path, monkeypatch):
    short = tmp_path / "short.safetensors"
    short.write_bytes(k_dial.FILE.read_bytes()[:5000])
    monkeypatch.setattr(k_dial, "FILE", short)
    with pytest.raises(CheckpointError, match="could not be read"):
        k_dial.models.__wrapped__()
