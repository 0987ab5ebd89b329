"""Figures of a lesson: quantiles, and each beside the most that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and largest of some seconds, and how many there are."""
    if not values:
        return {"count": 0}
    p50, p95 = np.percentile(values, [50, 95])
    rounded = {"p50": p50, "p95": p95, "max": max(values)}
    return {k: round(float(v), 3) for k, v in rounded.items()} | {"count": len(values)}


def beside(measured: float | None, at_most: float) -> dict[str, Any]:
    """A figure beside what it may be at most."""
    return {
        "measured": None if measured is None else round(measured, 3),
        "at_most": at_most,
        "met": measured is not None and measured <= at_most,
    }


def counted(words: Sequence[str], most: int = 20) -> dict[str, int]:
    """How often each was said, the most frequent first."""
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:most])
