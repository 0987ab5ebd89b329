"""A chart laid out at a size: its lines, marks and words in pixels, ready to be written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.chart_words import LETTER, ROW, Below, under_bars, wrapped

Point = tuple[float, float]
INK = ""  # the colour of words and axes: the page's own
TEXT = 12.0  # pixels
_TOP, _RIGHT, _BOTTOM, _LEFT = 8.0, 14.0, 40.0, 58.0
_LINE = 18.0  # pixels of a line of the legend
_CLOUD = 12  # points that are not joined, of which more are drawn small
_SLIM = 480.0  # pixels of a chart, below which its legend begins at the edge


@dataclass(frozen=True)
class Stroke:
    """A line through points. width in pixels, opacity from 0 to 1."""

    points: tuple[Point, ...]
    color: str
    width: float = 2.0
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Area:
    """A filled shape. told: what it says under the pointer."""

    points: tuple[Point, ...]
    color: str
    opacity: float = 1.0
    told: str = ""


@dataclass(frozen=True)
class Dot:
    """A mark of a value. told: what it says under the pointer."""

    at: Point
    color: str
    radius: float = 3.5
    told: str = ""


@dataclass(frozen=True)
class Words:
    """A line of text at its middle, left or right end; turned: upwards."""

    at: Point
    text: str
    align: Literal["left", "middle", "right"] = "middle"
    turned: bool = False


@dataclass
class Painted:
    """What is to be drawn, in its order, on width × height pixels."""

    width: float
    height: float
    parts: list[Stroke | Area | Dot | Words] = field(default_factory=list)


def paint(chart: Chart, width: float, height: float, words: bool = True) -> Painted:
    """Lay a chart out. words: with axes' names, numbers and the legend; without, a sketch."""
    if not words:
        painted = Painted(width, height)
        box = _Box(6.0, _TOP, width - _RIGHT, height - 6.0, chart)
        _axes(painted, box, chart, None)
    else:
        told = _Told.of(chart, width, height)
        painted = Painted(width, height + told.longer)
        # On a phone the legend stands over the axis's numbers, too.
        top = _TOP + _legend(painted, chart, width) + (_TOP if width < _SLIM else 0.0)
        box = _Box(told.left, top, width - _RIGHT, height - _BOTTOM, chart)
        _axes(painted, box, chart, told)
    for i, line in enumerate(chart.lines):
        if chart.kind == "bars" and line.role != "expected":
            _bars(painted, box, chart, line, i)
        else:
            _line(painted, box, chart, line)
    return painted


class _Box:
    """Where values stand on the picture."""

    def __init__(self, left: float, top: float, right: float, bottom: float, chart: Chart):
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self.x, self.y = chart.x, chart.y
        xs = [v for line in chart.lines for v in line.x]
        ys = [v for n in chart.lines for some in (n.y, n.low, n.high) for v in some]
        if chart.kind == "bars":
            self.across = (-0.5, max(len(chart.categories), 1) - 0.5)
            if not chart.y.log:
                ys.append(0.0)
        else:
            self.across = _span(chart.x, xs)
        self.up = _span(chart.y, ys)
        if chart.kind == "plane":
            self._one_scale()

    def _one_scale(self) -> None:
        side = min(self.right - self.left, self.bottom - self.top)
        middle = (self.left + self.right) / 2
        self.left, self.right = middle - side / 2, middle + side / 2
        self.bottom = self.top + side

    def at(self, x: float, y: float) -> Point:
        return (
            self.left + _share(x, self.across, self.x.log) * (self.right - self.left),
            self.bottom - _share(y, self.up, self.y.log) * (self.bottom - self.top),
        )


@dataclass(frozen=True)
class _Told:
    """A chart's words, broken into lines: along the axes, and under each bar."""

    across: tuple[str, ...]
    up: tuple[str, ...]
    below: Below | None

    @classmethod
    def of(cls, chart: Chart, width: float, height: float) -> _Told:
        across, up = wrapped(chart.x.label, width - 12), wrapped(chart.y.label, height - 24)
        told = cls(across, up, None)
        if not chart.categories:
            return told
        room = (width - _RIGHT - told.left) / len(chart.categories)
        return cls(across, up, under_bars(chart.categories, room))

    @property
    def left(self) -> float:
        """Pixels beside the axis."""
        return _LEFT + ROW * (len(self.up) - 1)

    @property
    def longer(self) -> float:
        """Pixels that the chart is higher than usual, for what stands under it."""
        return ROW * (len(self.across) - 1) + (self.below.high - ROW if self.below else 0.0)


def sides_of(chart: Chart, width: float, height: float) -> tuple[float, float]:
    """Where the horizontal axis of a chart with words begins and ends, as shares of its width."""
    return _Told.of(chart, width, height).left / width, 1 - _RIGHT / width


def span_of(axis: Axis, values: Iterable[float]) -> tuple[float, float]:
    """The numbers at an axis's ends for these values, where the axis does not say."""
    return _span(axis, list(values))


def _span(axis: Axis, values: list[float]) -> tuple[float, float]:
    if axis.span is not None:
        return axis.span
    known = [v for v in values if math.isfinite(v) and (v > 0 or not axis.log)]
    known += [t for t in axis.ticks if t > 0 or not axis.log]
    if not known:
        return (0.1, 1.0) if axis.log else (0.0, 1.0)
    low, high = min(known), max(known)
    if low == high == 0:
        return 0.0, 1.0
    if axis.log:
        return low / 1.12, high * 1.12
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return (low if low == 0 else low - room), (high if high == 0 else high + room)


