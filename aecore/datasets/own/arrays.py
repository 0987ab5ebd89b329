"""A person's arrays, from an .npz file; headers are checked before anything is read."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import IO, BinaryIO

import numpy as np
from numpy.lib import format as npy

from aecore.datasets.limits import MAX_CLASSES, MAX_VALUES, Raw, check_examples, check_values
from aecore.datasets.own.archive import opened
from aecore.datasets.own.array_values import kept_type, only, read_values, row_blocks, usable
from aecore.errors import DatasetError
from aecore.wording import count, short

# Names that people give, the first found is taken; without one of them, the largest array.
TRAIN = ("x_train", "train_x", "train_images", "images_train", "train", "x", "images", "data", "X")
TEST = ("x_test", "test_x", "test_images", "images_test", "test")
LABELS = ("y_train", "train_y", "train_labels", "labels_train", "labels", "y", "targets", "target")
TEST_LABELS = ("y_test", "test_y", "test_labels", "labels_test")
SIGNAL_FROM = 48  # as many values in a row as this are rather a signal than a table's columns
MOST_ARRAYS = 1000  # in a file; it takes as long to list more as it does to trap somebody
MOST_LABEL_BYTES = 1 << 26
LONGEST_HEADER = 1 << 17


@dataclass(frozen=True)
class _Header:
    """What an array says about itself; `begin`: where its values do, in bytes."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    begin: int


def read_npz(file: BinaryIO, kind: str | None = None) -> Raw:
    """Read examples and, where there are any, labels and a held-out split.

    (n, h, w), (n, h, w, 1 or 3) and (n, 1 or 3, h, w) are images; (n, f) is a table, or signals
    when f is large, and so is (n, 1, f), as networks for signals take them; `kind` decides
    otherwise. Object arrays, which would have to be unpickled, are
    refused. Raises DatasetError.
    """
    archive = opened(
        file,
        MOST_ARRAYS,
        f"The .npz file holds more than {MOST_ARRAYS:,} arrays; write x, and y for labels, into "
        "one.",
        "The file is not a readable .npz archive; write it again with numpy.savez.",
    )
    with archive:
        infos = {
            i.filename[: -len(".npy")]: i for i in archive.infolist() if i.filename.endswith(".npy")
        }
        headers = {name: _header(archive, info) for name, info in infos.items()}
        if not headers:
            raise DatasetError("The .npz file holds no arrays; write x, and y for labels, into it.")
        chosen = _choose(headers)
        examples = [name for name in chosen if name not in LABELS + TEST_LABELS]
        check_values(sum(math.prod(headers[name].shape) for name in examples))
        found = _kind(headers[chosen[0]].shape, kind)
        arrays = {name: _values(archive, infos[name], name, headers[name]) for name in chosen}
        if found != "image":
            for name in examples:
                arrays[name] = arrays[name].reshape(len(arrays[name]), -1)
    test_name = next((n for n in chosen if n in TEST), None)
    raw = Raw(found, arrays[chosen[0]], x_test=None if test_name is None else arrays[test_name])
    if found != "image" and kind is None:
        raw.notes.append(
            f"Rows of {raw.x.shape[1]:,} numbers are taken as "
            f"{'signals' if found == 'signal' else 'a table'}."
        )
    if found == "table":
        raw.columns = tuple(f"column {i + 1}" for i in range(raw.x.shape[1]))
    _drop_not_finite(
        raw,
        next((arrays[n] for n in chosen if n in LABELS), None),
        next((arrays[n] for n in chosen if n in TEST_LABELS), None),
    )
    types = [headers[name].dtype for name in examples]
    if found == "table":
        _as_floats(raw)
    else:
        _into_unit_range(raw, types)
    return raw


def _kind(shape: tuple[int, ...], kind: str | None) -> str:
    """What examples of an array of this shape are. Raises DatasetError where they cannot be."""
    size = math.prod(shape[1:])
    row = size == max(shape[1:])  # one axis has all the values
    found = kind or ("signal" if row and size >= SIGNAL_FROM else "table" if row else "image")
    if (found == "image" and len(shape) < 3) or (found != "image" and not row):
        raise DatasetError(
            f"An array of shape {shape} does not hold examples of kind {found!r}; "
            "images have three or four axes, tables and signals two."
        )
    return found


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Header:
    """Shape, order and type of one array, from its header alone."""
    name = short(info.filename)
    try:
        with archive.open(info) as file:
            return _read_header(file)
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


