"""How examples of any kind are drawn: pictures by images.py, signals as lines, tables as bars.

Lines and bars are SVG in a grid that fits any width. They take the text colour of the page around
them; a bar's row says its figures, in the column's own units, under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from aecore.datasets import Dataset
from aecore.datasets.dataset import Column
from aecore.types import DataSpec

INK = "currentColor"
#: The ends and the middle of a gradation, apart on light and on dark.
_STOPS = ("#7b52d0", "#d1477a", "#f0a030")
LINES = (240, 130)  # the SVG's size
BARS, BAR, NAME, UNIT = 300, 5, 112, 46  # width, a bar's height, room for name and for figure
_STYLE = (
    "<style>.ex figure{margin:0;min-width:0}.ex figcaption{font-size:.85rem;opacity:.85}"
    ".ex svg{width:100%;display:block}.ex g:hover>.hit{fill-opacity:.09}</style>"
)


@dataclass(frozen=True)
class Frame:
    """What all drawings of one data set share.

    kind: image, lines or bars. low, high: the scale, the same for every example. columns: of a
    table, in order.
    """

    kind: str
    low: float = 0.0
    high: float = 1.0
    columns: tuple[Column, ...] = ()

    @property
    def thing(self) -> str:
        """What a person calls one example."""
        return "image" if self.kind == "image" else "example"


@dataclass(frozen=True)
class Version:
    """One version of an example: what it is, its values (*shape), its colour."""

    name: str
    values: np.ndarray
    color: str = INK


def kind_of(spec: DataSpec) -> str:
    """How such data are drawn: image, bars or lines; what is no picture and no table as lines."""
    if spec.kind == "image" and len(spec.shape) == 3 and spec.shape[0] in (1, 3):
        return "image"
    return "bars" if spec.kind == "table" else "lines"


def thing_of(spec: DataSpec) -> str:
    """What a person calls one example of such data."""
    return "image" if kind_of(spec) == "image" else "example"


def values_of(spec: DataSpec) -> str:
    """What a person calls the numbers of an example."""
    return "pixels" if kind_of(spec) == "image" else "values"


def frame_of(data: Dataset) -> Frame:
    """How this data set's examples are drawn."""
    names = (Column(f"column {i + 1}", 0.0, 1.0) for i in range(data.spec.size))
    kind = kind_of(data.spec)
    columns = (data.columns or tuple(names)) if kind == "bars" else ()
    return Frame(kind, *data.value_range, columns)


def panel(
    frame: Frame,
    versions: Sequence[Version],
    title: str = "",
    note: str = "",
    between: bool = False,
) -> str:
    """An example, or several, in one plot, with a title and a note (plain text) above it.

    between: shade what lies between the first two lines, which is the second's error.
    """
    names = ", ".join(dict.fromkeys(v.name for v in versions))
    draw = _bars(frame, versions) if frame.kind == "bars" else _lines(frame, versions, between)
    width, height, body = draw
    return (
        f"<figure><figcaption>{escape(title)}{note and f'<br>{escape(note)}'}</figcaption>"
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(f"{title}: {names}", quote=True)}">{body}</svg></figure>'
    )


def gallery(panels: Sequence[str], width: int) -> str:
    """Panels side by side, each at least `width` CSS pixels wide where the page is."""
    columns = f"repeat(auto-fill,minmax(min(100%,{width}px),1fr))"
    return (
        f'{_STYLE}<div class="ex" style="display:grid;grid-template-columns:{columns};'
        f'gap:14px 22px">{"".join(panels)}</div>'
    )


def panel_width(frame: Frame) -> int:
    """The least width of a panel at which it can be read, in CSS pixels."""
    return 260 if frame.kind == "bars" else 190


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """What the colours mean: (name, colour) each."""
    cells = "".join(
        f'<span style="white-space:nowrap"><i style="display:inline-block;width:.8em;height:.8em;'
        f'border-radius:2px;background:{color};margin-right:.4em"></i>{escape(name)}</span>'
        for name, color in entries
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:2px 18px;font-size:.9rem;margin-bottom:8px">'
        f"{cells}</div>"
    )


def gradation_legend(start: str, end: str) -> str:
    """A gradation's bar between the names of its ends."""
    return (
        '<div style="display:flex;align-items:center;gap:8px;font-size:.9rem;margin-bottom:8px">'
        f'{escape(start)}<i style="flex:0 1 140px;height:8px;border-radius:4px;'
        f'background:linear-gradient(90deg,{",".join(_STOPS)})"></i>{escape(end)}</div>'
    )


