"""Datasets that their authors publish as files: one call makes a source of them.

Downloading is ours: torchvision's goes to a bar on the terminal, cannot be stopped or go on where
it broke off, and unpacks everything to disk. Reading is torchvision's, wherever it gives the arrays
as published; it is imported only then, since that takes 1.5 s.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.download import Remote, by_hand, checked, fetch, present
from aecore.datasets.registry import Source
from aecore.types import DataSpec

#: Images (n, ...) uint8, and labels (n,) of whole numbers from 0.
Arrays = tuple[torch.Tensor, torch.Tensor]
#: From the checked files, in their order, to the training and the test split.
Reader = Callable[[list[Path]], tuple[Arrays, Arrays]]


def remotes(base: str, *files: tuple[str, str, int]) -> tuple[Remote, ...]:
    """Files below one address, each with its published MD5 and about its bytes."""
    return tuple(Remote(file, base + file, md5, size) for file, md5, size in files)


def published(
    name: str,
    title: str,
    *,
    about: str,
    shape: tuple[int, ...],
    class_names: tuple[str, ...],
    licence: str,
    files: Sequence[Remote],
    read: Reader,
) -> Source:
    """A source of images whose files are downloaded into a folder of its name."""
    spec = DataSpec(shape, classes=len(class_names))
    return Source(
        name,
        title,
        about,
        spec,
        partial(_load, name, spec, class_names, about, files, read),
        licence,
        fetch=partial(fetch, name, files),
        ready=partial(present, name, files),
        megabytes=sum(file.size for file in files) / 1e6,
        by_hand=partial(by_hand, name, files),
    )


def _load(
    name: str,
    spec: DataSpec,
    class_names: tuple[str, ...],
    about: str,
    files: Sequence[Remote],
    read: Reader,
) -> Dataset:
    train, test = (
        Split(images.reshape(-1, *spec.shape).contiguous(), labels.to(torch.int64))
        for images, labels in read([checked(name, file) for file in files])
    )
    return Dataset(name, spec, train, test, class_names, about)


@contextmanager
def unpacked(paths: list[Path], torchvision_class: type) -> Iterator[Path]:
    """A folder in which torchvision's class finds gzipped files unpacked, while it reads them."""
    with tempfile.TemporaryDirectory(prefix="aecore-") as root:
        raw = Path(root, torchvision_class.__name__, "raw")
        raw.mkdir(parents=True)
        for path in paths:
            with gzip.open(path) as packed, (raw / path.stem).open("wb") as file:
                shutil.copyfileobj(packed, file)
        yield Path(root)
