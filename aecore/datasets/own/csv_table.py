"""A person's table, from text: separators, encodings, decimal commas, gaps, labels.

Rows are turned into numbers in blocks, so that a large file never stands in memory as text cells.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice

import numpy as np

from aecore.datasets.limits import (
    MAX_COLUMNS,
    Raw,
    check_bytes,
    check_examples,
    count,
    short,
)
from aecore.datasets.own.column import FORMULA, Column, is_number
from aecore.errors import DatasetError

LABEL_NAMES = ("label", "labels", "class", "target", "species", "category", "y", "kind", "type")
MOST_CLASSES = 100
_SEPARATORS = (",", ";", "\t")
_CELLS = 1 << 18  # in a block
_PIECE = 1 << 20


def read_csv(content: bytes, label: str | None = None, missing: str = "auto") -> Raw:
    """Read a table: raw float32 values (n, columns), NaN-free, and labels.

    label: the column of the classes, '' for none, None to guess. missing: 'drop' leaves out rows
    with gaps, 'mean' fills in the column's mean, 'auto' drops up to a fifth of the rows.
    Raises DatasetError.
    """
    encoding, notes = _encoding(content), []
    if encoding == "latin-1":
        notes.append("The file is not UTF-8: it was read as Latin-1 (Western European).")
    separator = _separator(_lines(content, encoding))
    # Where a comma separates the cells it is no decimal comma.
    columns, skipped = _columns(_rows(_lines(content, encoding), separator), separator != ",")
    n = sum(map(len, columns[0].numbers)) if columns else 0
    if n == 0:
        raise DatasetError("The table has no rows of values; expected a header and rows below it.")
    if skipped > n:
        raise DatasetError(
            f"{count(skipped, 'row')} have another number of cells than the first row; "
            "save the table with one separator throughout."
        )
    raw = Raw("table", np.empty(0), notes=notes)
    if skipped:
        notes.append(f"{count(skipped, 'row')} with too many or too few cells were left out.")
    labelled = _label(columns, label, n, raw)
    _fill(columns, labelled, n, missing, raw)
    return raw


def column_names(content: bytes) -> tuple[str, ...]:
    """The names of a table's columns, to choose the label from; raises DatasetError."""
    encoding = _encoding(content)
    separator = _separator(_lines(content, encoding))
    first = list(islice(_rows(_lines(content, encoding), separator), 50))
    return tuple(column.name for column in _columns(iter(first), separator != ",")[0])


