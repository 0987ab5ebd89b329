"""Columns of numbers as CSV text; each column's name says its unit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aecore.models import all_families
from aecore.wording import printable

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Columns = Mapping[str, Sequence[Any] | np.ndarray]

#: What the figures of a training history are measured in.
UNITS = {
    "mse": "squared error per value",
    "nelbo": "nats per example",
    "reconstruction": "nats or squared error per example",
    "kl": "nats per example",
    "seconds": "s",
}


def csv_text(columns: Columns) -> str:
    """Columns of one length as CSV: floats with seven digits, what is missing empty.

    No text of a name or a cell is a formula to a spreadsheet.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(harmless, columns))
    cells = [_cells(column) for column in columns.values()]
    writer.writerows(zip(*cells, strict=True))
    return buffer.getvalue()


def _cells(column: Sequence[Any] | np.ndarray) -> list[Any]:
    if isinstance(column, np.ndarray):  # a million codes are no rarity, so without a call for each
        column = column.tolist()
    return [
        (f"{v:.7g}" if v - v == 0 else "")  # no number minus itself is 0 but a finite one
        if isinstance(v, float)
        else harmless(v)
        if isinstance(v, str)
        else v
        for v in column
    ]


def harmless(text: str) -> str:
    """A text of one line that no spreadsheet takes for a formula, whatever it begins with."""
    text = printable(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def with_unit(name: str) -> str:
    """A figure's name with its unit: 'test_mse (squared error per value)'."""
    own = {f"test_{f.name}": f.unit for cls in all_families().values() for f in cls.figures}
    unit = own.get(name) or UNITS.get(name.rpartition("_")[2])
    return f"{name} ({unit})" if unit else name


def history_columns(history: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    """A card's history, one row of figures an epoch, as columns."""
    names = list(dict.fromkeys(name for row in history for name in row))
    return {with_unit(name): [row.get(name) for row in history] for name in names}
