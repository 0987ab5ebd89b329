"""One column of a person's table while it is read: its numbers, its words, its gaps."""

from __future__ import annotations

import re

import numpy as np

from aecore.datasets.limits import short
from aecore.errors import DatasetError

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", ".", "#n/a", "missing"))
_TEXT_KEPT = 1000  # different words of a column beyond which it cannot be the label
_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")
# What a spreadsheet would run.
FORMULA = re.compile(r"\s*([=@]|[+-]\s*[A-Za-z_]+\s*\()")


def is_number(cell: str, comma: bool) -> bool:
    """Whether a cell is a number or stands for a missing one."""
    try:
        float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return cell.strip().lower() in MISSING
    return True


class Column:
    """One column as it grows: its numbers (NaN where there is none) and, with text, its words."""

    def __init__(self, name: str):
        self.name = name
        self.numbers: list[np.ndarray] = []
        self.words: dict[str, int] = {}
        self.codes: list[np.ndarray | None] = []
        self.texts = 0  # cells that are neither numbers nor missing
        self.infinite = 0

    def add(self, cells: tuple[str, ...], first_row: int, comma: bool) -> None:
        """Take in one block of this column. Raises DatasetError for a formula."""
        if comma:
            cells = tuple(c.replace(",", ".") if _COMMA.fullmatch(c) else c for c in cells)
        try:
            numbers, text = np.array(cells, dtype=float), False
        except ValueError:
            numbers, text = self._slowly(cells, first_row)
        infinite = np.isinf(numbers) | (np.abs(numbers) > 1e30)  # more than a float32 can square
        self.infinite += int(infinite.sum())
        numbers[infinite] = np.nan
        self.numbers.append(numbers.astype(np.float32))
        self.codes.append(self._coded(cells) if text else None)

    def _slowly(self, cells: tuple[str, ...], first_row: int) -> tuple[np.ndarray, bool]:
        numbers, texts = np.full(len(cells), np.nan), 0
        for i, cell in enumerate(cells):
            try:
                numbers[i] = float(cell)
            except ValueError:
                if cell.strip().lower() in MISSING:
                    continue
                if FORMULA.match(cell):
                    raise DatasetError(
                        f"Row {first_row + i:,}, column {short(self.name)!r} holds a formula "
                        f"({short(cell)}); save the table with values only and upload it again."
                    ) from None
                texts += 1
        self.texts += texts
        return numbers, texts > 0

    def _coded(self, cells: tuple[str, ...]) -> np.ndarray | None:
        if len(self.words) > _TEXT_KEPT:
            return None
        return np.array([self.words.setdefault(c.strip(), len(self.words)) for c in cells])

    @property
    def values(self) -> np.ndarray:
        return np.concatenate(self.numbers)

    def classes(self, most: int) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """Labels (n,) int64 and their names, or None where there are too many or none differ."""
        if self.texts == 0:
            names, codes = np.unique(self.values, return_inverse=True)
            words = [f"{n:g}" for n in names]
        else:
            blocks = []
            for numbers, block in zip(self.numbers, self.codes, strict=True):
                if len(self.words) > _TEXT_KEPT:
                    return None
                # A block without text came before the first word, or after the last.
                blocks.append(
                    block if block is not None else self._coded(tuple(f"{n:g}" for n in numbers))
                )
            if any(block is None for block in blocks):
                return None
            used, codes = np.unique(np.concatenate(blocks), return_inverse=True)
            order = list(self.words)
            found = [order[i] or "(empty)" for i in used]
            rank = np.argsort(np.argsort(found))
            codes, words = rank[codes], sorted(found)
        if not 2 <= len(words) <= most:
            return None
        return codes.astype(np.int64).reshape(-1), tuple(short(w) for w in words)
