"""Pictures, bars, curves and maps of the report as numbers and texts for its templates.

Shapes stretch with the page; the words beside them are text, so that they stay legible at any
width. Nothing is escaped here: the templates do that.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from aecore.evaluation.metrics import shown
from aecore.figures import palette
from aecore.figures.examples import INK, Frame, Version, course, gallery, panel, panel_width
from aecore.figures.images import as_image, enlargement, grid
from aecore.inspection.judging.findings import amount

LARGEST = 96  # pixels of a picture's side in the file; above it every second, third ... is kept
MOST_BARS = 64
MOST_SPREADS = 32


@dataclass(frozen=True)
class Key:
    """An entry of a legend."""

    name: str
    color: str


@dataclass(frozen=True)
class Picture:
    """An image in the page; source: a data URL."""

    alt: str
    source: str


@dataclass(frozen=True)
class Examples:
    """Examples as they are drawn: images in named rows with notes below, others in panels."""

    rows: tuple[tuple[str, Picture], ...] = ()
    notes: tuple[str, ...] = ()
    single: Picture | None = None
    keys: tuple[Key, ...] = ()
    panels: Markup | None = None


def picture(images: np.ndarray, columns: int, alt: str) -> Picture:
    """Images (n, C, H, W) in rows of `columns`, as one PNG in the page."""
    step = -(-max(images.shape[-2:]) // LARGEST)
    drawn = [as_image(x[:, ::step, ::step]) for x in images]
    pixels = grid(drawn, columns, gap=max(1, drawn[0].shape[1] // 14))
    times = enlargement(pixels.shape[1], 800)
    pixels = pixels.repeat(times, 0).repeat(times, 1)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    return Picture(alt, f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}")


def strips(rows: Sequence[tuple[str, np.ndarray]], notes: Sequence[str] = ()) -> Examples:
    """Rows of images with a name each, (name, (n, C, H, W)); notes stand under the columns."""
    return Examples(tuple((name, picture(x, len(x), name)) for name, x in rows), tuple(notes))


def examples(
    frame: Frame, versions: Sequence[tuple[str, np.ndarray]], titles: Sequence[str]
) -> Examples:
    """Examples in some versions, (name, (n, *shape)): images in rows, others drawn over each other.

    titles: one an example, which say its error.
    """
    if frame.kind == "image":
        return strips(versions, titles)
    colors = (INK, palette.MODEL, palette.PCA)
    panels = [
        panel(
            frame,
            [Version(name, x[i], c) for (name, x), c in zip(versions, colors, strict=False)],
            f"MSE {title}",
        )
        for i, title in enumerate(titles)
    ]
    keys = tuple(Key(name, c) for (name, _), c in zip(versions, colors, strict=False))
    return Examples(keys=keys, panels=_panels(frame, panels))


def collection(frame: Frame, x: np.ndarray, alt: str) -> Examples:
    """Single examples (n, *shape) side by side."""
    if frame.kind == "image":
        return Examples(single=picture(x, 10 if len(x) >= 10 else max(len(x), 1), alt))
    panels = [panel(frame, [Version("sample", one, palette.MODEL)]) for one in x[:12]]
    return Examples(panels=_panels(frame, panels))


def walks(frame: Frame, x: np.ndarray, names: Sequence[str]) -> Examples:
    """Traversals (dimensions, steps, *shape), a row each."""
    if frame.kind == "image":
        return strips(list(zip(names, x, strict=True)))
    panels = [panel(frame, course(frame, row), name) for name, row in zip(names, x, strict=True)]
    return Examples(panels=_panels(frame, panels))


def _panels(frame: Frame, panels: Sequence[str]) -> Markup:
    # aecore.figures.examples makes SVG in which every text is escaped already.
    return Markup(gallery(panels, panel_width(frame)))


@dataclass(frozen=True)
class Bar:
    """A bar from 0. percent: of the longest one's; value: its number as text."""

    name: str
    percent: str
    value: str
    color: str


def level_bars(rows: Sequence[tuple[str, float | None, str]]) -> list[Bar]:
    """Lying bars of errors, (name, value, colour); those without a value are left out."""
    known = [(name, value, color) for name, value, color in rows if value is not None]
    top = max((value for _, value, _ in known), default=1.0) or 1.0
    return [Bar(name, f"{100 * v / top:.1f}", shown(v), color) for name, v, color in known]


