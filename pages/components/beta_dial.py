"""A dial over planes of codes: each decoded as one picture, and where its codes lie.

All stops come at once, so that a hand on the dial asks nothing of the server.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2 import component

from aecore.figures.chart import Chart
from aecore.figures.chart_files import svg
from aecore.pad import pad_meta
from aecore.pad.browser_code import joined, styled
from pages.components import parts

_HERE = Path(__file__).parent
_SIDE = 360.0  # pixels of a chart
_dial = component(
    "beta_dial",
    html=(_HERE / "beta_dial.html").read_text("utf-8"),
    css=styled(_HERE / "beta_dial.css"),
    js=parts.code(joined(_HERE / "beta_dial.js")),
)


def beta_dial(
    planes: np.ndarray,
    stops: Sequence[str],
    charts: Sequence[Chart],
    facts: Sequence[Sequence[tuple[str, str]]],
    *,
    captions: tuple[str, str],
    start: int,
    key: str,
) -> None:
    """Show it.

    planes: (s, h, w) uint8. stops: what the dial says at each; start: the first that is shown.
    charts: the codes of each. facts: names and figures of each. captions: of plane and codes.
    """
    meta: dict[str, Any] = {
        "layout": pad_meta.layout((1, *planes.shape[1:]), "image", (0.0, 1.0), ()),
        "stops": list(stops),
        "start": start,
        "charts": [svg(chart, _SIDE, _SIDE, words=False) for chart in charts],
        "facts": [[list(fact) for fact in some] for some in facts],
        "captions": list(captions),
    }
    flat = np.ascontiguousarray(planes).ravel()  # what is sent to a browser has one dimension
    digest = hashlib.blake2b(json.dumps(meta).encode(), digest_size=12)
    digest.update(flat.data)
    meta["id"] = digest.hexdigest()
    data = {"meta": meta, **parts.offered({"planes": flat})}
    _dial(key=key, data=data, on_lost_change=_nothing)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
