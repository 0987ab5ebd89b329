"""An address as a QR code, made here: for a terminal, and for a projector."""

from __future__ import annotations

import io

import segno

QUIET = 4  # modules of empty border that readers expect


def _code(text: str) -> segno.QRCode:
    return segno.make(text, error="m", micro=False)


def qr_lines(text: str, coloured: bool) -> str:
    """The code in half blocks, light on dark. coloured: say the colours to the terminal, whose own
    may be the other way round."""
    drawn = io.StringIO()
    _code(text).terminal(drawn, compact=True, border=2)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" if coloured else line for line in lines)


def qr_svg(text: str) -> str:
    """The code as an SVG that fills its place: black on white in any theme, as cameras need it."""
    code = _code(text)
    side = code.symbol_size(border=QUIET)[0]
    path = code.svg_inline(border=QUIET, omitsize=True, dark="#000", light="#fff")
    return path.replace("<svg ", f'<svg shape-rendering="crispEdges" data-side="{side}" ', 1)


def qr_modules(text: str) -> list[list[bool]]:
    """The code as rows of modules, dark ones True, without a border: paper has one."""
    return [[bool(module) for module in row] for row in _code(text).matrix]
