"""What every data set promises; a new one is tested unasked."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import struct

import pytest
import torch

from aecore import datasets
from aecore.datasets import Dataset, registry
from aecore.datasets.sources import mnist as mnist_source
from aecore.errors import DatasetError, UnknownNameError

# Sums of the unpacked IDX files of yann.lecun.com/exdb/mnist.
IMAGE_MD5 = {
    "train": "6bbc9ace898e44ae57da46a324031adb",
    "test": "2646ac647ad5339dbf082846283269ea",
}
FINGERPRINTS = {"mnist": "8d55ebf489968c64", "digits": "ad1129feb146e3cb"}


# What the machine's cache holds is not looked at, here as in the tests; set AECORE_DATA to a folder
# of downloaded data to test them too.
with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XDG_CACHE_HOME", "/nowhere")
    KNOWN = datasets.all_sources()
    READY = sorted(name for name, source in KNOWN.items() if source.ready())


@pytest.fixture(params=READY)
def data(request) -> Dataset:
    return datasets.load(request.param)


def test_what_ships_is_ready():
    shipped = "mnist digits shapes signals wine breast-cancer diabetes"
    assert set(shipped.split()) <= set(READY)
    assert next(iter(KNOWN)) == "mnist"


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_source_says_what_it_is(name):
    found = KNOWN[name]
    assert found.name == name
    assert found.title
    assert found.about.endswith(".")
    assert found.licence
    assert found.generated == found.about.startswith("Generated")
    found.spec.check()
    assert found.spec.size > 0
    assert (found.fetch is not None) == (found.megabytes > 0)


@pytest.mark.parametrize("name", sorted(set(KNOWN) - set(READY)))
def test_what_is_not_here_says_how_to_get_it_and_asks_no_network(name, monkeypatch):
    def no_network(*_):
        raise AssertionError("load() used the network")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(DatasetError) as caught:
        datasets.load(name)
    sentence = str(caught.value)
    assert "press Download" in sentence
    assert f"python -m aecore datasets --fetch {name}" in sentence
    assert "://" in sentence
    assert sentence.endswith(".")


def test_splits_are_what_the_spec_says(data):
    assert data.spec == datasets.source(data.name).spec
    data.spec.check()
    for split in (data.train, data.test):
        assert split.x.dtype in (torch.uint8, torch.float32)
        assert tuple(split.x.shape[1:]) == data.spec.shape
        assert len(split) > 20
        batch = split.batch(torch.tensor([3, 0, 3]))
        assert batch.dtype == torch.float32
        assert batch.shape == (3, *data.spec.shape)
        assert torch.equal(batch[0], batch[2])
        whole = split.batch()
        assert torch.isfinite(whole).all()
        assert whole.std() > 0
        if data.spec.bounded:
            assert whole.min() >= 0
            assert whole.max() <= 1
        assert torch.equal(whole[0], batch[1])


def test_a_table_is_standardised_and_can_be_undone(data):
    if data.spec.kind != "table":
        assert data.columns == ()
        x = data.test.batch(slice(0, 3))
        assert data.original_units(x) is x
        return
    assert len(data.columns) == data.spec.size
    x = data.train.x.double()
    assert x.mean(0).abs().max() < 1e-5
    assert (x.std(0, correction=0) - 1).abs().max() < 1e-5
    means = torch.tensor([c.mean for c in data.columns], dtype=torch.float64)
    assert torch.allclose(data.original_units(x).mean(0), means, rtol=1e-6)


def test_factors_stand_row_for_row(data):
    assert data.generated == KNOWN[data.name].generated
    if data.factors is None:
        assert not data.generated, "generated data say what each example was made from: factors"
        return
    f = len(data.factors.names)
    assert data.factors.periods == () or len(data.factors.periods) == f
    for split, known in ((data.train, data.factors.train), (data.test, data.factors.test)):
        assert known.shape == (len(split), f)
        assert known.dtype == "float32"


def test_the_range_of_values_holds_nearly_all_of_them(data):
    low, high = data.value_range
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if data.spec.bounded:
        assert (low, high) == (0, 1)
        return
    assert low == int(low) <= -1
    assert high == int(high) >= 1
    x = data.train.x
    assert ((x >= low) & (x <= high)).float().mean() >= 0.998
    # No wider than it must be: one less on either side would cut off more than a thousandth.
    assert low == -1 or (x < low + 1).float().mean() > 0.0005
    assert high == 1 or (x > high - 1).float().mean() > 0.0005


def test_a_batch_is_a_copy(data):
    before = data.train.x[0].clone()
    data.train.batch(slice(0, 2)).fill_(0.5)
    data.train.batch(torch.tensor([0])).fill_(0.5)
    assert torch.equal(data.train.x[0], before)


def test_labels_cover_the_classes(data):
    assert data.spec.classes == len(data.class_names)
    for split in (data.train, data.test):
        assert (split.labels is None) == (data.spec.classes == 0)
        if split.labels is not None:
            assert split.labels.dtype == torch.int64
            assert len(split.labels) == len(split)
            assert set(split.labels.tolist()) == set(range(len(data.class_names)))


def test_one_copy_a_process(data):
    assert datasets.load(data.name) is data


def test_fingerprint_is_stable_and_sees_a_single_pixel(data):
    if data.name in FINGERPRINTS:
        assert data.fingerprint == FINGERPRINTS[data.name]
    x = data.test.x.clone()
    x.view(-1)[-1] = 1 - x.view(-1)[-1]
    changed = dataclasses.replace(data, test=registry.Split(x, data.test.labels))
    assert changed.fingerprint != data.fingerprint


def test_limited_takes_the_first_and_leaves_the_held_out(data):
    small = data.limited(70)
    assert len(small.train) == 70
    assert torch.equal(small.train.x, data.train.x[:70])
    assert small.test is data.test
    assert small.fingerprint != data.fingerprint
    for f in dataclasses.fields(data):
        if f.name not in ("train", "factors"):
            assert getattr(small, f.name) is getattr(data, f.name)
    if data.factors is not None:
        assert (small.factors.train == data.factors.train[:70]).all()
        assert small.factors.test is data.factors.test
    assert data.limited(0) is data


def test_nothing_held_out_is_trained_on(data):
    def rows(split):
        return {hashlib.md5(image.numpy()).digest() for image in split.x}

    twice = len(rows(data.train) & rows(data.test))
    assert twice == 0, f"{twice} held-out examples equal one that is trained on"


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_is_mnist(mnist, split):
    """Rebuild the original IDX file from the tensors: its sum is the published one."""
    x = getattr(mnist, split).x
    header = b"\x00\x00\x08\x03" + struct.pack(">3I", len(x), 28, 28)
    assert hashlib.md5(header + x.numpy().tobytes()).hexdigest() == IMAGE_MD5[split]


def test_mnist_labels(mnist):
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels.bincount().tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


def test_unknown_name_lists_the_known():
    with pytest.raises(UnknownNameError, match="mnist, digits"):
        datasets.load("minst")


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "changed", "not a zip"])
def test_a_damaged_file_is_one_sentence(damage, tmp_path, monkeypatch):
    content = mnist_source.FILE.read_bytes()
    file = tmp_path / "mnist.npz"
    if damage != "missing":
        middle = len(content) // 2
        file.write_bytes(
            {
                "empty": b"",
                "truncated": content[:middle],
                "changed": content[:middle] + bytes(4096) + content[middle + 4096 :],
                "not a zip": b"hello" * 100,
            }[damage]
        )
    monkeypatch.setattr(mnist_source, "FILE", file)
    monkeypatch.setattr(registry, "_loaded", {})
    with pytest.raises(DatasetError, match="fresh copy"):
        datasets.load("mnist")
