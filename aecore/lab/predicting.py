"""Predict first: what a person expects, and how it differs from what came out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aecore.errors import ConfigError
from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.chart_scale import in_short
from aecore.lab.outcome import Outcome

NEAR = 0.1  # of what an axis spans: closer than this is as expected
YOURS = "your prediction"


@dataclass(frozen=True)
class Prediction:
    """What is asked. kind: "curve" over x, "bars" (x counts the categories), or "number".

    of: the chart that it is drawn over, or the figure that it stands beside. line: of the chart.
    y: its unit and the span within which one may draw; logarithmic where the chart is.
    """

    kind: Literal["curve", "bars", "number"]
    question: str
    of: str
    y: Axis
    line: str = ""
    x: tuple[float, ...] = (0.0,)
    x_axis: Axis = Axis("")  # noqa: RUF009 - a frozen record
    categories: tuple[str, ...] = ()

    def check(self, guess: Sequence[float]) -> tuple[float, ...]:
        """The guess, one number for each of x, within the span; raises ConfigError."""
        assert self.y.span is not None
        low, high = self.y.span
        if len(guess) != len(self.x) or not all(
            isinstance(v, int | float) and math.isfinite(v) and low <= v <= high for v in guess
        ):
            raise ConfigError(
                f"A prediction has {len(self.x)} numbers from {low:g} to {high:g}; draw it again."
            )
        return tuple(map(float, guess))

    def _place(self, value: float) -> float:
        """Where a value stands in the span, 0 to 1 (and beyond)."""
        assert self.y.span is not None
        low, high = self.y.span
        if self.y.log:
            value, low, high = (math.log(max(v, 1e-12)) for v in (value, low, high))
        return (value - low) / (high - low)


def drawn_over(chart: Chart, prediction: Prediction, guess: Sequence[float]) -> Chart:
    """The chart with what a person drew before, where it is of this chart."""
    if prediction.kind == "number" or chart.name != prediction.of:
        return chart
    line = Line(YOURS, prediction.x, tuple(guess), "expected", dashed=True)
    if prediction.kind == "bars":
        line = dataclasses.replace(line, joined=False)
    return dataclasses.replace(chart, lines=(*chart.lines, line))


def difference(prediction: Prediction, guess: Sequence[float], outcome: Outcome) -> str:
    """One sentence on how the guess differs from what came out; "" while nothing did."""
    pairs = _pairs(prediction, guess, outcome)
    if not pairs:
        return ""
    off = [(abs(prediction._place(g) - prediction._place(v)), w, g, v) for w, g, v in pairs]
    largest, where, guessed, value = max(off, key=lambda found: found[0])
    unit = f" {prediction.y.unit}" if prediction.y.unit else ""
    if largest <= NEAR:
        so_far = " so far" if len(pairs) < len(prediction.x) else ""
        return (
            f"As you expected{so_far}: you said {in_short(guessed)}{where}, it was "
            f"{in_short(value)}{unit}."
        )
    way = "less" if value < guessed else "more"
    times = ""
    if min(value, guessed) > 0 and prediction.y.log:
        times = f" ({max(value, guessed) / min(value, guessed):.1f} times)"
    return (
        f"It was {way} than you expected{where}: you said {in_short(guessed)}, it was "
        f"{in_short(value)}{unit}{times}."
    )


def _pairs(
    prediction: Prediction, guess: Sequence[float], outcome: Outcome
) -> list[tuple[str, float, float]]:
    """Where, what was guessed and what came out, where something did."""
    if prediction.kind == "number":
        figure = outcome.figure(prediction.of)
        known = figure is not None and math.isfinite(figure.value)
        return [("", guess[0], figure.value)] if figure is not None and known else []
    chart = outcome.chart(prediction.of)
    line = None if chart is None else chart.line(prediction.line)
    if line is None:
        return []
    came = dict(zip(line.x, line.y, strict=True))
    found = []
    for x, guessed in zip(prediction.x, guess, strict=True):
        if math.isfinite(came.get(x, math.nan)):
            at = prediction.categories[int(x)] if prediction.categories else in_short(x)
            found.append((f" at {at}", guessed, came[x]))
    return found
