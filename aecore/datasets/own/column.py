"""Cells of a person's table: which are numbers, words, gaps or formulas, and which are classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", ".", "#n/a", "missing"))
# What a spreadsheet would run.
_SIGNS = ("=", "@", "+", "-")
_FORMULA = r"\s*([=@]|[+-]\s*[A-Za-z_]+\s*\()"
_DECIMAL_COMMA = r"^(\s*[+-]?\d+),(\d+(?:[eE][+-]?\d+)?\s*)$"
MOST_CLASSES = 100  # different words of a column beyond which it cannot be the classes


def numbers_of(cells: pd.Series, comma: bool) -> pd.Series:
    """The numbers in cells of text, as float64; NaN where there is none. comma: 1,5 is 1.5."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    if comma:
        rest = cells[numbers.isna()]
        rest = rest[_which(rest, lambda cell: "," in cell)]
        if len(rest):
            dotted = rest.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
            numbers[rest.index] = pd.to_numeric(dotted, errors="coerce").astype(float)
    return numbers


def words_in(cells: pd.Series, numbers: pd.Series) -> pd.Series:
    """Which cells are neither numbers nor stand for a missing one: bool."""
    text = numbers.isna().to_numpy(copy=True)
    text[text] = _which(cells[text], lambda cell: cell.strip().lower() not in MISSING)
    return pd.Series(text, cells.index)


def formulas_in(words: pd.Series) -> pd.Series:
    """The cells among words that a spreadsheet would run."""
    signed = words[_which(words, lambda cell: cell.lstrip()[:1] in _SIGNS)]
    return signed[signed.str.match(_FORMULA)] if len(signed) else signed


def _which(cells: pd.Series, holds: Callable[[str], bool]) -> np.ndarray:
    """Of which cells something holds: bool. Plain Python is quicker than what pandas has here."""
    return np.fromiter(map(holds, cells), bool, len(cells))


class Words:
    """The cells of a column that may be the classes, block by block, as places in a list of words.

    before: blocks of the column that came before its first word.
    """

    def __init__(self, before: int):
        self._words: dict[str, int] = {}
        self._codes: list[np.ndarray | None] = [None] * before
        self._too_many = False

    def add(self, cells: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Take in one block, None for one without words: each cell's code (n,), and their texts."""
        self._codes.append(None if cells is None else self._coded(*cells))

    def classes(self, numbers: list[np.ndarray]) -> tuple[np.ndarray, list[str]] | None:
        """Each row's class, and their names in order; None where there are too many to be classes.

        numbers: the column's numbers (n,), block by block, for the blocks that have no words.
        """
        blocks = []
        for block, codes in zip(numbers, self._codes, strict=True):
            if codes is None:
                values, places = np.unique(block, return_inverse=True)
                texts = np.array([f"{n:g}" for n in values], object)
                codes = self._coded(places.reshape(-1), texts)
            blocks.append(codes)
        if self._too_many:
            return None
        used, codes = np.unique(np.concatenate(blocks), return_inverse=True)
        order = list(self._words)
        found = [order[i] or "(empty)" for i in used]
        rank = np.argsort(np.argsort(found))
        return rank[codes], sorted(found)

    def _coded(self, codes: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Each cell's place among the words."""
        used = np.unique(codes)
        if not self._too_many:
            different = [text.strip() for text in texts[used]]
            if len(self._words.keys() | different) <= MOST_CLASSES:
                places = [self._words.setdefault(word, len(self._words)) for word in different]
                return np.array(places, np.int16)[np.searchsorted(used, codes)]
            self._too_many = True
            self._words.clear()
        return np.zeros(0, np.int16)
