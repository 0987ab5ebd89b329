"""What an experiment tells: figures with unit and split, charts, pictures, tables, a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aecore.figures.chart import Chart, Pictures, Table

Band = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """One number. name: by which bands, files and the command line know it. title: for people.
    split: of what it is ("10,000 held-out images", "64 copies"). band: what is expected."""

    name: str
    title: str
    value: float
    unit: str
    split: str
    band: Band | None = None

    def to_json(self) -> dict[str, Any]:
        found = {"value": self.value, "unit": self.unit, "split": self.split}
        return found | ({} if self.band is None else {"expected": list(self.band)})


@dataclass(frozen=True)
class File:
    """A file that the run wrote, to take away. name: with its ending. title: what the button says.
    says: its size and what is in it, in a sentence."""

    name: str
    title: str
    content: bytes
    says: str


@dataclass(frozen=True)
class Outcome:
    """All that is known so far. says: what it shows, in a sentence; "" while it cannot be said."""

    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    pictures: tuple[Pictures, ...] = ()
    tables: tuple[Table, ...] = ()
    says: str = ""
    files: tuple[File, ...] = ()

    def chart(self, name: str) -> Chart | None:
        """The chart of that name, None where there is none (yet)."""
        return next((chart for chart in self.charts if chart.name == name), None)

    def figure(self, name: str) -> Figure | None:
        """The figure of that name, None where there is none (yet)."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def with_bands(self, bands: dict[str, Band]) -> Outcome:
        """The same, each figure with what is expected of it."""
        figures = tuple(replace(f, band=bands.get(f.name)) for f in self.figures)
        return replace(self, figures=figures)
