"""The columns of a person's table as its rows come in: numbers, and what may be the classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import numpy as np
import pandas as pd

from aecore.datasets.limits import check_examples, check_values
from aecore.datasets.own.column import Words, formulas_in, numbers_of, words_in
from aecore.errors import DatasetError
from aecore.wording import short

#: Columns of words that a table may have: they are not learned from, but take as long to read.
MOST_WORDED = 300
#: Cells that a table may have as text; it takes ten seconds to read them.
MOST_CELLS = 40_000_000
#: The last columns of words, among which the classes are looked for.
_MAYBE = 50
_LARGEST = 1e30  # more than a float32 can square

Tell = Callable[[float, str], None]


class Columns:
    """All columns, block by block.

    likely: columns that may be the classes; guess: so may others of words. comma: whether 1,5 is a
    number. header: whether a row of names came before.

    rows: how many so far. One entry a column: texts (cells that are neither numbers nor missing),
    infinite, known (numbers), low and high (of the known).
    """

    def __init__(
        self, names: tuple[str, ...], likely: list[int], guess: bool, comma: bool, header: bool
    ):
        self.names, self._likely, self._guess, self._comma = names, likely, guess, comma
        self._first_row = 1 + header
        width = len(names)
        self.rows = 0
        self.texts, self.infinite, self.known = (np.zeros(width, np.int64) for _ in range(3))
        self.low, self.high = (np.full(width, np.nan, np.float32) for _ in range(2))
        self._blocks: list[np.ndarray] = []  # (rows, columns) float32, NaN where there is no number
        self._words: dict[int, Words] = {}

    def add(self, rows: list[list[str]]) -> None:
        """Take in some rows of as many cells as there are columns. Raises DatasetError."""
        width = len(self.names)
        check_examples(self.rows + len(rows), "rows")
        _check_cells((self.rows + len(rows)) * width)
        # Cells repeat, and each is looked at once.
        codes, different = pd.factorize(
            np.fromiter(chain.from_iterable(rows), object, len(rows) * width)
        )
        cells = pd.Series(different, dtype=object)
        found = numbers_of(cells, self._comma)
        text = words_in(cells, found)
        formulas = formulas_in(cells[text])
        if len(formulas):
            first = np.flatnonzero(np.isin(codes, formulas.index))[0]
            row, column = divmod(int(first), width)
            raise DatasetError(
                f"Row {self.rows + row + self._first_row:,}, column {short(self.names[column])!r} "
                f"holds a formula ({short(str(different[codes[first]]))}); save the table with "
                "values only and upload it again."
            )
        codes = codes.reshape(len(rows), width)
        numbers = found.to_numpy(np.float64, copy=True)
        infinite = np.abs(numbers) > _LARGEST
        numbers[infinite] = np.nan
        block = numbers.astype(np.float32)[codes]
        texts = text.to_numpy()[codes].sum(0)
        self.rows += len(rows)
        self.texts += texts
        self.infinite += infinite[codes].sum(0)
        self.known += (~np.isnan(block)).sum(0)
        self.low = np.fmin(self.low, np.fmin.reduce(block))
        self.high = np.fmax(self.high, np.fmax.reduce(block))
        worded = int((self.texts > self.rows / 2).sum())
        if worded > MOST_WORDED:
            raise DatasetError(
                f"{worded:,} columns of the table hold words, and at most {MOST_WORDED:,} such are "
                "taken, because only numbers are learned from; leave them out."
            )
        self._note_words(codes, different, texts > 0)
        self._blocks.append(block)

    def _note_words(self, codes: np.ndarray, cells: np.ndarray, worded: np.ndarray) -> None:
        """Keep the words of the columns that may be the classes. codes: of each cell in `cells`."""
        maybe = np.flatnonzero(self.texts).tolist()
        kept = set(self._likely[:_MAYBE]) & set(maybe)
        if self._guess:
            kept.update(maybe[-_MAYBE:])
        for i in self._words.keys() - kept:
            del self._words[i]
        for i in kept:
            words = self._words.setdefault(i, Words(len(self._blocks)))
            words.add((codes[:, i], cells) if worded[i] else None)

    def classes(self, column: int, most: int) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """Labels (n,) int64 and their names, or None where there are too many or none differ."""
        numbers = [block[:, column] for block in self._blocks]
        if self.texts[column] == 0:
            values, codes = np.unique(np.concatenate(numbers), return_inverse=True)
            names = [f"{n:g}" for n in values]
        else:
            found = self._words[column].classes(numbers) if column in self._words else None
            if found is None:
                return None
            codes, names = found
        if not 2 <= len(names) <= most:
            return None
        return codes.astype(np.int64).reshape(-1), tuple(short(name) for name in names)

    def taken(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Hand over the chosen columns: x (n, chosen) float32, rows (n,) with gaps, all gaps.

        The blocks are given up on the way, so that the table does not stand in memory twice.
        """
        x = np.empty((self.rows, len(chosen)), np.float32)
        rows, gaps, at = np.zeros(self.rows, bool), 0, 0
        self._blocks.reverse()
        while self._blocks:
            block = self._blocks.pop()[:, chosen]
            missing = np.isnan(block)
            here = slice(at, at + len(block))
            x[here], rows[here] = block, missing.any(1)
            gaps += int(missing.sum())
            at += len(block)
        return x, rows, gaps


def _check_cells(n: int) -> None:
    check_values(n)
    if n > MOST_CELLS:
        raise DatasetError(
            f"The table has more than {MOST_CELLS / 1e6:,.0f} million cells, which are the most "
            "that are read as text; save its numbers as .npz, or upload a part of it."
        )
