"""A person's table: its header, decimal commas, gaps and labels are guessed.

Rows are turned into numbers in blocks, so that a large file never stands in memory as text cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, takewhile
from typing import BinaryIO

import numpy as np
import pandas as pd

from aecore.datasets.limits import MAX_COLUMNS, MAX_EXAMPLES, Raw
from aecore.datasets.own.array_values import only
from aecore.datasets.own.column import MOST_CLASSES, formulas_in, numbers_of, words_in
from aecore.datasets.own.table_columns import Columns, Tell
from aecore.datasets.own.table_text import TableText, encoding_of, rows_of, separator_of
from aecore.errors import DatasetError
from aecore.wording import count, short

LABEL_NAMES = ("label", "labels", "class", "target", "species", "category", "y", "kind", "type")
_CELLS = 1 << 18  # in a block


def read_csv(
    file: BinaryIO, label: str | None = None, missing: str = "auto", tell: Tell = lambda *_: None
) -> Raw:
    """Read a table: raw float32 values (n, columns), NaN-free, and labels.

    label: the column of the classes, '' for none, None to guess. missing: 'drop' leaves out rows
    with gaps, 'mean' fills in the column's mean, 'auto' drops up to a fifth of the rows.
    Raises DatasetError.
    """
    table = _Table(file)
    likely = _called(table.names, LABEL_NAMES if label is None else (short(label).lower(),))
    columns = Columns(table.names, likely, label is None, table.comma, table.header)
    for block in table.blocks():
        columns.add(block)
        tell(0.0, f"reading row {columns.rows:,}")
    n = columns.rows
    if table.ragged > n:
        raise DatasetError(
            f"{count(table.ragged, 'row')} have another number of cells than the first row; "
            "save the table with one separator throughout."
        )
    if n == 0:
        raise DatasetError("The table has no rows of values; expected a header and rows below it.")
    raw = Raw("table", np.empty(0))
    raw.lost["with another number of cells than the first row"] = table.ragged
    if table.encoding == "latin-1":
        raw.notes.append("The file is not UTF-8: it was read as Latin-1 (Western European).")
    if table.ragged:
        raw.notes.append(
            f"{count(table.ragged, 'row')} with too many or too few cells were left out."
        )
    tell(0.8, "choosing the columns")
    labelled = _label(columns, label, raw)
    _fill(columns, labelled, missing, raw)
    return raw


def names_in(file: BinaryIO) -> tuple[str, ...]:
    """The names of a table's columns, to choose the label from; raises DatasetError."""
    return _Table(file).names


