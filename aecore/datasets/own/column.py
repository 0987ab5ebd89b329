"""One column of a person's table while it is read: its numbers, its words, its gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aecore.errors import DatasetError
from aecore.wording import short

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-", ".", "#n/a", "missing")
# What a spreadsheet would run.
_FORMULA = r"\s*([=@]|[+-]\s*[A-Za-z_]+\s*\()"
_DECIMAL_COMMA = r"^(\s*[+-]?\d+),(\d+(?:[eE][+-]?\d+)?\s*)$"
_TEXT_KEPT = 1000  # different words of a column beyond which it cannot be the label
_LARGEST = 1e30  # more than a float32 can square

Classes = tuple[np.ndarray, tuple[str, ...]]  # labels (n,) int64 and their names


def numbers_of(cells: pd.Series, comma: bool) -> pd.Series:
    """The numbers in cells of text, as float64; NaN where there is none. comma: 1,5 is 1.5."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    if comma and numbers.isna().any():
        dotted = cells.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
        numbers = pd.to_numeric(dotted, errors="coerce").astype(float)
    return numbers


def words_in(cells: pd.Series, numbers: pd.Series) -> pd.Series:
    """Which cells are neither numbers nor stand for a missing one: bool."""
    text = numbers.isna()
    text[text] = ~cells[text].str.strip().str.lower().isin(MISSING)
    return text


def formulas_in(words: pd.Series) -> pd.Series:
    """The cells among words that a spreadsheet would run."""
    return words[words.str.match(_FORMULA)]


class Column:
    """One column as it grows: its numbers (NaN where there is none) and, with text, its words."""

    def __init__(self, name: str):
        self.name = name
        self.numbers: list[np.ndarray] = []
        self.words: dict[str, int] = {}
        self.codes: list[np.ndarray | None] = []
        self.texts = 0  # cells that are neither numbers nor missing
        self.infinite = 0

    def add(self, cells: pd.Series, first_row: int, comma: bool) -> None:
        """Take in one block of this column. Raises DatasetError for a formula."""
        found = numbers_of(cells, comma)
        text = words_in(cells, found)
        formulas = formulas_in(cells[text])
        if len(formulas):
            row = first_row + cells.index.tolist().index(formulas.index[0])
            raise DatasetError(
                f"Row {row:,}, column {short(self.name)!r} holds a formula "
                f"({short(formulas.iloc[0])}); save the table with values only and upload it again."
            )
        numbers = found.to_numpy(np.float64, copy=True)
        infinite = np.abs(numbers) > _LARGEST
        numbers[infinite] = np.nan
        self.infinite += int(infinite.sum())
        self.texts += int(text.sum())
        self.numbers.append(numbers.astype(np.float32))
        self.codes.append(self._coded(cells) if text.any() else None)

    def _coded(self, cells: pd.Series) -> np.ndarray | None:
        """Each cell's place in `words`, or None where there are too many to be classes."""
        if len(self.words) > _TEXT_KEPT:
            return None
        codes, different = pd.factorize(cells)
        places = [self.words.setdefault(word.strip(), len(self.words)) for word in different]
        return np.array(places)[codes]

    @property
    def values(self) -> np.ndarray:
        return np.concatenate(self.numbers)

    def classes(self, most: int) -> Classes | None:
        """Labels (n,) int64 and their names, or None where there are too many or none differ."""
        if self.texts == 0:
            values, codes = np.unique(self.values, return_inverse=True)
            names = [f"{n:g}" for n in values]
        else:
            coded = self._all_coded()
            if coded is None:
                return None
            used, codes = np.unique(coded, return_inverse=True)
            order = list(self.words)
            found = [order[i] or "(empty)" for i in used]
            rank = np.argsort(np.argsort(found))
            codes, names = rank[codes], sorted(found)
        if not 2 <= len(names) <= most:
            return None
        return codes.astype(np.int64).reshape(-1), tuple(short(name) for name in names)

    def _all_coded(self) -> np.ndarray | None:
        blocks = []
        for numbers, block in zip(self.numbers, self.codes, strict=True):
            if len(self.words) > _TEXT_KEPT:
                return None
            if block is None:
                # A block without text came before the first word, or after the last.
                block = self._coded(pd.Series([f"{n:g}" for n in numbers]))
            if block is None:
                return None
            blocks.append(block)
        return np.concatenate(blocks)
