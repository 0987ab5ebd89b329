"""KMNIST: cursive Japanese characters in the format of MNIST (Clanuwat et al. 2018)."""

from __future__ import annotations

from pathlib import Path

from aecore.datasets.published import Arrays, published, remotes, unpacked

FILES = remotes(
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7", 18_165_135),
    ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344", 29_497),
    ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7", 3_041_136),
    ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134", 5_120),
)


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    from torchvision.datasets import KMNIST

    with unpacked(paths, KMNIST) as root:
        train, test = (KMNIST(root, train=is_train) for is_train in (True, False))
    return (train.data, train.targets), (test.data, test.targets)


SOURCE = published(
    "kmnist",
    "KMNIST",
    about="Cursive Japanese characters, 28 × 28 grey pixels: 60,000 to train on, 10,000 held out.",
    shape=(1, 28, 28),
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    licence="CC BY-SA 4.0, ROIS-DS Center for Open Data in the Humanities",
    files=FILES,
    read=read,
)
