"""What one gets by the ways out that can be seen, drawn small with the model's own pictures."""

from __future__ import annotations

from collections.abc import Callable

from aecore.figures.palette import MODEL, PCA
from aecore.figures.preview import Preview, in_address

WIDE, TALL = 300, 132
_STYLE = "<style>.drawing{min-height:0!important}</style>"
_PLAIN = 'fill="none" stroke="currentColor" stroke-opacity=".35"'


def _svg(label: str, inside: str) -> str:
    return (
        f'{_STYLE}<svg viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{label}" '
        f'style="display:block;width:100%;max-height:{TALL}px">{inside}</svg>'
    )


def _picture(content: bytes, x: float, y: float, side: float) -> str:
    if not content:
        return f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill-opacity=".08"/>'
    return (
        f'<image x="{x}" y="{y}" width="{side}" height="{side}" href="{in_address(content)}" '
        'style="image-rendering:pixelated"/>'
    )


def _line(x: float, y: float, wide: float, strong: float = 0.25) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="4" rx="2" fill="currentColor" '
        f'fill-opacity="{strong}"/>'
    )


def _explorer(glance: Preview) -> str:
    """A browser's window with the map, a drawing and sliders."""
    sliders = "".join(
        _line(206, y, 68) + f'<circle cx="{206 + at}" cy="{y + 2}" r="5" fill="{MODEL}"/>'
        for y, at in ((104, 44), (118, 20))
    )
    dots = "".join(
        f'<circle cx="{34 + 9 * i}" cy="11" r="2.5" fill-opacity=".4"/>' for i in range(3)
    )
    return _svg(
        "An explorer: map, drawing and sliders in a browser",
        f'<g fill="currentColor"><rect x="24.5" y="1.5" width="259" height="129" rx="6" {_PLAIN}/>'
        f'<path d="M24 21H284" {_PLAIN}/>{dots}</g>'
        f"{_picture(glance.map, 44, 26, 100)}{_picture(glance.pictures[0], 206, 28, 68)}{sliders}",
    )


def _notebook(glance: Preview) -> str:
    """Cells of code, and pictures beneath."""
    code = "".join(
        _line(70 + 10 * inset, 14 + 10 * i, wide)
        for i, (inset, wide) in enumerate(((0, 96), (1, 130), (1, 84), (0, 60)))
    )
    pictures = "".join(_picture(p, 64 + 52 * i, 76, 46) for i, p in enumerate(glance.pictures))
    mark = (
        '<text x="30" y="22" font-size="11" font-family="monospace" fill="currentColor" '
        'fill-opacity=".7">[1]</text>'
    )
    return _svg(
        "A notebook: code, and what it draws",
        f'<rect x="60.5" y="6.5" width="216" height="52" rx="4" {_PLAIN}/>{mark}{code}{pictures}',
    )


def _handout(glance: Preview) -> str:
    """A printed page, small."""
    bars = "".join(
        f'<rect x="{110 + 18 * i}" y="{32 - tall / 2}" width="7" height="{tall}" fill="{color}"/>'
        for i, (tall, color) in enumerate(
            ((20, MODEL), (14, MODEL), (5, PCA), (14, MODEL), (20, MODEL))
        )
    )
    pictures = "".join(_picture(p, 108 + 28 * i, 47, 24) for i, p in enumerate(glance.pictures))
    curve = f'<path d="M160 80q6 18 30 20" fill="none" stroke="{MODEL}" stroke-width="2"/>'
    questions = "".join(_line(108, y, 84, 0.2) for y in (112, 120))
    return _svg(
        "A printed page: layers, examples, map, curve and questions",
        f'<rect x="98.5" y="1.5" width="104" height="129" {_PLAIN}/>{_line(108, 10, 56, 0.5)}{bars}'
        f"{pictures}{_picture(glance.map, 108, 74, 34)}{curve}{questions}",
    )


THUMBNAILS: dict[str, Callable[[Preview], str]] = {
    "explorer": _explorer,
    "notebook": _notebook,
    "handout": _handout,
}
