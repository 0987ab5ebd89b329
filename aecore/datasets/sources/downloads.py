"""Well-known image datasets, downloaded once: the files and sums of torchvision's table.

CIFAR-10 comes in its authors' binary version, which unlike the usual one need not be unpickled.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from aecore.datasets import formats
from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.download import Remote, by_hand, checked, fetch, present
from aecore.datasets.registry import Source, register
from aecore.types import DataSpec

Arrays = tuple[np.ndarray, np.ndarray]  # images and labels of one split

_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_KMNIST = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
_USPS = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
_SVHN = "http://ufldl.stanford.edu/housenumbers/"
_DIGITS = tuple(string.digits)

# In the order: training images, training labels, test images, test labels.
FILES: dict[str, list[Remote]] = {
    name: [Remote(file, base + file, md5, size) for file, md5, size in files]
    for name, base, files in (
        (
            "fashion-mnist",
            _FASHION,
            [
                ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
                ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
                ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
                ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
            ],
        ),
        (
            "kmnist",
            _KMNIST,
            [
                ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7", 18_165_135),
                ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344", 29_497),
                ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7", 3_041_136),
                ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134", 5_120),
            ],
        ),
        (
            "qmnist",
            _QMNIST,
            [
                (
                    "qmnist-train-images-idx3-ubyte.gz",
                    "ed72d4157d28c017586c42bc6afe6370",
                    9_704_059,
                ),
                ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4", 463_024),
                ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412", 9_742_279),
                ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa", 526_800),
            ],
        ),
        (
            "emnist-letters",
            "https://biometrics.nist.gov/cs_links/EMNIST/",
            [
                ("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", 561_753_746),
            ],
        ),
        (
            "usps",
            _USPS,
            [
                ("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197", 6_579_383),
                ("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118", 1_831_726),
            ],
        ),
        (
            "cifar10",
            "https://www.cs.toronto.edu/~kriz/",
            [
                ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),
            ],
        ),
        (
            "svhn",
            _SVHN,
            [
                ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
                ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 64_275_384),
            ],
        ),
    )
}


def _paths(name: str):
    return [checked(name, remote) for remote in FILES[name]]


def _idx(name: str) -> tuple[Arrays, Arrays]:
    a, b, c, d = (formats.read_idx_gz(path) for path in _paths(name))
    return (a[:, None], b), (c[:, None], d)


def _qmnist(name: str) -> tuple[Arrays, Arrays]:
    # The labels' first column is the digit. MNIST's own test images are the first 10,000 of the
    # test file; the 10,000 after them are the first of those that MNIST left out.
    (train, train_labels), (test, test_labels) = _idx(name)
    new = slice(10_000, 20_000)
    return (train, train_labels[:, 0]), (test[new], test_labels[new, 0])


def _emnist(name: str) -> tuple[Arrays, Arrays]:
    (path,) = _paths(name)

    def split(which: str) -> Arrays:
        start = f"gzip/emnist-letters-{which}"
        images = formats.read_idx_in_zip(path, f"{start}-images-idx3-ubyte.gz")
        labels = formats.read_idx_in_zip(path, f"{start}-labels-idx1-ubyte.gz")
        # They are published lying on their side, and a is 1.
        return images.swapaxes(1, 2)[:, None], labels.astype(np.int64) - 1

    return split("train"), split("test")


def _usps(name: str) -> tuple[Arrays, Arrays]:
    train, test = (formats.read_usps(path) for path in _paths(name))
    return train, test


def _cifar10(name: str) -> tuple[Arrays, Arrays]:
    found = formats.read_cifar10(*_paths(name))
    return found["train"], found["test"]


def _svhn(name: str) -> tuple[Arrays, Arrays]:
    train, test = (formats.read_svhn(path) for path in _paths(name))
    return train, test


def _load(
    name: str,
    spec: DataSpec,
    names: tuple[str, ...],
    about: str,
    read: Callable[[str], tuple[Arrays, Arrays]],
) -> Dataset:
    train, test = (
        Split(
            torch.from_numpy(np.ascontiguousarray(images)).reshape(-1, *spec.shape),
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in read(name)
    )
    return Dataset(name, spec, train, test, names, about)


def _register(
    name: str,
    title: str,
    about: str,
    shape: tuple[int, ...],
    names: tuple[str, ...],
    read: Callable[[str], tuple[Arrays, Arrays]],
    licence: str,
) -> None:
    spec, remotes = DataSpec(shape, classes=len(names)), FILES[name]
    register(
        Source(
            name,
            title,
            about,
            spec,
            partial(_load, name, spec, names, about, read),
            licence,
            fetch=partial(fetch, name, remotes),
            ready=partial(present, name, remotes),
            megabytes=sum(r.size for r in remotes) / 1e6,
            by_hand=partial(by_hand, name, remotes),
        )
    )


_register(
    "fashion-mnist",
    "Fashion-MNIST",
    "Clothes and shoes, 28 × 28 grey pixels: 60,000 to train on, 10,000 held out.",
    (1, 28, 28),
    (
        "T-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    _idx,
    "MIT, Zalando",
)
_register(
    "kmnist",
    "KMNIST",
    "Cursive Japanese characters, 28 × 28 grey pixels: 60,000 to train on, 10,000 held out.",
    (1, 28, 28),
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    _idx,
    "CC BY-SA 4.0, ROIS-DS Center for Open Data in the Humanities",
)
_register(
    "qmnist",
    "QMNIST",
    "MNIST's 60,000 training digits rebuilt from their source, and held out 10,000 test digits "
    "that MNIST left out.",
    (1, 28, 28),
    _DIGITS,
    _qmnist,
    "BSD 3-clause, Yadav and Bottou",
)
_register(
    "emnist-letters",
    "EMNIST letters",
    "Handwritten letters, capital and small as one, 28 × 28: 124,800 to train on, 20,800 held out.",
    (1, 28, 28),
    tuple(string.ascii_lowercase),
    _emnist,
    "public domain, NIST",
)
_register(
    "usps",
    "USPS digits",
    "Digits from envelopes, 16 x 16 grey pixels: 7,291 to train on, 2,007 held out.",
    (1, 16, 16),
    _DIGITS,
    _usps,
    "free for research, Hull 1994",
)
_register(
    "cifar10",
    "CIFAR-10",
    "Small colour photographs of ten kinds, 32 x 32: 50,000 to train on, 10,000 held out.",
    (3, 32, 32),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    _cifar10,
    "free for research, Krizhevsky 2009",
)
_register(
    "svhn",
    "Street View house numbers",
    "Digits cut out of street photographs, 32 x 32 in colour: 73,257 to train on, 26,032 held out.",
    (3, 32, 32),
    _DIGITS,
    _svhn,
    "for non-commercial use, Netzer et al. 2011",
)
