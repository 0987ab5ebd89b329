"""A person's table, read by pandas: its header, decimal commas, gaps and labels are guessed.

Rows are turned into numbers in blocks, so that a large file never stands in memory as text cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, takewhile

import numpy as np
import pandas as pd

from aecore.datasets.limits import MAX_COLUMNS, Raw, check_bytes, check_examples
from aecore.datasets.own.column import Classes, Column, formulas_in, numbers_of, words_in
from aecore.datasets.own.table_text import TableText, encoding_of, separator_of
from aecore.errors import DatasetError
from aecore.wording import count, short

LABEL_NAMES = ("label", "labels", "class", "target", "species", "category", "y", "kind", "type")
MOST_CLASSES = 100
_CELLS = 1 << 18  # in a block
_LOOKAHEAD = 8  # rows that pandas looks at before the first block; it takes three


def read_csv(content: bytes, label: str | None = None, missing: str = "auto") -> Raw:
    """Read a table: raw float32 values (n, columns), NaN-free, and labels.

    label: the column of the classes, '' for none, None to guess. missing: 'drop' leaves out rows
    with gaps, 'mean' fills in the column's mean, 'auto' drops up to a fifth of the rows.
    Raises DatasetError.
    """
    table = _Table(content)
    columns = _columns(table)
    n = sum(map(len, columns[0].numbers))
    if table.ragged > n:
        raise DatasetError(
            f"{count(table.ragged, 'row')} have another number of cells than the first row; "
            "save the table with one separator throughout."
        )
    if n == 0:
        raise DatasetError("The table has no rows of values; expected a header and rows below it.")
    raw = Raw("table", np.empty(0))
    if table.encoding == "latin-1":
        raw.notes.append("The file is not UTF-8: it was read as Latin-1 (Western European).")
    if table.ragged:
        raw.notes.append(
            f"{count(table.ragged, 'row')} with too many or too few cells were left out."
        )
    labelled = _label(columns, label, n, raw)
    _fill(columns, labelled, n, missing, raw)
    return raw


def column_names(content: bytes) -> tuple[str, ...]:
    """The names of a table's columns, to choose the label from; raises DatasetError."""
    return _Table(content).names


class _Table:
    """What the first row says about a table, and the rows that follow it.

    names: one a column. header: whether the first row holds them. comma: whether 1,5 may be a
    number. ragged: rows with another number of cells than the first, as far as they were read.
    """

    def __init__(self, content: bytes):
        self.content = content
        self.encoding = encoding_of(content)
        self.separator = separator_of(TableText(content, self.encoding))
        # Where a comma separates the cells it is no decimal comma.
        self.comma = self.separator != ","
        self.ragged = 0
        nothing = f'{self.separator}" \t\r\n'
        lines = TableText(content, self.encoding)
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

    def _text(self) -> TableText:
        """The text from the first line that holds something."""
        text = TableText(self.content, self.encoding)
        for _ in range(self._blank):
            next(text)
        return text

    def _first_row(self) -> pd.Series:
        with _readable():
            rows = csv.reader(self._text(), delimiter=self.separator, strict=True)
            # pandas passes over what is wrong with its first rows, if rows may be ragged.
            first = list(islice(rows, _LOOKAHEAD))[:1]
        if not first:
            raise DatasetError("The table has only empty cells; choose one that holds data.")
        return pd.Series(first[0], dtype=object)

    def blocks(self) -> Iterator[pd.DataFrame]:
        """The rows below the header, as text cells, some at a time; counts those that are ragged.

        Raises DatasetError for quotation marks that are never closed.
        """
        width = len(self.names)
        with (
            _readable(),
            # Only pandas' engine in Python can tell an empty cell from one that is not there.
            pd.read_csv(
                self._text(),
                sep=self.separator,
                header=None,
                names=list(range(width)),
                index_col=False,
                dtype=object,
                na_filter=False,
                on_bad_lines=self._too_long,
                engine="python",
                chunksize=max(1, _CELLS // width),
            ) as reader,
        ):
            for i, rows in enumerate(reader):
                yield self._whole(rows.iloc[1:] if self.header and i == 0 else rows)

    def _too_long(self, row: list[str]) -> None:
        self.ragged += any(cell.strip() for cell in row)

    def _whole(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with all their cells of which at least one holds something."""
        cut = rows[rows.columns[-1]].isna()
        if cut.any():
            filled = rows[cut].apply(lambda row: any(c.strip() for c in row.dropna()), axis=1)
            self.ragged += int(filled.sum())
            rows = rows[~cut]
        empty = rows[0].str.strip() == ""
        if empty.any():
            empty[empty] = (rows[empty].apply(lambda c: c.str.strip()) == "").all(axis=1)
            rows = rows[~empty]
        return rows


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (csv.Error, pd.errors.ParserError) as error:
        raise DatasetError(
            f"The table could not be read ({short(str(error), 120)}); check its quotation marks."
        ) from error


def _columns(table: _Table) -> list[Column]:
    """Read all rows, block by block."""
    columns, taken = [Column(name) for name in table.names], 0
    for block in table.blocks():
        for i, column in enumerate(columns):
            column.add(block[i], taken + 1 + table.header, table.comma)
        taken += len(block)
        check_examples(taken, "rows")
        check_bytes(taken * len(columns) * 4)
    return columns


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
        guess = _guessed_label(columns, n, most)
        if guess is None:
            return None
        found, classes = guess
        raw.notes.append(f"The column {found.name!r} is taken as the classes.")
    raw.labels, raw.class_names = classes
    return found


def _guessed_label(columns: list[Column], n: int, most: int) -> tuple[Column, Classes] | None:
    """A column that is called like one, or else the last of words, with what its classes are."""
    named = [c for c in columns if c.name.strip().lower() in LABEL_NAMES]
    for column in named + [c for c in reversed(columns) if c.texts > n / 2]:
        # A measured target has many values: as a number only up to twenty are taken for classes.
        classes = column.classes(most if column.texts else min(most, 20))
        if classes is not None:
            return column, classes
    return None


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
