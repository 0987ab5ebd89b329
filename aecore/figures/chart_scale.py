"""The numbers of an axis: which stand at its ends, where each lies, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aecore.figures.chart import Axis


def span_of(axis: Axis, values: Iterable[float]) -> tuple[float, float]:
    """The numbers at an axis's ends for these values, where the axis does not say."""
    if axis.span is not None:
        return axis.span
    known = [v for v in values if math.isfinite(v) and (v > 0 or not axis.log)]
    known += [t for t in axis.ticks if t > 0 or not axis.log]
    if not known:
        return (0.1, 1.0) if axis.log else (0.0, 1.0)
    low, high = min(known), max(known)
    if low == high == 0:
        return 0.0, 1.0
    if axis.log:
        return low / 1.12, high * 1.12
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return (low if low == 0 else low - room), (high if high == 0 else high + room)


def share_of(value: float, span: tuple[float, float], log: bool) -> float:
    low, high = span
    if log:
        value, low, high = math.log(max(value, 1e-12)), math.log(low), math.log(high)
    return (value - low) / (high - low)


def ticks_of(axis: Axis, span: tuple[float, float], most: int = 6) -> list[float]:
    """Round numbers between an axis's ends."""
    low, high = span
    if axis.ticks:
        return [t for t in axis.ticks if low <= t <= high]
    if axis.log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if high / low < 300 else (1,)
        found = [m * 10.0**d for d in decades for m in steps]
        return [t for t in found if low <= t <= high]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough)
    first = math.ceil(low / step - 1e-9)
    count = int((high + 1e-9 * step) / step - first) + 1
    return [(first + i) * step for i in range(count)]


def in_short(value: float) -> str:
    """A number as it stands at a tick or a mark."""
    if value and abs(value) < 1:
        return f"{value:.3g}".replace("0.", ".", 1)
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
