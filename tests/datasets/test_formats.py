"""Tiny files in the published formats, read as torchvision reads them."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from aecore import datasets
from aecore.datasets import formats, registry
from aecore.datasets.sources import downloads
from aecore.errors import DatasetError

N = {"train": 30, "test": 24}


def idx(array: np.ndarray) -> bytes:
    kind = {"u1": 8, "i4": 12}[array.dtype.str[1:]]
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def images(split: str, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(len(split))
    return rng.integers(0, 256, (N[split], *shape), dtype=np.uint8)


def labels(split: str, classes: int = 10) -> np.ndarray:
    return (np.arange(N[split]) % classes).astype(np.uint8)


def mnist_like(name, folder):
    for split, start in (("train", "train"), ("test", "t10k")):
        for array, end in (
            (images(split, 28, 28), "images-idx3-ubyte"),
            (labels(split), "labels-idx1-ubyte"),
        ):
            (folder / f"{start}-{end}.gz").write_bytes(gzip.compress(idx(array)))


def qmnist(name, folder):
    monkey = {"train": N["train"], "test": 20_000 + 5}
    for split, n in monkey.items():
        x = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        y = np.zeros((n, 8), np.int32)
        y[:, 0] = np.arange(n) % 10
        for array, end in ((x, "images-idx3-ubyte"), (y, "labels-idx2-int")):
            (folder / f"qmnist-{split}-{end}.gz").write_bytes(gzip.compress(idx(array), 0))


def emnist(name, folder):
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for split in N:
            start = f"gzip/emnist-letters-{split}"
            for array, end in (
                (images(split, 28, 28), "images-idx3-ubyte"),
                (labels(split, 26) % 24 + 1, "labels-idx1-ubyte"),
            ):
                archive.writestr(f"{start}-{end}.gz", gzip.compress(idx(array)))


def usps(name, folder):
    for split, file in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = [
            f"{y + 1} " + " ".join(f"{i + 1}:{v / 127.5 - 1:.6f}" for i, v in enumerate(x.ravel()))
            for x, y in zip(images(split, 16, 16), labels(split), strict=True)
        ]
        (folder / file).write_bytes(bz2.compress(("\n".join(lines) + "\n").encode()))


def cifar10(name, folder):
    def add(archive, name, content):
        info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))

    def records(split, rows):
        x, y = images(split, 3072)[rows], labels(split)[rows]
        return np.concatenate([y[:, None], x], 1).tobytes()

    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        add(archive, "readme.html", b"hello")
        add(archive, "test_batch.bin", records("test", slice(None)))
        for i in range(5):
            add(archive, f"data_batch_{i + 1}.bin", records("train", slice(6 * i, 6 * i + 6)))


def svhn(name, folder):
    from scipy.io import savemat

    for split in N:
        y = labels(split)[:, None].astype(np.int64)
        x = images(split, 3, 32, 32).transpose(2, 3, 1, 0)
        savemat(folder / f"{split}_32x32.mat", {"X": x, "y": np.where(y == 0, 10, y)})


WRITE = {
    "fashion-mnist": mnist_like,
    "kmnist": mnist_like,
    "qmnist": qmnist,
    "emnist-letters": emnist,
    "usps": usps,
    "cifar10": cifar10,
    "svhn": svhn,
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a dataset's files in a cache of their own, and let their sums be the right ones."""
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    monkeypatch.setattr(registry, "_loaded", {})

    def write(name: str):
        folder = tmp_path / name
        folder.mkdir()
        WRITE[name](name, folder)
        for i, remote in enumerate(downloads.FILES[name]):
            md5 = hashlib.md5((folder / remote.file).read_bytes()).hexdigest()
            downloads.FILES[name][i] = dataclasses.replace(remote, md5=md5)
        return folder

    before = {name: list(remotes) for name, remotes in downloads.FILES.items()}
    yield write
    for name, remotes in before.items():
        downloads.FILES[name][:] = remotes


def test_every_download_has_its_test():
    assert set(WRITE) == set(downloads.FILES)


