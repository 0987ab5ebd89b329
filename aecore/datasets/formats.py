"""Readers of the formats in which well-known datasets are published: bytes to NumPy arrays.

They read the archives as published; torchvision's readers want them unpacked beside them, import
for 1.5 s, and unpickle CIFAR-10. The tests hold them to torchvision's results.
"""

from __future__ import annotations

import bz2
import gzip
import math
import tarfile
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

# Far above the largest of these datasets (CIFAR-10 and SVHN need 180 and 225 MB).
MOST = 1 << 29

_IDX_TYPES = {8: np.dtype(np.uint8), 12: np.dtype(">i4")}


def read_idx(file: BinaryIO) -> np.ndarray:
    """Read an IDX file of uint8 or int32 values; raises ValueError for anything else."""
    magic = file.read(4)
    if len(magic) != 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or magic[3] > 4:
        raise ValueError("it is no IDX file")
    dtype = _IDX_TYPES[magic[2]]
    shape = np.frombuffer(file.read(4 * magic[3]), ">u4").tolist()
    size = math.prod(shape) * dtype.itemsize
    if len(shape) != magic[3] or size > MOST:
        raise ValueError(f"its header announces {size:,} bytes")
    content = file.read(size + 1)
    if len(content) != size:
        raise ValueError(f"it does not hold the {size:,} bytes that its header announces")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def read_idx_gz(path: Path) -> np.ndarray:
    """Read one gzipped IDX file."""
    with gzip.open(path) as file:
        return read_idx(file)


def read_idx_in_zip(path: Path, member: str) -> np.ndarray:
    """Read a gzipped IDX file inside a zip, as EMNIST is published."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as packed, gzip.open(packed) as f:
        return read_idx(f)


def read_usps(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read bzipped LIBSVM text: uint8 images (n, 1, 16, 16), and labels (n,) int64 from 0."""
    with bz2.open(path) as file:
        text = file.read(MOST)
    rows = [line.split() for line in text.decode("ascii").splitlines()]
    values = np.array([[cell.split(":")[1] for cell in row[1:]] for row in rows], np.float32)
    images = np.round((values + 1) * (255 / 2)).astype(np.uint8).reshape(-1, 1, 16, 16)
    return images, np.array([int(float(row[0])) - 1 for row in rows])


def read_cifar10(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read CIFAR-10's binary version, a .tar.gz of records of 1 label byte and 3,072 pixels.

    Returns images (n, 3, 32, 32) uint8 and labels (n,) int64 of 'train' and 'test'.
    """
    batches: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if member.isfile() and name.endswith(".bin") and member.size <= MOST:
                batches[name] = archive.extractfile(member).read()
    wanted = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
    found = {}
    for split, names in wanted.items():
        records = np.frombuffer(b"".join(batches[n] for n in names), np.uint8).reshape(-1, 3073)
        found[split] = records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64)
    return found


def read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read SVHN's MATLAB file: images (n, 3, 32, 32) uint8, labels (n,) int64, 10 meaning 0."""
    from scipy.io import loadmat

    content = loadmat(path, variable_names=["X", "y"])
    images = np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1))
    if images.dtype != np.uint8 or images.shape[1:] != (3, 32, 32):
        raise ValueError(f"its images are {images.dtype} of shape {images.shape[1:]}")
    return images, content["y"].astype(np.int64).reshape(-1) % 10
