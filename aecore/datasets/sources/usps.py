"""USPS: handwritten digits from envelopes (Hull 1994), as LIBSVM publishes them."""

from __future__ import annotations

import bz2
import string
from pathlib import Path

import numpy as np
import torch

from aecore.datasets.published import Arrays, published, remotes

FILES = remotes(
    "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",
    ("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197", 6_579_383),
    ("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118", 1_831_726),
)


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    train, test = map(read_text, paths)
    return train, test


def read_text(path: Path) -> Arrays:
    """Read bzipped LIBSVM text, whose values go from -1 to 1 and labels from 1.

    torchvision cuts the decimals of a grey level off, which makes half of them one too dark.
    """
    rows = [line.split() for line in bz2.decompress(path.read_bytes()).decode("ascii").splitlines()]
    values = np.array([[cell.split(":")[1] for cell in row[1:]] for row in rows], np.float32)
    labels = np.array([int(float(row[0])) - 1 for row in rows])
    images = np.round((values + 1) * (255 / 2)).astype(np.uint8)
    return torch.from_numpy(images), torch.from_numpy(labels)


SOURCE = published(
    "usps",
    "USPS digits",
    about="Digits from envelopes, 16 x 16 grey pixels: 7,291 to train on, 2,007 held out.",
    shape=(1, 16, 16),
    class_names=tuple(string.digits),
    licence="free for research, Hull 1994",
    files=FILES,
    read=read,
)
