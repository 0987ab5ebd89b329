"""A person's arrays, from an .npz file; headers are checked before anything is read."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from tokenize import TokenError
from typing import IO

import numpy as np
from numpy.lib import format as npy

from aecore.datasets.limits import MAX_CLASSES, MAX_VALUES, Raw, check_bytes, check_examples
from aecore.errors import DatasetError
from aecore.wording import count, short

# Names that people give, the first found is taken; without one of them, the largest array.
TRAIN = ("x_train", "train_x", "train_images", "images_train", "train", "x", "images", "data", "X")
TEST = ("x_test", "test_x", "test_images", "images_test", "test")
LABELS = ("y_train", "train_y", "train_labels", "labels_train", "labels", "y", "targets", "target")
TEST_LABELS = ("y_test", "test_y", "test_labels", "labels_test")
SIGNAL_FROM = 48  # as many values in a row as this are rather a signal than a table's columns


def read_npz(content: bytes, kind: str | None = None) -> Raw:
    """Read examples and, where there are any, labels and a held-out split.

    (n, h, w), (n, h, w, 1 or 3) and (n, 1 or 3, h, w) are images; (n, f) is a table, or signals
    when f is large; `kind` decides otherwise. Object arrays, which would have to be unpickled, are
    refused. Raises DatasetError.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DatasetError(
            "The file is not a readable .npz archive; write it again with numpy.savez."
        ) from error
    with archive:
        infos = {
            i.filename[: -len(".npy")]: i
            for i in archive.infolist()[:200]
            if i.filename.endswith(".npy")
        }
        headers = {name: _header(archive, info) for name, info in infos.items()}
        if not headers:
            raise DatasetError("The .npz file holds no arrays; write x, and y for labels, into it.")
        chosen = _choose(headers)
        check_bytes(sum(math.prod(headers[n][0]) * _kept_size(headers[n][1]) for n in chosen))
        arrays = {n: _read(archive, infos[n], n, *headers[n]) for n in chosen}
    x_name = chosen[0]
    test_name = next((n for n in chosen if n in TEST), None)
    return _raw(
        arrays[x_name],
        None if test_name is None else arrays[test_name],
        next((arrays[n] for n in chosen if n in LABELS), None),
        next((arrays[n] for n in chosen if n in TEST_LABELS), None),
        kind,
    )


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of one array, from its header alone."""
    name = short(info.filename)
    try:
        with archive.open(info) as file:
            return _read_header(file)[:2]
    except DatasetError:
        raise
    # NumPy parses the header as a Python literal, hence the last two.
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SyntaxError, TokenError) as error:
        raise DatasetError(
            f"{name} in the .npz file is damaged; write it again with numpy.savez."
        ) from error
    except (NotImplementedError, RuntimeError, RecursionError, MemoryError, zlib.error) as error:
        raise DatasetError(
            f"{name} in the .npz file is damaged or locked; write it again with numpy.savez."
        ) from error


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    version = npy.read_magic(file)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    if any(n < 0 for n in shape):
        raise ValueError("a negative size")
    return shape, dtype, fortran


def _choose(headers: dict) -> list[str]:
    """The names of the arrays to read, the examples first."""
    x = next((n for n in TRAIN if n in headers), None)
    if x is None:
        rows = {n: h for n, h in headers.items() if len(h[0]) > 1}
        if not rows:
            raise DatasetError(
                "No array in the .npz file has examples in rows; write one of shape (n, height, "
                f"width) or (n, columns) as x (found: {short(', '.join(headers), 80)})."
            )
        x = max(rows, key=lambda n: math.prod(rows[n][0]))
    shape = headers[x][0]
    if not 2 <= len(shape) <= 4 or math.prod(shape) == 0:
        raise DatasetError(
            f"{short(x)} has the shape {short(str(shape))}; expected (n, height, width), "
            "(n, height, width, 3) or (n, columns)."
        )
    check_examples(shape[0], "examples")
    if math.prod(shape[1:]) > MAX_VALUES:
        raise DatasetError(
            f"One example of {short(x)} has {math.prod(shape[1:]):,} values, and at most "
            f"{MAX_VALUES:,} are taken; make them smaller."
        )
    chosen = [x]
    test = next((n for n in TEST if n in headers and n != x), None)
    if test is not None and headers[test][0][1:] == shape[1:] and headers[test][0][0]:
        check_examples(headers[test][0][0], "examples")
        chosen.append(test)
    for names, split in ((LABELS, x), (TEST_LABELS, test)):
        name = next((n for n in names if n in headers and n != x), None)
        if (
            name is not None
            and split in chosen
            and headers[name][0]
            in (
                headers[split][0][:1],
                (*headers[split][0][:1], 1),
            )
        ):
            chosen.append(name)
    for name in chosen:
        if headers[name][1].hasobject:
            raise DatasetError(
                f"{short(name)} holds Python objects, which are never unpickled here; "
                "write it as an array of numbers."
            )
        if headers[name][1].kind not in ("biufU" if name in LABELS + TEST_LABELS else "biuf"):
            raise DatasetError(
                f"{short(name)} holds {short(str(headers[name][1]))} values; expected numbers."
            )
    return chosen


def _kept_size(dtype: np.dtype) -> int:
    """Bytes a value takes while it is read and kept; float64 stays until it is converted."""
    return 1 if dtype == np.uint8 else max(4, dtype.itemsize)


def _read(archive, info, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Read one array's values; no more than its header says."""
    out = np.empty(math.prod(shape), dtype)
    view, done = out.view(np.uint8).data, 0
    try:
        with archive.open(info) as file:
            fortran = _read_header(file)[2]
            while done < len(view) and (piece := file.read(min(1 << 20, len(view) - done))):
                view[done : done + len(piece)] = piece
                done += len(piece)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        done = -1
    if done != len(view):
        raise DatasetError(f"{short(name)} in the .npz file is cut off or damaged; write it again.")
    return out.reshape(shape, order="F" if fortran else "C")