@dataclass(frozen=True)
class Columns:
    """Standing bars with the unit of their numbers. left_out: how many more there would be."""

    bars: list[Bar]
    unit: str
    tallest: str
    of: int
    left_out: int

    @property
    def many(self) -> bool:
        """Too many for wide gaps between them."""
        return self.of > 12

    @property
    def named(self) -> bool:
        """Few enough for a name below each."""
        return self.of <= 24


def columns(values: Sequence[float], names: Sequence[str], unit: str, color: str) -> Columns:
    """Standing bars from 0, at most 64 of them."""
    top = max(max(values, default=0.0), 1e-12)
    bars = [
        Bar(name, f"{100 * max(value, 0) / top:.1f}", amount(value), color)
        for name, value in list(zip(names, values, strict=True))[:MOST_BARS]
    ]
    return Columns(bars, unit, amount(top), len(values), max(len(values) - MOST_BARS, 0))


@dataclass(frozen=True)
class Spread:
    """Mean and deviation of a dimension on a line from -3 to 3, as percent of its length."""

    name: str
    title: str
    text: str
    left: str
    width: str
    middle: str


def spread(rows: Sequence[tuple[str, float, float]]) -> list[Spread]:
    """Mean and deviation of each dimension, (name, mean, deviation), the first 32 of them."""
    lines = []
    for name, mean, std in rows[:MOST_SPREADS]:
        low, at, high = (float(np.clip((v + 3) / 6, 0, 1)) for v in (mean - std, mean, mean + std))
        lines.append(
            Spread(
                name,
                f"{name}: mean {amount(mean)}, deviation {amount(std)}",
                f"{mean:+.2f} ± {std:.2f}".replace("-", "\N{MINUS SIGN}"),
                f"{100 * low:.1f}",
                f"{100 * (high - low):.1f}",
                f"{100 * at:.1f}",
            )
        )
    return lines


@dataclass(frozen=True)
class Curves:
    """Outlines of histograms on a square of 100: points of a polyline and its colour."""

    outlines: list[tuple[str, str]]
    keys: list[Key]
    unit: str
    low: str
    high: str


def curves(edges: np.ndarray, series: Sequence[tuple[str, np.ndarray, str]], unit: str) -> Curves:
    """Histograms over the same edges, (name, shares (n,), colour)."""
    top = max(float(values.max()) for _, values, _ in series) or 1.0
    outlines = []
    for _, values, color in series:
        points = " ".join(
            f"{x:.2f},{100 - 96 * v / top:.2f}"
            for i, v in enumerate(values)
            for x in (100 * i / len(values), 100 * (i + 1) / len(values))
        )
        outlines.append((f"0,100 {points} 100,100", color))
    keys = [Key(name, color) for name, _, color in series]
    return Curves(outlines, keys, unit, amount(float(edges[0])), amount(float(edges[-1])))


@dataclass(frozen=True)
class Map:
    """Points on a square of 400: a path of round dots with its colour for each class.

    words: (x, y, text) at the middle of a class.
    """

    dots: list[tuple[str, str]]
    words: list[tuple[str, str, str]]
    keys: list[Key]


def scatter(points: np.ndarray, labels: np.ndarray | None, names: Sequence[str]) -> Map:
    """A map of points (n, 2) in class colours, with a legend.

    Short names (digits) also stand at the middle of their class.
    """
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    size = np.maximum(high - low, 1e-9)
    place = ((points - low) / size).clip(-0.03, 1.03) * 360 + 20
    place[:, 1] = 400 - place[:, 1]
    groups = [(0, np.arange(len(points)))]
    if labels is not None:
        groups = [(int(c), np.flatnonzero(labels == c)) for c in np.unique(labels)]
    found = Map([], [], [])
    for c, rows in groups:
        color = palette.class_color(c)
        # One path of round dots a class: a tenth of the bytes of as many circles.
        found.dots.append(("".join(f"M{x:.0f} {y:.0f}h0" for x, y in place[rows]), color))
        name = names[c] if c < len(names) else str(c)
        if labels is not None and len(groups) <= 12:
            found.keys.append(Key(name, color))
        if labels is not None and len(groups) <= 12 and len(name) <= 2:
            x, y = np.median(place[rows], 0)
            found.words.append((f"{x:.0f}", f"{y + 6:.0f}", name))
    return found
