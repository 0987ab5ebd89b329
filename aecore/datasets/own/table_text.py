"""The text of a person's table before it is cut into cells: its encoding and its separator."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

import pandas as pd

from aecore.datasets.own.column import numbers_of, words_in
from aecore.errors import DatasetError

SEPARATORS = (";", "\t", ",", " ")
LONGEST_LINE = 1 << 20  # characters
_PIECE = 1 << 20
_SAMPLE = 40  # lines that the separator is guessed from


class _Lent(io.RawIOBase):
    """An open file from its beginning, that stays open when its reader goes."""

    def __init__(self, file: BinaryIO):
        self._file = file
        file.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class TableText(io.TextIOWrapper):
    """A table's text, line by line; raises DatasetError for a line without end."""

    def __init__(self, file: BinaryIO, encoding: str):
        super().__init__(
            io.BufferedReader(_Lent(file), _PIECE), encoding, errors="replace", newline=""
        )

    def __next__(self) -> str:
        line = self.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            raise DatasetError(
                f"A line of the table has more than {LONGEST_LINE:,} characters; put one example "
                "into each line."
            )
        return line


def encoding_of(file: BinaryIO) -> str:
    """A codec that reads the text: UTF-16 by its mark, UTF-8, else Latin-1.

    Raises DatasetError for what is no text.
    """
    file.seek(0)
    start = file.read(4096)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in start:
        raise DatasetError("The file is not text; save the table as CSV (UTF-8) and upload it.")
    # Piece by piece: one character beyond Latin makes the whole text four bytes a character.
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def rows_of(lines: Iterable[str], separator: str, strict: bool = False) -> Iterator[list[str]]:
    """The cells of each line. Where blanks separate them, several are as good as one, and those at
    the ends of a line are none. strict: raises csv.Error for quotation marks that do not close."""
    if separator == " ":
        lines = (line.strip() for line in lines)
    return csv.reader(lines, delimiter=separator, strict=strict, skipinitialspace=separator == " ")


def separator_of(text: TableText) -> str:
    """The separator that cuts the first lines alike, and into cells of which most are numbers."""
    lines = [line for line in islice(text, _SAMPLE) if line.strip()][: _SAMPLE // 2]
    if not lines:
        raise DatasetError("The file is empty; choose one that holds data.")
    # With decimal commas the comma is everywhere, but what it cuts are no numbers.
    return max(SEPARATORS, key=lambda separator: _quality(lines, separator))


def _quality(lines: list[str], separator: str) -> tuple[float, float, int]:
    """How well a separator cuts: the share of the text that is numbers, of rows alike, and cells.

    Of the text, not of the cells: 6,25 cut at a comma leaves a number too.
    """
    try:
        rows = list(rows_of(lines, separator))
    except csv.Error:  # a cell of more than 131,072 characters
        return 0, 0, 0
    width = len(rows[0])
    alike = sum(len(row) == width for row in rows)
    if width < 2:
        return 0, alike / len(rows), 1  # one column
    cells = pd.Series([cell for row in rows for cell in row], dtype=object)
    words, lengths = words_in(cells, numbers_of(cells, separator != ",")), cells.str.len()
    share = 1 - lengths[words].sum() / max(lengths.sum(), 1)
    return share * alike / len(rows), alike / len(rows), width
