"""The values of a person's arrays: read in pieces into the type and order in which they are kept.

Nothing here holds an array twice: what is left out, scaled or put into another order is so in
place.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np

from aecore.datasets.limits import CHUNK
from aecore.errors import DatasetError
from aecore.wording import short

_LARGEST = 1e30  # more than a float32 can square


def kept_type(dtype: np.dtype) -> np.dtype:
    """What values of a type are kept as: bytes and truth values as bytes, all else as float32."""
    return np.dtype(np.uint8 if dtype == np.uint8 or dtype.kind == "b" else np.float32)


def read_values(
    file: IO[bytes],
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    fortran: bool,
    kept: np.dtype,
    axes: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Read an array whose header was read already, as `kept` and with its axes in another order.

    axes: of the result, in terms of the file's; None leaves them. Never takes more than the result
    and a piece. Raises DatasetError where the file ends too early or is damaged.
    """
    axes = axes or tuple(range(len(shape)))
    out = np.empty([shape[axis] for axis in axes], kept)
    seen = out.transpose(np.argsort(axes))  # as the file has it
    try:
        for part in _pieces(seen.T if fortran else seen):
            values = np.frombuffer(_exactly(file, part.size * dtype.itemsize), dtype)
            with np.errstate(over="ignore", invalid="ignore"):  # too large is infinite then
                part[...] = values.reshape(part.shape)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"{short(name)} in the .npz file is cut off or damaged; write it again."
        ) from error
    return out


def _pieces(view: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of a view in the order of its values, of at most CHUNK each."""
    if view.size <= CHUNK or view.ndim == 0:
        yield view
        return
    inside = view.size // len(view)
    if inside > CHUNK:
        for part in view:
            yield from _pieces(part)
        return
    step = CHUNK // inside
    for start in range(0, len(view), step):
        yield view[start : start + step]


def _exactly(file: IO[bytes], size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        piece = file.read(size - len(data))
        if not piece:
            raise EOFError("the array ends too early")
        data += piece
    return data


def usable(x: np.ndarray) -> np.ndarray:
    """Which examples (n,) have only numbers, none of them larger than a float32 can square."""
    good = np.ones(len(x), bool)
    if x.dtype.kind != "f":
        return good
    for rows in row_blocks(x):
        with np.errstate(invalid="ignore"):
            fine = np.abs(x[rows]) < _LARGEST  # NaN fails it too
        good[rows] = fine.reshape(len(fine), -1).all(1)
    return good


def only(x: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The examples that are good, moved together in place: a part of x itself."""
    at = 0
    for rows in row_blocks(x):
        kept = x[rows][good[rows]]
        x[at : at + len(kept)] = kept
        at += len(kept)
    return x[:at]


def arranged(x: np.ndarray, order: np.ndarray) -> np.ndarray:
    """x[order] in place, for an order that names no row twice; what it does not name is lost."""
    rest = np.ones(len(x), bool)
    rest[order] = False
    source = np.concatenate([order, np.flatnonzero(rest)])
    done = np.zeros(len(x), bool)
    for start in range(len(x)):
        if done[start]:
            continue
        at, first = start, x[start].copy()
        while source[at] != start:  # round a cycle: each place takes the row that belongs there
            x[at] = x[source[at]]
            done[at] = True
            at = source[at]
        x[at] = first
        done[at] = True
    return x[: len(order)]


def row_blocks(x: np.ndarray, values: int = CHUNK) -> Iterator[slice]:
    """The examples of x in blocks of about so many values."""
    step = max(1, values // max(1, x[:1].size))
    return (slice(start, min(start + step, len(x))) for start in range(0, len(x), step))
