"""A dial of beta: a plane of codes at several prices of information, and what is drawn on it.

Codes and decoders of all stops come at once, and the browser decodes: a hand on the dial, or on the
plane, asks nothing of the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.figures.chart import EXPECTED, Chart
from aecore.figures.palette import class_color
from aecore.pad import pad_meta
from pages.components import dial_parts

_HEIGHT = 165.0  # pixels of a chart
_dial = dial_parts.dial_component("beta_dial")


@dataclass(frozen=True)
class OnPlane:
    """Codes at s stops. mu, std: (s, n, 2) of posteriors; noise: (n, 2) a draw each; labels: (n,)
    into class_names. windows: (s, 2, 2) low and high corner of what is shown. holes, fed_holes: (s,
    grid * grid) bool, rows from the top down, without and with the noise."""

    mu: np.ndarray
    std: np.ndarray
    noise: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str]
    windows: np.ndarray
    holes: np.ndarray
    fed_holes: np.ndarray


@dataclass(frozen=True)
class Chosen:
    """m digits to choose from. x: (m, *shape) in [0, 1]; captions: of each; mu, std: (s, m, 2)."""

    x: np.ndarray
    captions: Sequence[str]
    mu: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Told:
    """A figure by stop, in words; values: of the means, fed: of codes with their noise."""

    name: str
    values: Sequence[str]
    fed: Sequence[str]


def beta_dial(
    on_plane: OnPlane,
    chosen: Chosen,
    decoder: list[dict[str, Any]],
    weights: np.ndarray,
    *,
    stops: Sequence[str],
    charts: tuple[Chart, Chart],
    figures: Sequence[Told],
    says: tuple[Sequence[str], Sequence[str]],
    words: tuple[str, str],
    hole: Sequence[float],
    note: str,
    start: int,
    key: str,
) -> None:
    """Show it.

    decoder: operations as the browser runs them, weights: (s, w) float32. stops: what the dial says
    at each; start: the first that is shown. charts: error and KL by stop, each with one line. says:
    a sentence a stop, of means and with their noise. words: beneath the map of codes and what is
    drawn. hole: how much red, green and blue is left of what is drawn in a hole.
    """
    arrays = {
        "x": dial_parts.as_bytes(chosen.x),
        "labels": on_plane.labels.astype(np.uint8),
        "holes": np.stack([on_plane.holes, on_plane.fed_holes], 1).astype(np.uint8).ravel(),
        **{name: _flat(getattr(on_plane, name)) for name in ("mu", "std", "noise")},
        "digitMu": _flat(chosen.mu),
        "digitStd": _flat(chosen.std),
        "weights": _flat(weights),
    }
    error, rate = (dial_parts.drawn(chart, _HEIGHT) for chart in charts)
    meta: dict[str, Any] = {
        "layout": pad_meta.layout(chosen.x.shape[1:], "image", (0.0, 1.0), ()),
        "size": chosen.x[0].size,
        "captions": list(chosen.captions),
        "stops": list(stops),
        "start": start,
        "classes": [
            {"name": name, "color": class_color(c)} for c, name in enumerate(on_plane.class_names)
        ],
        "ring": EXPECTED,
        "hole": [float(share) for share in hole],
        "windows": on_plane.windows.tolist(),
        "grid": round(on_plane.holes.shape[1] ** 0.5),
        "decoder": decoder,
        "charts": {"error": error, "rate": rate},
        "figures": [{"name": f.name, "values": [list(f.values), list(f.fed)]} for f in figures],
        "says": [list(some) for some in says],
        "words": list(words),
        "note": note,
    }
    dial_parts.mount(_dial, meta, arrays, key)


def _flat(x: np.ndarray) -> np.ndarray:
    """As a browser takes it; the array itself where it is flat, so that it is known again."""
    return np.ascontiguousarray(x, np.float32).reshape(-1)