def _encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in content[:4096]:
        raise DatasetError("The file is not text; save the table as CSV (UTF-8) and upload it.")
    # Piece by piece: one character beyond Latin makes the whole text four bytes a character.
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _PIECE):
            decoder.decode(content[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _lines(content: bytes, encoding: str) -> Iterator[str]:
    """The lines of a text, with their ends; raises DatasetError for one without end."""
    file = io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="")
    while line := file.readline(_PIECE):
        if len(line) == _PIECE:
            raise DatasetError(
                f"A line of the table has more than {_PIECE:,} characters; put one example into "
                "each line."
            )
        yield line


def _separator(lines: Iterator[str]) -> str:
    """The separator that cuts the first lines into the most cells, all alike if any is."""
    lines = [line for line in islice(lines, 40) if line.strip()][:20]
    if not lines:
        raise DatasetError("The file is empty; choose one that holds data.")

    def quality(separator: str) -> tuple[bool, int]:
        numbers = {line.count(separator) for line in lines}
        return (len(numbers) == 1 and numbers != {0}, lines[0].count(separator))

    # With decimal commas the comma is everywhere: what else cuts evenly is the separator.
    return max((";", "\t", ","), key=quality)


def _rows(lines: Iterator[str], separator: str) -> Iterator[list[str]]:
    try:
        for row in csv.reader(lines, delimiter=separator):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise DatasetError(
            f"The table could not be read ({error}); check its quotation marks."
        ) from error


def _columns(rows: Iterator[list[str]], comma: bool) -> tuple[list[Column], int]:
    """Read all rows in blocks; returns the columns and how many rows did not fit."""
    first = next(rows, None)
    if first is None:
        raise DatasetError("The table has only empty cells; choose one that holds data.")
    if len(first) > MAX_COLUMNS:
        raise DatasetError(
            f"The table has {len(first):,} columns, and at most {MAX_COLUMNS:,} are taken."
        )
    header = not all(is_number(cell, comma) for cell in first)
    names = [short(c) if header and c.strip() else f"column {i + 1}" for i, c in enumerate(first)]
    for cell in first:
        if FORMULA.match(cell) and not is_number(cell, comma):
            raise DatasetError(
                f"The first row holds a formula ({short(cell)}); save the table with values only "
                "and upload it again."
            )
    columns = [Column(name) for name in names]
    block: list[list[str]] = [] if header else [first]
    skipped, taken, height = 0, 0, max(1, _CELLS // len(first))

    def flush() -> None:
        nonlocal taken
        for column, cells in zip(columns, zip(*block, strict=True), strict=True):
            column.add(cells, taken + 1 + header, comma)
        taken += len(block)
        check_examples(taken, "rows")
        check_bytes(taken * len(columns) * 4)
        block.clear()

    for row in rows:
        if len(row) != len(columns):
            skipped += 1
            continue
        block.append(row)
        if len(block) >= height:
            flush()
    if block:
        flush()
    return columns, skipped


def _label(columns: list[Column], label: str | None, n: int, raw: Raw) -> Column | None:
    """Find the column of classes and put it into `raw`."""
    most = max(2, min(MOST_CLASSES, n // 3))
    if label == "":
        return None
    if label is not None:
        found = next((c for c in columns if c.name == short(label)), None)
        if found is None:
            raise DatasetError(
                f"There is no column {short(label)!r}; choose one of "
                f"{short(', '.join(c.name for c in columns), 80)}."
            )
        classes = found.classes(most)
        if classes is None:
            raise DatasetError(
                f"The column {short(label)!r} cannot be the classes: it needs from 2 to {most} "
                "different values; choose another one or none."
            )
    else:
        named = [c for c in columns if c.name.strip().lower() in LABEL_NAMES]
        found, classes = None, None
        # A measured target has many values: as a number only up to twenty are taken for classes.
        for column in named + [c for c in reversed(columns) if c.texts > n / 2]:
            classes = column.classes(most if column.texts else min(most, 20))
            if classes is not None:
                found = column
                break
        if found is None:
            return None
        raw.notes.append(f"The column {found.name!r} is taken as the classes.")
    raw.labels, raw.class_names = classes
    return found


def _fill(columns: list[Column], labelled: Column | None, n: int, missing: str, raw: Raw) -> None:
    """Choose the columns of numbers, and drop or fill the gaps."""
    numeric, text, constant = [], [], []
    for column in columns:
        if column is labelled:
            continue
        values = column.values
        known = values[~np.isnan(values)]
        if column.texts > 0.05 * n or len(known) < n / 2:
            text.append(column.name)
        elif known.min() == known.max():
            constant.append(column.name)
        else:
            numeric.append((column, values))
    if not numeric:
        raise DatasetError(
            "No column of numbers that differ was found; expected rows of numbers, with at most "
            "one column of classes."
        )
    for names, why in ((text, "not (all) numbers"), (constant, "the same in every row")):
        if names:
            raw.notes.append(
                f"Left out, because {why}: {short(', '.join(names), 120)} "
                f"({count(len(names), 'column')})."
            )
    raw.columns = tuple(column.name for column, _ in numeric)
    x = np.stack([values for _, values in numeric], 1)
    infinite, texts = (sum(getattr(c, f) for c, _ in numeric) for f in ("infinite", "texts"))
    if infinite:
        raw.notes.append(f"{count(infinite, 'infinite value')} counted as missing.")
    if texts:
        raw.notes.append(f"{count(texts, 'cell')} with text among numbers counted as missing.")
    gaps = np.isnan(x)
    rows = gaps.any(1)
    if rows.any():
        if missing == "drop" or (missing == "auto" and rows.sum() <= n / 5):
            x = x[~rows]
            raw.labels = None if raw.labels is None else raw.labels[~rows]
            raw.notes.append(f"{count(int(rows.sum()), 'row')} with missing values left out.")
        else:
            # Column by column: a whole-table mean would copy it.
            for i in np.flatnonzero(gaps.any(0)):
                x[gaps[:, i], i] = x[~gaps[:, i], i].mean(dtype=np.float64)
            raw.notes.append(
                f"{count(int(gaps.sum()), 'missing value')} filled in with the column's mean."
            )
    raw.x = x
