"""A painted chart as SVG in the page's colours, and as a picture on white."""

from __future__ import annotations

import io
from html import escape
from itertools import pairwise

from PIL import Image, ImageColor, ImageDraw, ImageFont

from aecore.figures.chart import Chart
from aecore.figures.chart_painting import (
    INK,
    TEXT,
    Area,
    Dot,
    Point,
    Stroke,
    Words,
    paint,
)

WIDE, NARROW, HIGH = 620.0, 328.0, 300.0  # pixels of a chart on a page, and on a phone
_SCALE = 2  # pixels of the written picture for each
_FINER = 2  # drawn so much larger first, so that slanted lines are smooth
_DASH = (6.0, 4.0)
_BLACK = "#1d2026"
_ANCHORS = {"left": "start", "middle": "middle", "right": "end"}


def svg(chart: Chart, width: float = WIDE, height: float = HIGH, words: bool = True) -> str:
    """A chart as an SVG element; its ink is the text colour of where it stands."""
    painted = paint(chart, width, height, words)
    label = escape(chart.summary or chart.title, quote=True)
    inside = "".join(_element(part) for part in painted.parts)
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {width:g} {painted.height:g}" '
        f'style="width:100%;max-width:{width:g}px;display:block" '
        f'font-size="{TEXT:g}" fill="currentColor">{inside}</svg>'
    )


def _element(part: Stroke | Area | Dot | Words) -> str:
    color = escape(getattr(part, "color", INK) or "currentColor", quote=True)
    said = getattr(part, "told", "")
    told = f"<title>{escape(said)}</title>" if said else ""
    match part:
        case Stroke():
            dash = f' stroke-dasharray="{_DASH[0]:g} {_DASH[1]:g}"' if part.dashed else ""
            return (
                f'<polyline points="{_points(part.points)}" fill="none" stroke="{color}" '
                f'stroke-width="{part.width:g}" stroke-opacity="{part.opacity:g}" '
                f'stroke-linejoin="round"{dash}/>'
            )
        case Area():
            return (
                f'<polygon points="{_points(part.points)}" fill="{color}" '
                f'fill-opacity="{part.opacity:g}">{told}</polygon>'
            )
        case Dot():
            x, y = part.at
            at = f'cx="{x:.1f}" cy="{y:.1f}" r="{part.radius:g}"'
            return f'<circle {at} fill="{color}">{told}</circle>'
    x, y = part.at
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if part.turned else ""
    anchor = _ANCHORS[part.align]
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{escape(part.text)}</text>'


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def png(chart: Chart, width: float = WIDE, height: float = HIGH) -> bytes:
    """A chart as a PNG on white, its title above."""
    painted = paint(chart, width, height)
    above, scale = 26.0, _SCALE * _FINER
    size = round(width * scale), round((painted.height + above) * scale)
    picture = Image.new("RGB", size, "white")
    brush = _Brush(picture, scale, above)
    brush.words(Words((width / 2, 17.0 - above), chart.title))
    for part in painted.parts:
        brush.part(part)
    small = picture.resize((size[0] // _FINER, size[1] // _FINER), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()


class _Brush:
    """Draws painted parts on a picture; scale: its pixels for each; above: pixels left free."""

    def __init__(self, picture: Image.Image, scale: int, above: float):
        self.picture, self.scale, self.above = picture, scale, above
        self.draw = ImageDraw.Draw(picture, "RGBA")
        self.font = ImageFont.load_default(TEXT * scale)

    def part(self, part: Stroke | Area | Dot | Words) -> None:
        match part:
            case Stroke():
                self.stroke(part)
            case Area():
                self.draw.polygon(self._all(part.points), _rgba(part.color, part.opacity))
            case Dot():
                x, y = self._at(part.at)
                r = part.radius * self.scale
                self.draw.ellipse((x - r, y - r, x + r, y + r), _rgba(part.color))
            case Words():
                self.words(part)

    def stroke(self, stroke: Stroke) -> None:
        color, width = _rgba(stroke.color, stroke.opacity), round(stroke.width * self.scale)
        for points in _dashed(stroke.points) if stroke.dashed else [stroke.points]:
            self.draw.line(self._all(points), color, width, "curve")

    def words(self, words: Words) -> None:
        anchor = {"left": "ls", "middle": "ms", "right": "rs"}[words.align]
        if not words.turned:
            self.draw.text(self._at(words.at), words.text, _BLACK, self.font, anchor)
            return
        box = self.font.getbbox(words.text)
        turned = Image.new("L", (round(box[2]), round(box[3]) + self.scale), 0)
        ImageDraw.Draw(turned).text((0, 0), words.text, 255, self.font)
        turned = turned.rotate(90, expand=True)
        x, y = self._at(words.at)
        above = {"left": turned.height, "middle": turned.height / 2, "right": 0}[words.align]
        place = round(x - turned.width), round(y - above)
        self.picture.paste(Image.new("RGB", turned.size, _BLACK), place, turned)

    def _at(self, point: Point) -> Point:
        return point[0] * self.scale, (point[1] + self.above) * self.scale

    def _all(self, points: tuple[Point, ...]) -> list[Point]:
        return [self._at(p) for p in points]


def _rgba(color: str, opacity: float = 1.0) -> tuple[int, ...]:
    return (*ImageColor.getrgb(color or _BLACK)[:3], round(255 * opacity))


def _dashed(points: tuple[Point, ...]) -> list[tuple[Point, Point]]:
    """A line's dashes, each part of it from its own beginning."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        at = 0.0
        while at < length:
            a, b = at / length, min(at + _DASH[0], length) / length
            start = x0 + a * (x1 - x0), y0 + a * (y1 - y0)
            found.append((start, (x0 + b * (x1 - x0), y0 + b * (y1 - y0))))
            at += sum(_DASH)
    return found
