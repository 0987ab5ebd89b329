"""Clicks on a 3-D Plotly chart: Streamlit reports selections of 2-D charts only."""

from __future__ import annotations

from pathlib import Path

from streamlit.components.v2 import component

from aecore.pad.browser_code import joined

_component = component("latent_point_3d", js=joined(Path(__file__).with_suffix(".js")))


def latent_point_3d(chart_key: str, *, key: str) -> int | None:
    """The point that was clicked just now in the chart `st.plotly_chart(..., key=chart_key)`.

    Each trace's customdata must hold the example's index, a whole number (or a row that begins
    with it). Returns that index in the rerun that the click causes, else None.
    """
    # The browser's answer is checked like any other input: it may be anything.
    point = _component(key=key, data={"chart": chart_key}, on_point_change=_nothing).point
    whole = isinstance(point, int) and not isinstance(point, bool)
    return point if whole and point >= 0 else None


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
