"""What the latent pad is told of a model beside its arrays: ranges, ranks, sizes, words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aecore.evaluation.latent import dead_dimensions

#: Canvas pixels of a graph, (height, width), of a row of a table in it, and of larger ones.
GRAPH, ROW, LARGE_GRAPH, SMALL_GRAPH = (80, 92), 10, 640, 320


def dimensions(codes: np.ndarray, variational: bool, kl: np.ndarray | None) -> list[dict[str, Any]]:
    """Each dimension's range and score (KL in nats, or variance), most informative first.

    codes: (n, k). kl: (k,) nats, of a VAE. `bar` is the score in percent of the best one's, `text`
    says it.
    """
    variance = codes.var(0)
    low, high = np.quantile(codes, [0.002, 0.998], axis=0)
    margin = 0.1 * (high - low)
    low, high = low - margin, high + margin
    if variational:  # the prior's range too, where codes are few or a dimension is dead
        low, high = np.minimum(low, -3), np.maximum(high, 3)
    dead = dead_dimensions(codes, variational)
    flat = high - low < 1e-6
    low, high = np.where(flat, low - 1, low), np.where(flat, high + 1, high)
    by_kl = variational and kl is not None
    score = np.asarray(kl, float) if by_kl else variance
    best = finite(score.max()) or 1.0
    return [
        {
            "index": int(d),
            "low": finite(low[d]),
            "high": finite(high[d]),
            "score": finite(score[d]),
            "bar": round(100 * finite(score[d]) / best, 1),
            "dead": bool(dead[d]),
            "text": _told(finite(score[d]), bool(dead[d]), by_kl),
        }
        for d in np.argsort(-np.nan_to_num(score), kind="stable")
    ]


def _told(score: float, dead: bool, by_kl: bool) -> str:
    if dead:
        return "dead: carries nothing"
    return f"KL {score:.2f} nats" if by_kl else f"variance {score:.2g}"


def spans(codes: np.ndarray) -> list[list[float]]:
    """For each dimension the range [low, high] that a map of the codes (n, k) shows: all but the
    outermost 0.6 %, and a margin."""
    found = []
    for values in codes.T:
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.003, 0.997]) if len(values) else (-1.0, 1.0)
        margin = 0.08 * ((high - low) or 1.0)
        found.append([float(low - margin), float(high + margin)])
    return found


def layout(
    shape: Sequence[int],
    kind: str,
    value_range: tuple[float, float],
    columns: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """How an example is drawn: as a picture of C x H x W, else as a graph from low to high: bars of
    a table's columns, or a curve. `large` is for where there is room for names, `small` for the
    same rows without."""
    channels, *sides = shape if len(shape) == 3 else (1, *shape)
    if kind == "image" and len(sides) == 2 and channels in (1, 3):
        picture = {"C": channels, "H": sides[0], "W": sides[1], "graph": False}
        return {**picture, "large": picture, "small": picture}
    low, high = value_range
    graph = {"C": 1, "H": GRAPH[0], "W": GRAPH[1], "graph": True, "low": low, "high": high}
    if columns:
        graph |= {"columns": list(columns), "H": max(GRAPH[0], ROW * len(columns))}
    tall = {**graph, "H": 30 * len(columns) or 320}
    large = {**tall, "names": True, "W": LARGE_GRAPH}
    return {**graph, "large": large, "small": {**tall, "W": SMALL_GRAPH}}


def quantiles(errors: np.ndarray | None) -> list[float]:
    """101 quantiles, 0 to 100 %, of the held-out errors; empty when there are none."""
    if errors is None or not len(errors):
        return []
    return [finite(q) for q in np.quantile(np.asarray(errors, float), np.linspace(0, 1, 101))]


def subscripted(d: int) -> str:
    """The name of dimension d: z with its number, from one, as a subscript."""
    return "z" + "".join(chr(0x2080 + int(digit)) for digit in str(d + 1))


def finite(value: Any) -> float:
    """JSON has no NaN; the pad reports broken codes by itself."""
    return float(value) if np.isfinite(value) else 0.0
