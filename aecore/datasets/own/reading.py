"""A person's own data: read what they upload, say what was done to it, hold a part out."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from aecore.datasets.dataset import Dataset
from aecore.datasets.limits import check_upload
from aecore.datasets.own.arrays import read_npz
from aecore.datasets.own.csv_table import names_in, read_csv
from aecore.datasets.own.hold_out import own_data
from aecore.datasets.own.images import is_image_name, read_images, read_zip
from aecore.datasets.own.pixels import Entry
from aecore.datasets.own.store import OwnData, keep, own_folder
from aecore.errors import DatasetError
from aecore.types import KINDS
from aecore.wording import short

__all__ = [
    "OwnData",
    "column_names",
    "from_file",
    "keep",
    "own_folder",
    "read_files",
    "read_upload",
]

SUFFIXES = (".zip", ".npz", ".csv", ".tsv", ".txt")


def read_upload(
    name: str,
    content: bytes | BinaryIO | Path,
    *,
    size: int | None = None,
    kind: str | None = None,
    label: str | None = None,
    missing: str = "auto",
    tell: Callable[[float, str], None] = lambda *_: None,
) -> OwnData:
    """Read a zip of images, a folder of images, an .npz or a table as text.

    name: the file's name, which says what it is. content: its bytes, an open file, or a path on
    this machine. size: side of images in pixels (28, 32, 64, 96 or 128; None: the one next to their
    median). kind: of an .npz, None to guess. label: column of the classes in a table, '' for none,
    None to guess. missing: 'drop', 'mean' or 'auto' for a table's gaps. tell: is told how far it
    is, a share and a text. Raises DatasetError with one sentence.
    """
    if kind not in (None, *KINDS):
        raise DatasetError(f"The kind of data must be one of {KINDS}, not {kind!r}.")
    if missing not in ("auto", "drop", "mean"):
        raise DatasetError(f"missing must be auto, drop or mean, not {missing!r}.")
    if isinstance(content, Path):
        found = _opened(content)
        if isinstance(found, list):
            return read_files(found, size=size, title=name)
        with found:
            return read_upload(
                name, found, size=size, kind=kind, label=label, missing=missing, tell=tell
            )
    file = _as_file(content)
    check_upload(file.seek(0, io.SEEK_END))
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DatasetError(f"{short(name)} is not of a known kind; expected {', '.join(SUFFIXES)}.")
    if suffix == ".zip":
        raw = read_zip(file, size, tell)
    elif suffix == ".npz":
        raw = read_npz(file, kind)
    else:
        raw = read_csv(file, label, missing, tell)
    tell(0.9, "holding a part out")
    return own_data(raw, name)


def _as_file(content: bytes | BinaryIO) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content


def column_names(content: bytes | BinaryIO) -> tuple[str, ...]:
    """The names of a table's columns, to choose the label from; raises DatasetError."""
    return names_in(_as_file(content))


def from_file(path: Path, *, label: str | None = None) -> Dataset:
    """A person's file as data, without keeping them. label: a table's column of classes.

    path: a zip or a folder of images, an .npz or a table as text. Raises DatasetError.
    """
    return read_upload(path.name, path, label=label).dataset


def read_files(
    files: Sequence[tuple[str, bytes]], *, size: int | None = None, title: str = "images"
) -> OwnData:
    """Read a folder of images given as (path below the folder, content) pairs."""
    wanted = [(name, content) for name, content in files if is_image_name(name)]
    check_upload(sum(len(content) for _, content in wanted) or 1)
    entries = [Entry(name, partial(io.BytesIO, content), len(content)) for name, content in wanted]
    return own_data(read_images(entries, size, others=len(files) - len(wanted)), title)


def _opened(path: Path) -> BinaryIO | list[tuple[str, bytes]]:
    """A file, open, or the images below a folder; what links lead to stays out."""
    try:
        if not path.is_dir():
            return path.open("rb")
        found = [
            p
            for p in sorted(path.rglob("*"))
            if not p.is_symlink() and p.is_file() and is_image_name(str(p.relative_to(path)))
        ]
        check_upload(sum(p.stat().st_size for p in found) or 1)
        return [(p.relative_to(path).as_posix(), p.read_bytes()) for p in found]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error
