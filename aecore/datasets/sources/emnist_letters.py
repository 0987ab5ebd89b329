"""EMNIST's letters, capital and small as one (Cohen et al. 2017)."""

from __future__ import annotations

import string
import tempfile
import zipfile
from pathlib import Path

from aecore.datasets.published import Arrays, published, remotes, unpacked

FILES = remotes(
    "https://biometrics.nist.gov/cs_links/EMNIST/",
    ("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", 561_753_746),
)
MEMBERS = tuple(
    f"gzip/emnist-letters-{split}-{kind}.gz"
    for split in ("train", "test")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    """Four files of the many in the archive; they are published lying on their side, a being 1."""
    from torchvision.datasets import EMNIST

    with tempfile.TemporaryDirectory(prefix="aecore-") as folder:
        with zipfile.ZipFile(paths[0]) as archive:
            packed = [Path(archive.extract(member, folder)) for member in MEMBERS]
        with unpacked(packed, EMNIST) as root:
            train, test = (EMNIST(root, "letters", train=is_train) for is_train in (True, False))
    return (train.data.mT, train.targets - 1), (test.data.mT, test.targets - 1)


SOURCE = published(
    "emnist-letters",
    "EMNIST letters",
    about="Handwritten letters, capital and small as one, 28 × 28: 124,800 to train on, "
    "20,800 held out.",
    shape=(1, 28, 28),
    class_names=tuple(string.ascii_lowercase),
    licence="public domain, NIST",
    files=FILES,
    read=read,
)