@pytest.mark.parametrize("name", sorted(WRITE))
def test_what_is_read_is_what_was_written(name, written):
    written(name)
    data = datasets.load(name)
    assert data.spec == datasets.source(name).spec
    assert len(data.class_names) == data.spec.classes
    for split_name in N:
        split = getattr(data, split_name)
        x = split.x.numpy()
        if name == "qmnist":
            n = N["train"] if split_name == "train" else 20_005
            want = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
            y = np.arange(n) % 10
            rows = slice(None) if split_name == "train" else slice(10_000, 20_000)
            want, y = want[rows], y[rows]
        else:
            want = images(split_name, *data.spec.shape[1 if data.spec.shape[0] == 1 else 0 :])
            y = labels(split_name, 26 if name == "emnist-letters" else 10)
        if name == "emnist-letters":
            want, y = want.swapaxes(1, 2), y % 24
        if name == "cifar10":
            want = images(split_name, 3072)
        assert np.array_equal(x.reshape(want.shape), want)
        assert split.labels.tolist() == y.tolist()


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist", "qmnist", "usps", "svhn"])
def test_torchvision_reads_the_same(name, written, tmp_path, monkeypatch):
    import torchvision.datasets as tv

    folder = written(name)
    data = datasets.load(name)
    if name == "usps":
        # torchvision cuts the decimals off where we round: at most one grey level.
        for split in N:
            theirs = tv.USPS(folder, train=split == "train")
            x = getattr(data, split).x[:, 0].numpy().astype(int)
            assert np.abs(theirs.data.astype(int) - x).max() <= 1
            assert theirs.targets == getattr(data, split).labels.tolist()
        return
    if name == "svhn":
        monkeypatch.setattr(tv.SVHN, "_check_integrity", lambda self: True)
        for split in N:
            theirs = tv.SVHN(folder, split)
            assert np.array_equal(theirs.data, getattr(data, split).x.numpy())
            assert theirs.labels.tolist() == getattr(data, split).labels.tolist()
        return
    cls = {"fashion-mnist": tv.FashionMNIST, "kmnist": tv.KMNIST, "qmnist": tv.QMNIST}[name]
    raw = tmp_path / cls.__name__ / "raw"
    raw.mkdir(parents=True)
    for file in folder.glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    for split in N:
        theirs = cls(tmp_path, train=split == "train")
        rows = slice(10_000, 20_000) if (name, split) == ("qmnist", "test") else slice(None)
        assert np.array_equal(theirs.data[rows], getattr(data, split).x[:, 0])
        y = theirs.targets[:, 0] if theirs.targets.ndim == 2 else theirs.targets
        assert y[rows].tolist() == getattr(data, split).labels.tolist()


def test_addresses_and_sums_are_torchvisions():
    import torchvision.datasets as tv

    def ours(name):
        return [(r.file, r.url, r.md5) for r in downloads.FILES[name]]

    for name, cls in (("fashion-mnist", tv.FashionMNIST), ("kmnist", tv.KMNIST)):
        assert ours(name) == [(f, cls.mirrors[0] + f, md5) for f, md5 in cls.resources]
    theirs = tv.QMNIST.resources["train"] + tv.QMNIST.resources["test"]
    assert ours("qmnist") == [(url.rsplit("/", 1)[1], url, md5) for url, md5 in theirs]
    assert ours("emnist-letters") == [("gzip.zip", tv.EMNIST.url, tv.EMNIST.md5)]
    for name, cls in (("usps", tv.USPS), ("svhn", tv.SVHN)):
        theirs = [cls.split_list[s] for s in ("train", "test")]
        assert ours(name) == [(file, url, md5) for url, file, md5 in theirs]


def test_a_damaged_file_is_not_read(written):
    folder = written("fashion-mnist")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"other")
    with pytest.raises(DatasetError, match=r"train-labels.*not the published file"):
        datasets.load("fashion-mnist")


def test_one_missing_file_is_not_ready(written):
    folder = written("kmnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="KMNIST is not on this machine yet"):
        datasets.load("kmnist")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\0\0\x0b\x01" + bytes(4),  # another type of number
        b"\0\0\x08\x03" + b"\xff" * 12,  # announces 2**96 bytes
        b"\0\0\x08\x01" + struct.pack(">I", 5) + bytes(4),  # a byte too few
        b"\0\0\x08\x01" + struct.pack(">I", 5) + bytes(6),  # a byte too many
        b"\0\0\x08\x04" + bytes(8),
    ],
)
def test_a_wrong_idx_file(content):
    with pytest.raises(ValueError, match="it"):
        formats.read_idx(io.BytesIO(content))
