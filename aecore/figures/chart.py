"""Charts as plain data: what is drawn on a page, written as a picture and put into a table is one.

A chart knows neither pixels nor files: chart_painting lays it out, chart_files writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from aecore.figures import palette

#: Who a line is about, and so its colour, on all charts. A number stands for a class.
Role = Literal["model", "pca", "train", "floor", "expected"] | int
EXPECTED = "#9b5fc0"  # what a person drew before; kept apart from the data's colours
_COLORS = {
    "model": palette.MODEL,
    "pca": palette.PCA,
    "train": palette.TRAIN,
    "floor": palette.FLOOR,
    "expected": EXPECTED,
}


@dataclass(frozen=True)
class Axis:
    """title: what it shows. unit: of its numbers, with the split they are of ("" for counts). span:
    the numbers at its ends, None to see by the data. ticks: where numbers stand, else found."""

    title: str
    unit: str = ""
    log: bool = False
    span: tuple[float, float] | None = None
    ticks: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """Title and unit, as a heading of a table or under an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Line:
    """Points that belong together, joined or not. x, y: as many of each; NaN in y leaves a gap.

    low, high: how far its draws spread, empty or as many. dashed, joined, marked: how it looks.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    role: Role = "model"
    dashed: bool = False
    joined: bool = True
    marked: bool = True
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def color(self) -> str:
        return palette.class_color(self.role) if isinstance(self.role, int) else _COLORS[self.role]


@dataclass(frozen=True)
class Chart:
    """name: what files of it are called, one of an experiment's. kind: "lines" over an axis,
    "bars", or "plane" (both axes have one scale). categories: of bars, or of lines over what has no
    scale; x counts them from 0. summary: the chart in one sentence, for who does not see it."""

    name: str
    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    kind: Literal["lines", "bars", "plane"] = "lines"
    categories: tuple[str, ...] = ()
    summary: str = ""

    def line(self, name: str) -> Line | None:
        """The line of that name, None where there is none (yet)."""
        return next((line for line in self.lines if line.name == name), None)

    def columns(self) -> dict[str, list[Any]]:
        """All points as columns of a table, a row each, under the axes' names with their units."""
        across: list[Any] = []
        for line in self.lines:
            across += [self.categories[int(v)] for v in line.x] if self.categories else line.x
        found: dict[str, list[Any]] = {
            "line": [line.name for line in self.lines for _ in line.x],
            self.x.label: across,
            self.y.label: [v for line in self.lines for v in line.y],
        }
        if any(line.low for line in self.lines):
            for end in ("low", "high"):
                values = [getattr(line, end) or (math.nan,) * len(line.x) for line in self.lines]
                found[f"{end} of {self.y.label}"] = [v for some in values for v in some]
        return found


@dataclass(frozen=True)
class Pictures:
    """Examples side by side. images: (rows, columns, *shape) in [0, 1], NaN where there is none
    yet. row_names, column_names: what stands beside and above, empty or as many. summary: as a
    chart's."""

    name: str
    title: str
    images: np.ndarray
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Table:
    """columns: by their headings, which say units; all as long."""

    name: str
    title: str
    columns: dict[str, Sequence[Any]]