class _Table:
    """What the first row says about a table, and the rows that follow it.

    names: one a column. header: whether the first row holds them. comma: whether 1,5 may be a
    number. ragged: rows with another number of cells than the first, as far as they were read.
    """

    def __init__(self, file: BinaryIO):
        self.file = file
        self.encoding = encoding_of(file)
        self.separator = separator_of(TableText(file, self.encoding))
        # Where a comma separates the cells it is no decimal comma.
        self.comma = self.separator != ","
        self.ragged = 0
        nothing = f'{self.separator}" \t\r\n'
        lines = islice(TableText(file, self.encoding), MAX_EXAMPLES)
        self._blank = sum(1 for _ in takewhile(lambda line: not line.strip(nothing), lines))
        first = self._first_row()
        if len(first) > MAX_COLUMNS:
            raise DatasetError(
                f"The table has {len(first):,} columns, and at most {MAX_COLUMNS:,} are taken."
            )
        words = words_in(first, numbers_of(first, self.comma))
        formulas = formulas_in(first[words])
        if len(formulas):
            raise DatasetError(
                f"The first row holds a formula ({short(formulas.iloc[0])}); save the table with "
                "values only and upload it again."
            )
        self.header = bool(words.any())
        self.names = tuple(
            short(cell) if self.header and cell.strip() else f"column {i + 1}"
            for i, cell in enumerate(first)
        )

    def _rows(self) -> Iterator[list[str]]:
        """The cells of each row, from the first line that holds something."""
        text = TableText(self.file, self.encoding)
        for _ in range(self._blank):
            next(text)
        with _readable():
            yield from rows_of(text, self.separator, strict=True)

    def _first_row(self) -> pd.Series:
        first = next(self._rows(), None) if self._blank < MAX_EXAMPLES else None
        if first is None:
            raise DatasetError("The table has only empty cells; choose one that holds data.")
        return pd.Series(first, dtype=object)

    def blocks(self) -> Iterator[list[list[str]]]:
        """The rows below the header that have all their cells, some at a time; counts the others.

        Raises DatasetError for quotation marks that are never closed.
        """
        width = len(self.names)
        most = max(1, _CELLS // width)
        rows, block = self._rows(), []
        if self.header:
            next(rows)
        blank = 0
        for row in rows:
            if not any(cell.strip() for cell in row):
                blank += 1
            elif len(row) != width:
                self.ragged += 1
            else:
                block.append(row)
            if blank > MAX_EXAMPLES or self.ragged > MAX_EXAMPLES:
                raise DatasetError(
                    f"The table has more than {MAX_EXAMPLES:,} rows that are empty or have another "
                    "number of cells than the first row; save it without them."
                )
            if len(block) == most:
                yield block
                block = []
        if block:
            yield block


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise DatasetError(
            f"The table could not be read ({short(str(error), 120)}); check its quotation marks."
        ) from error


def _called(names: tuple[str, ...], wanted: tuple[str, ...]) -> list[int]:
    """The places of the columns with one of these names, in small letters."""
    return [i for i, name in enumerate(names) if name.strip().lower() in wanted]


def _label(columns: Columns, label: str | None, raw: Raw) -> int | None:
    """Find the column of classes, put it into `raw` and return its place."""
    most = max(2, min(MOST_CLASSES, columns.rows // 3))
    if label == "":
        return None
    if label is not None:
        found = next((i for i, name in enumerate(columns.names) if name == short(label)), None)
        if found is None:
            raise DatasetError(
                f"There is no column {short(label)!r}; choose one of "
                f"{short(', '.join(columns.names), 80)}."
            )
        classes = columns.classes(found, most)
        if classes is None:
            raise DatasetError(
                f"The column {short(label)!r} cannot be the classes: it needs from 2 to {most} "
                "different values; choose another one or none."
            )
        raw.labels, raw.class_names = classes
        return found
    named = _called(columns.names, LABEL_NAMES)
    worded = np.flatnonzero(columns.texts > columns.rows / 2)[::-1]
    for i in [*named, *(int(i) for i in worded)]:
        # A measured target has many values: as a number only up to twenty are taken for classes.
        classes = columns.classes(i, most if columns.texts[i] else min(most, 20))
        if classes is not None:
            raw.notes.append(f"The column {columns.names[i]!r} is taken as the classes.")
            raw.labels, raw.class_names = classes
            return i
    return None


def _fill(columns: Columns, labelled: int | None, missing: str, raw: Raw) -> None:
    """Choose the columns of numbers, and drop or fill the gaps."""
    names, n, known = columns.names, columns.rows, columns.known
    candidate = np.ones(len(names), bool)
    if labelled is not None:
        candidate[labelled] = False
    empty = candidate & (known == 0) & (columns.texts == 0)
    text = candidate & ~empty & ((columns.texts > 0.05 * n) | (known < n / 2))
    constant = candidate & ~empty & ~text & (columns.low == columns.high)
    reasons = {"not (all) numbers": text, "the same in every row": constant, "empty": empty}
    left_out = [
        f"because {why}: {short(', '.join(names[i] for i in np.flatnonzero(which)[:40]), 120)} "
        f"({count(int(which.sum()), 'column')})"
        for why, which in reasons.items()
        if which.any()
    ]
    numeric = np.flatnonzero(candidate & ~empty & ~text & ~constant)
    if not len(numeric):
        raise DatasetError(
            "No column of numbers that differ was found; expected rows of numbers, with at most "
            "one column of classes"
            + (f" (left out, {short('; '.join(left_out), 200)})." if left_out else ".")
        )
    raw.notes += [f"Left out, {reason}." for reason in left_out]
    raw.columns = tuple(names[i] for i in numeric)
    infinite, texts = (int(a[numeric].sum()) for a in (columns.infinite, columns.texts))
    if infinite:
        raw.notes.append(f"{count(infinite, 'infinite value')} counted as missing.")
    if texts:
        raw.notes.append(f"{count(texts, 'cell')} with text among numbers counted as missing.")
    x, rows, gaps = columns.taken(numeric)
    if rows.any():
        if missing == "drop" or (missing == "auto" and rows.sum() <= n / 5):
            x = only(x, ~rows)
            raw.labels = None if raw.labels is None else raw.labels[~rows]
            raw.notes.append(f"{count(int(rows.sum()), 'row')} with missing values left out.")
            raw.lost["with missing values"] = int(rows.sum())
        else:
            # Column by column: a whole-table mean would copy it.
            for i in range(x.shape[1]):
                gap = np.isnan(x[:, i])
                if gap.any():
                    x[gap, i] = x[~gap, i].mean(dtype=np.float64)
            raw.notes.append(f"{count(gaps, 'missing value')} filled in with the column's mean.")
    raw.x = x