def _raw(x, x_test, labels, labels_test, kind: str | None) -> Raw:
    image = x.ndim > 2
    found = kind or ("image" if image else "signal" if x.shape[1] >= SIGNAL_FROM else "table")
    if (found == "image") != image:
        raise DatasetError(
            f"An array of shape {x.shape} does not hold examples of kind {found!r}; "
            "images have three or four axes, tables and signals two."
        )
    raw = Raw(found, x, x_test=x_test)
    if image:
        raw.x = _channels_first(x)
        raw.x_test = None if x_test is None else _channels_first(x_test)
    elif kind is None:
        raw.notes.append(
            f"Rows of {x.shape[1]:,} numbers are taken as "
            f"{'signals' if found == 'signal' else 'a table'}."
        )
    if found == "table":
        raw.columns = tuple(f"column {i + 1}" for i in range(x.shape[1]))
    _drop_not_finite(raw, labels, labels_test)
    if found != "table":
        _into_unit_range(raw)
    return raw


def _channels_first(x: np.ndarray) -> np.ndarray:
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in (1, 3):
        return x
    if x.shape[3] in (1, 3):
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    raise DatasetError(
        f"Images of shape {x.shape[1:]} have neither 1 nor 3 channels; "
        "keep the grey or the red, green and blue values."
    )


def _drop_not_finite(raw: Raw, labels, labels_test) -> None:
    """Leave out examples with NaN or infinite values, and put the labels in."""
    dropped = 0
    for name, given in (("x", labels), ("x_test", labels_test)):
        x = getattr(raw, name)
        if x is None:
            continue
        y = None if given is None else given.reshape(-1)
        if x.dtype.kind == "f":
            # NaN fails it too, and so does what a float32 could not hold.
            good = np.array([bool((np.abs(row) < 1e30).all()) for row in x], bool)
            if not good.all():
                dropped += int((~good).sum())
                x, y = x[good], None if y is None else y[good]
        setattr(raw, name, x)
        setattr(raw, f"labels{name[1:]}", y)
    if dropped:
        raw.notes.append(
            f"{count(dropped, 'example')} with missing or infinite values "
            f"{'was' if dropped == 1 else 'were'} left out."
        )
    _classes(raw)


def _classes(raw: Raw) -> None:
    """Number the labels from 0; give them up where they cannot be classes."""
    if raw.labels is None or (raw.x_test is not None and raw.labels_test is None):
        raw.labels = raw.labels_test = None
        return
    both = raw.labels if raw.labels_test is None else np.concatenate([raw.labels, raw.labels_test])
    names = np.unique(both)
    if len(names) > min(MAX_CLASSES, max(2, len(both) // 2)):
        raw.labels = raw.labels_test = None
        raw.notes.append(f"The labels have {len(names):,} values, too many to be classes.")
        return
    raw.class_names = tuple(
        short(str(int(n)) if names.dtype.kind == "f" and n == n // 1 else str(n)) for n in names
    )
    raw.labels = np.searchsorted(names, raw.labels).astype(np.int64)
    if raw.labels_test is not None:
        raw.labels_test = np.searchsorted(names, raw.labels_test).astype(np.int64)


def _into_unit_range(raw: Raw) -> None:
    """Bring images and signals into [0, 1], as uint8 or float32, and say how."""
    whole = all(a is None or a.dtype == np.uint8 for a in (raw.x, raw.x_test))
    if not len(raw.x) or (whole and raw.x.max() > 1):
        return
    low, high = float(raw.x.min()), float(raw.x.max())
    integer = raw.x.dtype.kind in "iu"
    if raw.x.dtype == bool or (integer and low >= 0 and high <= 1):
        low, high = 0.0, 1.0
    elif integer and low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0
    elif low < 0 or high > 1:
        if low >= 0 and high <= 255 and high > 64:
            low, high = 0.0, 255.0
        raw.notes.append(f"The values were scaled: {low:g} became 0 and {high:g} became 1.")
    else:
        low, high = 0.0, 1.0
    scale = (high - low) or 1.0
    for name in ("x", "x_test"):
        x = getattr(raw, name)
        if x is not None:
            x = (x.astype(np.float32) - np.float32(low)) / np.float32(scale)
            setattr(raw, name, np.clip(x, 0, 1))
