"""A person's own data: read what they upload, say what was done to it, hold a part out."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.limits import MIN_EXAMPLES, Raw, check_upload
from aecore.datasets.own.arrays import read_npz
from aecore.datasets.own.csv_table import column_names, read_csv
from aecore.datasets.own.images import Entry, is_image_name, read_images, read_zip
from aecore.datasets.own.store import OwnData, keep, own_folder
from aecore.datasets.tables import standardise
from aecore.errors import ConfigError, DatasetError
from aecore.types import KINDS, DataSpec
from aecore.wording import count, short

__all__ = [
    "OwnData",
    "column_names",
    "from_file",
    "keep",
    "own_folder",
    "read_files",
    "read_upload",
]

HELD_OUT, HELD_OUT_LEAST = 0.15, 10
SUFFIXES = (".zip", ".npz", ".csv", ".tsv", ".txt")


def read_upload(
    name: str,
    content: bytes | Path,
    *,
    size: int | None = None,
    kind: str | None = None,
    label: str | None = None,
    missing: str = "auto",
) -> OwnData:
    """Read a zip of images, a folder of images, an .npz or a table as text.

    name: the file's name, which says what it is. content: its bytes, or a path on this machine.
    size: side of images in pixels (28, 32, 64 or 128; None: the one next to their median). kind:
    of an .npz, None to guess. label: column of the classes in a table, '' for none, None to guess.
    missing: 'drop', 'mean' or 'auto' for a table's gaps. Raises DatasetError with one sentence.
    """
    if kind not in (None, *KINDS):
        raise DatasetError(f"The kind of data must be one of {KINDS}, not {kind!r}.")
    if missing not in ("auto", "drop", "mean"):
        raise DatasetError(f"missing must be auto, drop or mean, not {missing!r}.")
    if isinstance(content, Path):
        found = _read(content)
        if not isinstance(found, bytes):
            return read_files(found, size=size, title=name)
        content = found
    check_upload(len(content))
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DatasetError(f"{short(name)} is not of a known kind; expected {', '.join(SUFFIXES)}.")
    if suffix == ".zip":
        raw = read_zip(content, size)
    elif suffix == ".npz":
        raw = read_npz(content, kind)
    else:
        raw = read_csv(content, label, missing)
    return _own(raw, name)


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
    entries = [Entry(name, partial(_stream, content), len(content)) for name, content in wanted]
    return _own(read_images(entries, size, others=len(files) - len(wanted)), title)


def _stream(content: bytes):
    return io.BytesIO(content)


def _read(path: Path) -> bytes | list[tuple[str, bytes]]:
    """A file's bytes, or those of the images below a folder; what links lead to stays out."""
    try:
        if not path.is_dir():
            check_upload(path.stat().st_size)
            return path.read_bytes()
        found = [
            p
            for p in sorted(path.rglob("*"))
            if not p.is_symlink() and p.is_file() and is_image_name(str(p.relative_to(path)))
        ]
        check_upload(sum(p.stat().st_size for p in found) or 1)
        return [(p.relative_to(path).as_posix(), p.read_bytes()) for p in found]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error


def _own(raw: Raw, file: str) -> OwnData:
    """Leave out what is there twice, hold a part out, standardise tables, and name the result."""
    title = short(Path(file.replace("\\", "/")).name, 60) or "own data"
    notes = list(raw.notes)
    train, test = _split(raw, notes)
    x_train, x_test, columns = raw.x[train], _held_out(raw, test, "x"), ()
    if raw.kind == "table":
        x_train, x_test, columns = standardise(x_train, x_test, raw.columns)
    elif x_train.dtype != x_test.dtype:
        x_train, x_test = (_float(x) for x in (x_train, x_test))
    spec = DataSpec(tuple(x_train.shape[1:]), raw.kind, len(raw.class_names))
    try:
        spec.check()
    except ConfigError as error:
        raise DatasetError(str(error)) from error
    labels = (None, None)
    if raw.labels is not None:
        labels = raw.labels[train], _held_out(raw, test, "labels")
    train_split, test_split = (
        Split(
            torch.from_numpy(np.ascontiguousarray(x)),
            None if y is None else torch.from_numpy(np.ascontiguousarray(y)),
        )
        for x, y in zip((x_train, x_test), labels, strict=True)
    )
    about = f"Own data from {title}: {len(x_train):,} to train on, {len(x_test):,} held out."
    data = Dataset("own", spec, train_split, test_split, raw.class_names, about, columns)
    digest = hashlib.sha256(f"{data.fingerprint} {title} {raw.class_names} {columns}".encode())
    for y in labels:
        digest.update(b"" if y is None else np.ascontiguousarray(y).data)
    name = f"own-{digest.hexdigest()[:12]}"
    return OwnData(dataclasses.replace(data, name=name), tuple(notes), title)


def _float(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


def _held_out(raw: Raw, rows: np.ndarray, name: str) -> np.ndarray:
    given = getattr(raw, f"{name}_test")
    return getattr(raw, name)[rows] if given is None else given[rows]


def _split(raw: Raw, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and to hold out; nothing held out is also trained on."""
    # The file's own held-out rows come first: what they hold is not trained on.
    seen: set[bytes] = set()
    held = None if raw.x_test is None else _new_rows(raw.x_test, seen)
    rows = _new_rows(raw.x, seen)
    given = len(raw.x) + (0 if raw.x_test is None else len(raw.x_test))
    n = len(rows) + (0 if held is None else len(held))
    if n < given:
        notes.append(
            f"{count(given - n, 'example')} that {'is' if given - n == 1 else 'are'} there twice "
            "were left out: what is held out must not be trained on."
        )
    if n < MIN_EXAMPLES or not len(rows):
        raise DatasetError(
            f"At least {MIN_EXAMPLES} different examples are needed, and there "
            f"{'is' if n == 1 else 'are'} {n}; add more."
        )
    if held is not None and len(held) >= HELD_OUT_LEAST:
        return rows, held
    if held is not None:
        raw.x_test = raw.labels_test = None
        notes.append("The held-out examples of the file are too few: others are held out instead.")
        if len(rows) < MIN_EXAMPLES:
            raise DatasetError(f"At least {MIN_EXAMPLES} different examples are needed; add more.")
    order = np.random.default_rng(0).permutation(rows)
    n_held = max(HELD_OUT_LEAST, round(HELD_OUT * len(rows)))
    return order[n_held:], order[:n_held]


def _new_rows(x: np.ndarray, seen: set[bytes]) -> np.ndarray:
    """Indices of the rows that were not seen before; adds them to `seen`."""
    found = []
    for i, row in enumerate(x):
        key = hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()
        if key not in seen:
            seen.add(key)
            found.append(i)
    return np.array(found, np.int64)
