"""Tiny files in the published formats: what is read is what was written, and torchvision's."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aecore import datasets
from aecore.datasets import download, published, registry
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


def files(name: str) -> tuple[download.Remote, ...]:
    return importlib.import_module(f"aecore.datasets.sources.{name.replace('-', '_')}").FILES


@pytest.fixture
def unchecked(monkeypatch):
    """The sums of tiny files are not the published ones."""
    import torchvision.datasets as tv

    monkeypatch.setattr(
        published, "checked", lambda folder, file: download.cache_folder() / folder / file.file
    )
    monkeypatch.setattr(tv.SVHN, "_check_integrity", lambda self: True)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a dataset's files in a cache of their own."""
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    monkeypatch.setattr(registry, "_kept", type(registry._kept)())

    def write(name: str):
        folder = tmp_path / name
        folder.mkdir()
        WRITE[name](name, folder)
        return folder

    return write


def test_every_download_has_its_test():
    assert set(WRITE) == {s.name for s in datasets.all_sources().values() if s.fetch is not None}


@pytest.mark.parametrize("name", sorted(WRITE))
def test_what_is_read_is_what_was_written(name, written, unchecked):
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


def test_usps_is_torchvisions_but_for_the_rounding(written, unchecked):
    """torchvision cuts the decimals off where we round: at most one grey level."""
    import torchvision.datasets as tv

    folder = written("usps")
    data = datasets.load("usps")
    for split in N:
        theirs = tv.USPS(folder, train=split == "train")
        x = getattr(data, split).x[:, 0].numpy().astype(int)
        assert np.abs(theirs.data.astype(int) - x).max() <= 1
        assert theirs.targets == getattr(data, split).labels.tolist()


def test_torchvision_is_imported_only_to_read(tmp_path):
    code = (
        "import sys; from aecore import datasets; found = datasets.all_sources(); "
        "[s.ready() for s in found.values()]; assert 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_addresses_and_sums_are_torchvisions():
    import torchvision.datasets as tv

    def ours(name):
        return [(r.file, r.url, r.md5) for r in files(name)]

    for name, cls in (("fashion-mnist", tv.FashionMNIST), ("kmnist", tv.KMNIST)):
        assert ours(name) == [(f, cls.mirrors[0] + f, md5) for f, md5 in cls.resources]
    theirs = tv.QMNIST.resources["train"] + tv.QMNIST.resources["test"]
    assert ours("qmnist") == [(url.rsplit("/", 1)[1], url, md5) for url, md5 in theirs]
    assert ours("emnist-letters") == [("gzip.zip", tv.EMNIST.url, tv.EMNIST.md5)]
    for name, cls in (("usps", tv.USPS), ("svhn", tv.SVHN)):
        theirs = [cls.split_list[s] for s in ("train", "test")]
        assert ours(name) == [(file, url, md5) for url, file, md5 in theirs]


def test_a_damaged_file_is_not_read(written, monkeypatch):
    folder = written("fashion-mnist")
    sums = {(folder / f.file).read_bytes(): f.md5 for f in files("fashion-mnist")}
    monkeypatch.setattr(download, "_md5", lambda path: sums.get(path.read_bytes()))
    assert len(datasets.load("fashion-mnist").train) == N["train"]
    registry._kept.clear()
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"other")
    with pytest.raises(DatasetError, match=r"train-labels.*not the published file"):
        datasets.load("fashion-mnist")


def test_one_missing_file_is_not_ready(written):
    folder = written("kmnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="KMNIST is not on this machine yet"):
        datasets.load("kmnist")