def _read_header(file: IO[bytes]) -> _Header:
    # NumPy would read as much as the header says that it is long, which may be 4 GB.
    text = io.BytesIO(file.read(LONGEST_HEADER))
    version = npy.read_magic(text)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = reader(text)
    if any(n < 0 for n in shape):
        raise ValueError("a negative size")
    return _Header(shape, fortran, dtype, text.tell())


def _choose(headers: dict) -> list[str]:
    """The names of the arrays to read, the examples first."""
    x = next((n for n in TRAIN if n in headers), None)
    if x is None:
        rows = {n: h.shape for n, h in headers.items() if len(h.shape) > 1}
        if not rows:
            raise DatasetError(
                "No array in the .npz file has examples in rows; write one of shape (n, height, "
                f"width) or (n, columns) as x (found: {short(', '.join(headers), 80)})."
            )
        x = max(rows, key=lambda n: math.prod(rows[n]))
    shape = headers[x].shape
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
    if test is not None and headers[test].shape[1:] == shape[1:] and headers[test].shape[0]:
        check_examples(headers[test].shape[0], "examples")
        chosen.append(test)
    for names, split in ((LABELS, x), (TEST_LABELS, test)):
        name = next((n for n in names if n in headers and n != x), None)
        if (
            name is not None
            and split in chosen
            and headers[name].shape
            in (
                headers[split].shape[:1],
                (*headers[split].shape[:1], 1),
            )
        ):
            chosen.append(name)
    for name in chosen:
        if headers[name].dtype.hasobject:
            raise DatasetError(
                f"{short(name)} holds Python objects, which are never unpickled here; "
                "write it as an array of numbers."
            )
        if headers[name].dtype.kind not in ("biufU" if name in LABELS + TEST_LABELS else "biuf"):
            raise DatasetError(
                f"{short(name)} holds {short(str(headers[name].dtype))} values; expected numbers."
            )
    return chosen


def _values(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, header: _Header
) -> np.ndarray:
    """An array's values: examples with their channels first, labels as they are."""
    shape, axes, kept = header.shape, None, header.dtype
    if name in LABELS + TEST_LABELS:
        if math.prod(shape) * header.dtype.itemsize > MOST_LABEL_BYTES:
            raise DatasetError(f"The labels in {short(name)} are too long; write numbers or words.")
    else:
        kept = kept_type(header.dtype)
        axes = _channels_first(shape)
    try:
        with archive.open(info) as file:
            file.read(header.begin)
            values = read_values(file, name, shape, header.dtype, header.fortran, kept, axes)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{short(name)} in the .npz file is damaged; write it again.") from error
    return values[:, None] if len(shape) == 3 and axes is not None else values


def _channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The order of the axes in which an array's images have their channels first."""
    if len(shape) < 4 or shape[1] in (1, 3):
        return tuple(range(len(shape)))
    if shape[3] in (1, 3):
        return 0, 3, 1, 2
    raise DatasetError(
        f"Images of shape {shape[1:]} have neither 1 nor 3 channels; "
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
        good = usable(x)
        if not good.all():
            dropped += int((~good).sum())
            x, y = only(x, good), None if y is None else y[good]
        setattr(raw, name, x)
        setattr(raw, f"labels{name[1:]}", y)
    raw.lost["with missing or infinite values"] = dropped
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


def _into_unit_range(raw: Raw, types: list[np.dtype]) -> None:
    """Bring images and signals into [0, 1], as uint8 or float32, and say how.

    types: of the arrays as they came.
    """
    if not len(raw.x):
        return
    low, high = float(raw.x.min()), float(raw.x.max())
    if all(x is None or x.dtype == np.uint8 for x in (raw.x, raw.x_test)):
        if high <= 1:
            for x in (raw.x, raw.x_test):
                if x is not None:
                    x *= np.uint8(255)  # zeros and ones are black and white
        return
    integer = types[0].kind in "iu"
    if types[0].kind == "b" or (integer and low >= 0 and high <= 1):
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
    _as_floats(raw)
    for x in (raw.x, raw.x_test):
        if x is None:
            continue
        for rows in row_blocks(x):
            x[rows] -= np.float32(low)
            x[rows] /= np.float32(scale)
            np.clip(x[rows], 0, 1, out=x[rows])


def _as_floats(raw: Raw) -> None:
    raw.x = raw.x.astype(np.float32, copy=False)
    if raw.x_test is not None:
        raw.x_test = raw.x_test.astype(np.float32, copy=False)
