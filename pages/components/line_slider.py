"""A line that is dragged through the histograms of usual and strange scores, and what it does.

The line and its counts follow the hand in the browser; the page hears of it when the hand lets go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.figures.chart import Chart
from aecore.figures.chart_files import NARROW, WIDE, svg
from aecore.figures.chart_painting import sides_of
from aecore.lab.drawing_the_line import RARE, Scores
from aecore.pad.browser_code import joined, styled
from pages.components import parts
from pages.components.feature_stage import content_name

STEPS = 400  # of the slider
_HERE = Path(__file__).parent
_slider = component(
    "line_slider",
    html=(_HERE / "line_slider.html").read_text("utf-8"),
    css=styled(_HERE / "line_slider.css"),
    js=parts.code(joined(_HERE / "line_slider.js")),
)


def line_slider(
    chart: Chart,
    scores: Scores,
    line: float,
    suggested: float,
    prices: tuple[float, float],
    *,
    name: str,
    high: float,
    key: str,
    moved: Callable[[float], None],
) -> None:
    """Show it.

    chart: both histograms over `scores.span`, the line its last. line: where it is when it is first
    shown. prices: what one that is missed, and a false alarm, cost. name: of these scores, whose
    line is another one's. high: pixels of the chart. moved: called with the line when a hand has
    let go, before the page runs again.
    """
    low, most = scores.span
    arrays = {
        "usual": np.sort(scores.usual).astype(np.float32),
        "strange": np.sort(scores.strange).astype(np.float32),
    }
    places = {"--wide": f"{WIDE:g}px", "--slim": f"{NARROW:g}px"}
    for which, width in (("wide", WIDE), ("narrow", NARROW)):
        left, right = sides_of(chart, width, high)
        places[f"--left-{which}"] = f"{100 * left:.4f}%"
        places[f"--across-{which}"] = f"{100 * (right - left):.4f}%"
    missed, alarm = prices
    meta: dict[str, Any] = {
        "name": name,
        "charts": {"wide": svg(chart, WIDE, high), "narrow": svg(chart, NARROW, high)},
        "places": places,
        "span": [low, most],
        "steps": STEPS,
        "digits": max(0, 1 - math.floor(math.log10((most - low) / STEPS))),
        "suggested": min(max(suggested, low), most),
        "rare": RARE,
        "missed": missed,
        "alarm": alarm,
    }
    meta["id"] = content_name(meta, arrays)  # not of the line, which the browser has
    meta["start"] = line

    def on_line() -> None:
        found = line_in(st.session_state[key].line)
        if found is not None:
            moved(found)

    _slider(
        key=key,
        data={"meta": meta, **parts.offered(arrays)},
        on_line_change=on_line,
        on_lost_change=_nothing,
    )


def line_in(asked: Any) -> float | None:
    """The line that a browser names; None for what is no number."""
    line = asked.get("line") if isinstance(asked, Mapping) else None
    if not isinstance(line, int | float) or isinstance(line, bool) or not math.isfinite(line):
        return None
    return float(line)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
