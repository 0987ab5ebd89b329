"""A chart laid out at a size: its lines, marks and words in pixels, ready to be written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from aecore.figures.chart import Chart, Line
from aecore.figures.chart_scale import in_short, share_of, span_of, ticks_of
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
        _legend(painted, chart, width)
        box = _Box(told.left, told.top, width - _RIGHT, height - _BOTTOM, chart)
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
        bars = (-0.5, max(len(chart.categories), 1) - 0.5)
        self.across = bars if chart.kind == "bars" else span_of(chart.x, xs)
        self.up = _up(chart)
        if chart.kind == "plane":
            self._one_scale()

    def _one_scale(self) -> None:
        side = min(self.right - self.left, self.bottom - self.top)
        middle = (self.left + self.right) / 2
        self.left, self.right = middle - side / 2, middle + side / 2
        self.bottom = self.top + side

    def at(self, x: float, y: float) -> Point:
        return (
            self.left + share_of(x, self.across, self.x.log) * (self.right - self.left),
            self.bottom - share_of(y, self.up, self.y.log) * (self.bottom - self.top),
        )


@dataclass(frozen=True)
class _Told:
    """A chart's words, broken into lines: along the axes, and under each bar. top: where the
    vertical axis ends, beneath the legend. longest: letters of the numbers beside it."""

    top: float
    longest: int
    across: tuple[str, ...]
    up: tuple[str, ...]
    below: Below | None = None

    @classmethod
    def of(cls, chart: Chart, width: float, height: float) -> _Told:
        # On a phone the legend stands over the axis's numbers, too.
        legend = _legend(Painted(width, height), chart, width)
        top = _TOP + legend + (_TOP if legend and width < _SLIM else 0.0)
        long = height - _BOTTOM - top
        longest = max((len(in_short(v)) for v in ticks_of(chart.y, _up(chart))), default=0)
        across, up = wrapped(chart.x.label, width - 12), wrapped(chart.y.label, long + 2 * ROW)
        told = cls(top, longest, across, up)
        if not chart.categories:
            return told
        room = (width - _RIGHT - told.left) / len(chart.categories)
        return replace(told, below=under_bars(chart.categories, room))

    @property
    def left(self) -> float:
        """Pixels beside the axis."""
        rows = ROW * len(self.up)
        return max(_LEFT - ROW + rows, rows + 8 + LETTER * self.longest)

    @property
    def longer(self) -> float:
        """Pixels that the chart is higher than usual, for what stands under it."""
        return ROW * (len(self.across) - 1) + (self.below.high - ROW if self.below else 0.0)


def sides_of(chart: Chart, width: float, height: float) -> tuple[float, float]:
    """Where the horizontal axis of a chart with words begins and ends, as shares of its width."""
    return _Told.of(chart, width, height).left / width, 1 - _RIGHT / width


def _up(chart: Chart) -> tuple[float, float]:
    """The numbers at the ends of the vertical axis."""
    ys = [v for n in chart.lines for some in (n.y, n.low, n.high) for v in some]
    if chart.kind == "bars" and not chart.y.log:
        ys.append(0.0)
    return span_of(chart.y, ys)


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
        parts.append(Words((13 + ROW * i, (box.top + box.bottom) / 2), text, turned=True))


def _below(painted: Painted, box: _Box, chart: Chart, told: _Told) -> None:
    """Numbers or categories under the axis, each where it has room."""
    if told.below is not None:
        for i, lines in enumerate(told.below.names):
            x = box.at(float(i), box.up[1])[0]
            for row, text in enumerate(lines):
                if told.below.turned:  # its end at the axis
                    words = Words((x + 4, box.bottom + 6), text, "right", turned=True)
                else:
                    words = Words((x, box.bottom + 15 + ROW * row), text)
                painted.parts.append(words)
        return
    end = -math.inf
    for value in ticks_of(chart.x, box.across):
        text = in_short(value)
        half = LETTER * len(text) / 2
        x = min(box.at(value, box.up[1])[0], painted.width - half)
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