def course(frame: Frame, x: np.ndarray, names: Sequence[str] = ("low", "middle", "high")):
    """Versions in a gradation, of examples x (n, *shape) on a way: all lines, or of a table three.

    names: of the ends and the middle.
    """
    n = len(x)
    rows = [0, n // 2, n - 1] if frame.kind == "bars" else list(range(n))
    middle = len(rows) // 2
    name = {0: names[0], middle: names[1], len(rows) - 1: names[2]}
    last = max(len(rows) - 1, 1)
    return [Version(name.get(i, "between"), x[r], shade(i / last)) for i, r in enumerate(rows)]


def shade(t: float) -> str:
    """The gradation's colour at a share t (0 to 1) of the way."""
    stops = [[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in _STOPS]
    mixed = [np.interp(t * 2, range(3), channel) for channel in zip(*stops, strict=True)]
    return "#" + "".join(f"{round(v):02x}" for v in mixed)


def amount(value: float) -> str:
    """A figure in a column's units, to four digits."""
    return f"{float(f'{value:.4g}'):,g}" if math.isfinite(value) else "not a number"


def _lines(frame: Frame, versions: Sequence[Version], between: bool) -> tuple[int, int, str]:
    width, height = LINES
    top, left = 6, 16

    def points(values: np.ndarray) -> list[str]:
        flat = np.nan_to_num(np.ravel(values))
        share = ((flat - frame.low) / (frame.high - frame.low)).clip(-0.04, 1.04)
        x = left + np.arange(len(flat)) / max(len(flat) - 1, 1) * (width - left - 2)
        y = height - top - share * (height - 2 * top)
        return [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]

    parts = []
    for value in (frame.low, (frame.low + frame.high) / 2, frame.high):
        share = (value - frame.low) / (frame.high - frame.low)
        y = height - top - share * (height - 2 * top)
        parts.append(
            f'<path d="M{left} {y:.1f}H{width}" stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="{left - 4}" y="{y + 3:.1f}" text-anchor="end" font-size="9" '
            f'fill="currentColor" fill-opacity=".6">{value:g}</text>'
        )
    if between:
        outline = points(versions[0].values) + points(versions[1].values)[::-1]
        parts.append(
            f'<polygon points="{" ".join(outline)}" fill="{versions[1].color}" fill-opacity=".25"/>'
        )
    for version in versions:
        faint = ' stroke-opacity=".55"' if version.color == INK else ""
        parts.append(
            f'<polyline points="{" ".join(points(version.values))}" fill="none" '
            f'stroke="{version.color}" stroke-width="1.6" stroke-linejoin="round"{faint}>'
            f"<title>{escape(version.name)}</title></polyline>"
        )
    return width, height, "".join(parts)


def _bars(frame: Frame, versions: Sequence[Version]) -> tuple[int, int, str]:
    row = max(len(versions) * BAR + 6, 16)
    reach = BARS - NAME - UNIT - 8

    def at(value: float) -> float:
        share = (np.nan_to_num(value) - frame.low) / (frame.high - frame.low)
        return NAME + 4 + float(np.clip(share, 0, 1)) * reach

    zero, height = at(0.0), row * len(frame.columns)
    parts = [
        f'<path d="M{zero:.1f} 0V{height}" stroke="currentColor" stroke-opacity=".35">'
        "<title>the mean of the training data</title></path>"
    ]
    flat = [np.ravel(v.values) for v in versions]
    for i, column in enumerate(frame.columns):
        figures = [amount(float(values[i]) * column.std + column.mean) for values in flat]
        hover = f"{column.name}: " + ", ".join(
            f"{v.name} {figure}" for v, figure in zip(versions, figures, strict=True)
        )
        top, middle = i * row, i * row + row / 2 + 3.5
        parts.append(
            f'<g><title>{escape(hover)}</title><rect class="hit" y="{top}" width="{BARS}" '
            f'height="{row}" fill="currentColor" fill-opacity="0"/>'
            f'<text x="{NAME}" y="{middle:.1f}" text-anchor="end" font-size="10.5" '
            f'fill="currentColor">{escape(_short(column.name))}</text>'
        )
        for j, (version, values) in enumerate(zip(versions, flat, strict=True)):
            end, y = at(float(values[i])), top + (row - len(versions) * BAR) / 2 + j * BAR
            faint = ' fill-opacity=".6"' if version.color == INK else ""
            parts.append(
                f'<rect x="{min(zero, end):.1f}" y="{y:.1f}" width="{max(abs(end - zero), 1):.1f}" '
                f'height="{BAR - 0.6}" fill="{version.color}"{faint}/>'
            )
        parts.append(
            f'<text x="{BARS}" y="{middle:.1f}" text-anchor="end" font-size="10" '
            f'fill="currentColor" fill-opacity=".75">{figures[0]}</text></g>'
        )
    return BARS, height, "".join(parts)


def _short(name: str, length: int = 20) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