def _share(value: float, span: tuple[float, float], log: bool) -> float:
    low, high = span
    if log:
        value, low, high = math.log(max(value, 1e-12)), math.log(low), math.log(high)
    return (value - low) / (high - low)


def ticks_of(axis: Axis, span: tuple[float, float], most: int = 6) -> list[float]:
    """Round numbers between an axis's ends."""
    low, high = span
    if axis.ticks:
        return [t for t in axis.ticks if low <= t <= high]
    if axis.log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if high / low < 300 else (1,)
        found = [m * 10.0**d for d in decades for m in steps]
        return [t for t in found if low <= t <= high]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough)
    first = math.ceil(low / step - 1e-9)
    count = int((high + 1e-9 * step) / step - first) + 1
    return [(first + i) * step for i in range(count)]


def in_short(value: float) -> str:
    """A number as it stands at a tick or a mark."""
    if value and abs(value) < 1:
        return f"{value:.3g}".replace("0.", ".", 1)
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _axes(painted: Painted, box: _Box, chart: Chart, told: _Told | None) -> None:
    parts, frame = painted.parts, (INK, 1.0, False)
    parts.append(Stroke(((box.left, box.bottom), (box.right, box.bottom)), *frame, 0.5))
    for value in ticks_of(chart.y, box.up):
        y = box.at(box.across[0], value)[1]
        parts.append(Stroke(((box.left, y), (box.right, y)), *frame, 0.12))
        if told is not None:
            parts.append(Words((box.left - 6, y + 4), in_short(value), "right"))
    if told is None:
        return
    _below(painted, box, chart, told)
    middle, foot = painted.width / 2, painted.height - 6
    for i, text in enumerate(reversed(told.across)):
        parts.append(Words((middle, foot - ROW * i), text))
    for i, text in enumerate(told.up):
        parts.append(Words((13 + ROW * i, (painted.height - told.longer) / 2), text, turned=True))


def _below(painted: Painted, box: _Box, chart: Chart, told: _Told) -> None:
    """Numbers or categories under the axis, each where it has room."""
    if told.below is not None:
        for i, lines in enumerate(told.below.names):
            x = box.at(float(i), box.up[1])[0]
            for row, text in enumerate(lines):
                at = x, box.bottom + 15 + ROW * row
                if told.below.turned:  # by its middle, its end at the axis
                    at = x + 4, box.bottom + 4 + LETTER * len(text) / 2
                painted.parts.append(Words(at, text, turned=told.below.turned))
        return
    end = -math.inf
    for value in ticks_of(chart.x, box.across):
        x, text = box.at(value, box.up[1])[0], in_short(value)
        half = LETTER * len(text) / 2
        if x - half > end + 4:
            painted.parts.append(Words((x, box.bottom + 15), text))
            end = x + half


def _line(painted: Painted, box: _Box, chart: Chart, line: Line) -> None:
    known = [(box.at(x, y), x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    if line.low and line.high:
        ends = [v for v in zip(line.x, line.low, line.high, strict=True) if math.isfinite(v[1])]
        there = [box.at(x, high) for x, _, high in ends]
        back = [box.at(x, low) for x, low, _ in reversed(ends)]
        painted.parts.append(Area((*there, *back), line.color, 0.15))
    if line.joined and len(known) > 1:
        points = tuple(point for point, _, _ in known)
        painted.parts.append(Stroke(points, line.color, 2.0, line.dashed))
    if line.marked:
        cloud = not line.joined and len(known) > _CLOUD
        radius = 3.2 if line.joined else 1.8 if cloud else 4.0
        for point, x, y in known:
            at = chart.categories[int(x)] if chart.categories else in_short(x)
            told = f"{line.name}: {in_short(y)} at {at}" if line.name else ""
            painted.parts.append(Dot(point, line.color, radius, told))


def _bars(painted: Painted, box: _Box, chart: Chart, line: Line, place: int) -> None:
    shown = [one for one in chart.lines if one.role != "expected"]
    wide = 0.8 / len(shown)
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(y):
            start = x - 0.4 + wide * place
            # On a logarithmic scale there is no 0 to stand on.
            foot = box.up[0] if chart.y.log else 0.0
            low, high = box.at(start, foot), box.at(start + wide * 0.92, y)
            corners = (low, (low[0], high[1]), high, (high[0], low[1]))
            told = f"{line.name}, {chart.categories[int(x)]}: {in_short(y)}"
            painted.parts.append(Area(corners, line.color, 0.9, told))


def _legend(painted: Painted, chart: Chart, width: float) -> float:
    """The lines' names above; the pixels that they take."""
    start = _LEFT if width > _SLIM else _TOP
    x, y = start, 12.0
    named = [line for line in chart.lines if line.name]
    if not named:
        return 0.0
    for line in named:
        lines = wrapped(line.name, width - start - 26)
        wide = 26 + LETTER * max(map(len, lines))
        if x > start and x + wide > width:
            x, y = start, y + _LINE
        painted.parts.append(Stroke(((x, y - 4), (x + 16, y - 4)), line.color, 3, line.dashed))
        for i, text in enumerate(lines):
            y += ROW * (i > 0)
            painted.parts.append(Words((x + 21, y), text, "left"))
        x += wide + 12
    return y
