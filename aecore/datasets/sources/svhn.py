"""Street View house numbers: digits cut out of street photographs (Netzer et al. 2011)."""

from __future__ import annotations

import string
from pathlib import Path

import torch

from aecore.datasets.published import Arrays, published, remotes

FILES = remotes(
    "http://ufldl.stanford.edu/housenumbers/",
    ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
    ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 64_275_384),
)


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    from torchvision.datasets import SVHN

    train, test = (SVHN(paths[0].parent, split) for split in ("train", "test"))
    return _arrays(train.data, train.labels), _arrays(test.data, test.labels)


def _arrays(images, labels) -> Arrays:
    # MATLAB stores the last axis first: without a copy, each image would lie scattered.
    return torch.from_numpy(images.copy(order="C")), torch.from_numpy(labels)


SOURCE = published(
    "svhn",
    "Street View house numbers",
    about="Digits cut out of street photographs, 32 x 32 in colour: 73,257 to train on, "
    "26,032 held out.",
    shape=(3, 32, 32),
    class_names=tuple(string.digits),
    licence="for non-commercial use, Netzer et al. 2011",
    files=FILES,
    read=read,
)
