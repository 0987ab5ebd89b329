"""A dial of k: one example as it is, as models with small and large codes draw it, and as PCA does.

All pictures of all stops come at once, so that a hand on the dial asks nothing of the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.figures.chart import Chart
from pages.components import dial_parts
from pages.components.dial_parts import as_bytes, dial_component

_HEIGHT = 205.0  # pixels of a chart
_dial = dial_component("k_dial")


@dataclass(frozen=True)
class Drawn:
    """By whom n examples are drawn at s stops. x_hat: (s, n, *shape); errors: (s, n) squared error
    per value. all, found: of each stop, in words: the mean error of all held-out examples, and how
    often neighbours among codes tell the class."""

    x_hat: np.ndarray
    errors: np.ndarray
    all: Sequence[str]
    found: Sequence[str]


def k_dial(
    x: np.ndarray,
    captions: Sequence[str],
    stops: Sequence[int],
    model: Drawn,
    pca: Drawn,
    *,
    charts: tuple[Chart, Chart],
    heads: tuple[str, str],
    note: str,
    start: int,
    layout: dict[str, Any],
    key: str,
) -> None:
    """Show it.

    x: (n, *shape) with values in [0, 1], captions: of each. stops: (s,) numbers in a code,
    ascending; start: the position of the first that is shown. charts: error and classes found by
    k, each with two lines of s points, the models' first. heads: of the columns `all` and `found`.
    layout: how an example is drawn, as aecore.pad.pad_meta.layout says it.
    """
    arrays = {"x": as_bytes(x), "model": as_bytes(model.x_hat), "pca": as_bytes(pca.x_hat)}
    both = model, pca
    error, meaning = (dial_parts.drawn(chart, _HEIGHT) for chart in charts)
    meta: dict[str, Any] = {
        "layout": layout,
        "size": x[0].size,
        "captions": list(captions),
        "stops": [int(k) for k in stops],
        "start": start,
        "errors": [[[float(v) for v in row] for row in one.errors] for one in both],
        "all": [list(one.all) for one in both],
        "found": [list(one.found) for one in both],
        "heads": list(heads),
        "note": note,
        "charts": {"error": error, "meaning": meaning},
    }
    dial_parts.mount(_dial, meta, arrays, key)
