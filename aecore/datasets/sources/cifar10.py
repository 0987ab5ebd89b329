"""CIFAR-10: small colour photographs of ten kinds (Krizhevsky 2009).

In its authors' binary version: torchvision's is a pickle, which has to be run to be read.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch

from aecore.datasets.published import Arrays, published, remotes

FILES = remotes(
    "https://www.cs.toronto.edu/~kriz/",
    ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),
)
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = ("test_batch.bin",)
RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the red, green and blue pixels


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    batches: dict[str, bytes] = {}
    with tarfile.open(paths[0], "r:gz") as archive:
        for member in archive:
            name, file = Path(member.name).name, archive.extractfile(member)
            if name in TRAIN + TEST and file is not None:
                batches[name] = file.read()
    train, test = (b"".join(batches[name] for name in names) for names in (TRAIN, TEST))
    return _records(train), _records(test)


def _records(content: bytes) -> Arrays:
    records = torch.from_numpy(np.frombuffer(content, np.uint8).reshape(-1, RECORD).copy())
    return records[:, 1:], records[:, 0]


SOURCE = published(
    "cifar10",
    "CIFAR-10",
    about="Small colour photographs of ten kinds, 32 x 32: 50,000 to train on, 10,000 held out.",
    shape=(3, 32, 32),
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    licence="free for research, Krizhevsky 2009",
    files=FILES,
    read=read,
)
