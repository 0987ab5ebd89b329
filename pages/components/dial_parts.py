"""What dials over shipped models share: all that they show comes at once, so that a hand on one
asks nothing of the server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2 import component

from aecore.figures.chart import Chart
from aecore.figures.chart_files import svg
from aecore.pad.browser_code import joined, styled
from pages.components import parts

_HERE = Path(__file__).parent
WIDTH = 380.0  # pixels of a chart


def dial_component(name: str) -> Callable[..., Any]:
    """The component of a dial whose markup, module and sheet are called so; the sheet comes behind
    the one that dials share."""
    return component(
        name,
        html=(_HERE / f"{name}.html").read_text("utf-8"),
        css=styled(_HERE / "dial_parts.css") + (_HERE / f"{name}.css").read_text("utf-8"),
        js=parts.code(joined(_HERE / f"{name}.js")),
    )


def drawn(chart: Chart, height: float) -> str:
    """A chart as it stands beside a dial, height in pixels."""
    return svg(chart, WIDTH, height)


def as_bytes(x: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as one row of bytes: what is sent to a browser has one dimension."""
    return (np.nan_to_num(x).clip(0, 1) * 255 + 0.5).astype(np.uint8).ravel()


def mount(
    dial: Callable[..., Any], meta: dict[str, Any], arrays: Mapping[str, np.ndarray], key: str
) -> None:
    """Show a dial: what is said of its arrays, and these, flat. It is drawn anew where either is
    another."""
    digest = hashlib.blake2b(json.dumps(meta).encode(), digest_size=12)
    for array in arrays.values():
        digest.update(array.data)
    named = meta | {"id": digest.hexdigest()}
    dial(key=key, data={"meta": named, **parts.offered(arrays)}, on_lost_change=_nothing)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
