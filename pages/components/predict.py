"""A prediction drawn by hand: points over an axis, dragged up and down, or by the arrow keys."""

from __future__ import annotations

import math
from pathlib import Path

from streamlit.components.v2 import component

from aecore.errors import ConfigError
from aecore.figures.chart_scale import in_short, ticks_of
from aecore.lab.predicting import Prediction
from aecore.pad.browser_code import joined

_HERE = Path(__file__).parent
_predict = component(
    "predict",
    html='<div class="pr-place"></div>',
    css=(_HERE / "predict.css").read_text("utf-8"),
    js=joined(_HERE / "predict.js"),
)


def predict(asked: Prediction, key: str) -> tuple[float, ...] | None:
    """Let a person draw what is asked for, a curve or bars; None until something was drawn."""
    span = asked.y.span
    assert span is not None
    names = asked.categories or tuple(in_short(x) for x in asked.x)
    data = {
        "bars": asked.kind == "bars",
        "names": list(names),
        "places": _places(asked),
        "low": span[0],
        "high": span[1],
        "log": asked.y.log,
        "ticks": [[tick, in_short(tick)] for tick in ticks_of(asked.y, span)],
        "across": asked.x_axis.label,
        "up": asked.y.label,
    }
    drawn = _predict(key=key, data=data, on_guess_change=_nothing).guess
    try:
        # The browser's answer is checked like any other input: it may be anything.
        return asked.check(drawn) if isinstance(drawn, list) else None
    except ConfigError:
        return None


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""


def _places(asked: Prediction) -> list[float]:
    """Where each of x stands across, 0 to 1."""
    if asked.kind == "bars" or len(asked.x) < 2:
        return [(i + 0.5) / len(asked.x) for i in range(len(asked.x))]
    x = [math.log(v) for v in asked.x] if asked.x_axis.log else list(asked.x)
    return [0.03 + 0.94 * (v - x[0]) / (x[-1] - x[0]) for v in x]
