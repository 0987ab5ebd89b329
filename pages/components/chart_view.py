"""Charts of aecore.figures on a page, drawn as SVG in its colours at the width that it has."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from aecore.figures.chart import Chart
from aecore.figures.chart_files import HIGH, NARROW, WIDE, svg
from pages.components.drawing import drawing

_SMALL = 170.0  # pixels of one of several on a plane
# Letters keep their size: what is narrow is laid out anew, not shrunk.
_STYLE = (
    "<style>.drawing{min-height:0!important}.ch{container-type:inline-size}"
    ".ch .narrow{display:none}@container(max-width:480px){.ch .wide{display:none}"
    ".ch .narrow{display:block}}"
    ".ch .planes{display:grid;grid-template-columns:repeat(auto-fill,minmax(140px,1fr));gap:8px}"
    ".ch figure{margin:0}.ch figcaption{font-size:13px;line-height:1.3}</style>"
)


def chart_view(chart: Chart, key: str, height: float = HIGH) -> None:
    """One chart, in a place whose size does not depend on what it shows."""
    wide, narrow = svg(chart, WIDE, height), svg(chart, NARROW, height)
    drawing(
        f'{_STYLE}<div class="ch"><div class="wide">{wide}</div>'
        f'<div class="narrow">{narrow}</div></div>',
        key,
    )


def planes_view(charts: Sequence[Chart], key: str) -> None:
    """Several planes beside each other, small, each with its title."""
    shown = "".join(
        f"<figure>{svg(chart, _SMALL, _SMALL, words=False)}"
        f"<figcaption>{escape(chart.title)}</figcaption></figure>"
        for chart in charts
    )
    drawing(f'{_STYLE}<div class="ch"><div class="planes">{shown}</div></div>', key)


def sketch_view(chart: Chart, key: str) -> None:
    """A small picture of a chart without words."""
    drawing(f"{_STYLE}{svg(chart, 150, 84, words=False)}", key)
