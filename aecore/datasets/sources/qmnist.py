"""QMNIST: MNIST rebuilt from its source, with test digits that MNIST left out.

Yadav and Bottou, 'Cold case: the lost MNIST digits' (2019).
"""

from __future__ import annotations

import string
from pathlib import Path

from aecore.datasets.published import Arrays, published, remotes, unpacked

FILES = remotes(
    "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
    ("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370", 9_704_059),
    ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4", 463_024),
    ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412", 9_742_279),
    ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa", 526_800),
)
TEST = 10_000


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    """The labels' first column is the digit. The test split: the first that MNIST left out."""
    from torchvision.datasets import QMNIST

    with unpacked(paths, QMNIST) as root:
        train, test = (QMNIST(root, what) for what in ("train", "test50k"))
    return (train.data, train.targets[:, 0]), (test.data[:TEST], test.targets[:TEST, 0])


SOURCE = published(
    "qmnist",
    "QMNIST",
    about="MNIST's 60,000 training digits rebuilt from their source, and held out 10,000 test "
    "digits that MNIST left out.",
    shape=(1, 28, 28),
    class_names=tuple(string.digits),
    licence="BSD 3-clause, Yadav and Bottou",
    files=FILES,
    read=read,
)
