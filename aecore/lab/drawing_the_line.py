"""A line between usual and strange, drawn through scores: what it finds, what it raises and costs.

An example raises an alarm where its score lies above the line. Scores are kept in a result's
values, so that a line can be drawn anew without the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Role

RARE = 0.05  # of all examples are unusual, where a line's costs are counted
MOST = 100_000  # scores of usual and as many of strange examples, at most, of all classes together
BINS = 60
_TAIL = 0.995  # of all scores lie within the histogram; what is above is in its last bin


def costs(raised: np.ndarray, found: np.ndarray, missed: float, alarm: float = 1.0) -> np.ndarray:
    """What 1,000 examples cost of which RARE are unusual, by the false alarms among the usual ones
    and what is found of the strange ones, both in per cent. missed, alarm: what one costs."""
    return 1000 * ((1 - RARE) * alarm * raised / 100 + RARE * missed * (1 - found / 100))


def thinned(scores: np.ndarray, most: int) -> np.ndarray:
    """Every so many of the scores as float32, so that at most `most` are left."""
    return scores[:: max(1, -(-len(scores) // most))].astype(np.float32)


@dataclass(frozen=True)
class Judged:
    """What a line does on held-out examples: how many of the strange it finds, and how many of the
    usual raise an alarm; of so many. cost: of 1,000 examples (`costs`)."""

    found: int
    strange: int
    raised: int
    usual: int
    cost: float

    @property
    def shares(self) -> tuple[float, float]:
        """False alarms and found, in per cent."""
        return 100 * self.raised / self.usual, 100 * self.found / self.strange


@dataclass(frozen=True)
class Scores:
    """Scores by which a line is drawn. apart: of usual examples that trained nothing and are not
    judged, to choose it by. usual, strange: of held-out ones, which it is judged on. Each (n,)."""

    apart: np.ndarray
    usual: np.ndarray
    strange: np.ndarray

    def suggested(self, allowed: float) -> float:
        """The line above which `allowed` per cent of the usual ones apart lie: nobody who draws it
        knows what is strange."""
        return float(np.quantile(self.apart, 1 - allowed / 100))

    def judged(self, line: float, missed: float, alarm: float) -> Judged:
        """What a line does. missed, alarm: what one that is missed, and a false alarm, cost."""
        found, raised = int((self.strange > line).sum()), int((self.usual > line).sum())
        some = Judged(found, len(self.strange), raised, len(self.usual), 0.0)
        raised_share, found_share = map(np.asarray, some.shares)
        cost = float(costs(raised_share, found_share, missed, alarm))
        return Judged(found, some.strange, raised, some.usual, cost)

    def cheapest(self, missed: float, alarm: float) -> float:
        """The line that costs least on the very examples that it is judged on, which nobody knows
        beforehand; the highest of equally cheap ones."""
        # Only at a score does anything change; below all of them, everything is an alarm.
        lines = np.unique(np.concatenate([self.usual, self.strange]))[::-1]
        lines = np.append(lines, np.nextafter(lines[-1], -np.inf, dtype=lines.dtype))
        raised, found = (
            100 * (1 - np.searchsorted(np.sort(some), lines, "right") / len(some))
            for some in (self.usual, self.strange)
        )
        return float(lines[int(costs(raised, found, missed, alarm).argmin())])

    @property
    def span(self) -> tuple[float, float]:
        """Between which the histogram is drawn."""
        every = np.concatenate([self.usual, self.strange])
        low, high = float(every.min()), float(np.quantile(every, _TAIL))
        return low, high if high > low else low + 1.0

    def histogram(
        self, line: float, suggested: float, axis: tuple[str, str], names: tuple[str, str]
    ) -> Chart:
        """Both histograms as steps, with the line and the one suggested. axis: what the score is
        called, its unit. names: what the usual and the strange ones are called."""
        low, high = self.span
        edges = np.linspace(low, high, BINS + 1)
        groups: Sequence[tuple[str, np.ndarray, Role]] = (
            (names[0], self.usual, "model"),
            (names[1], self.strange, "train"),
        )
        lines, top = [], 0.0
        for name, some, role in groups:
            counts, _ = np.histogram(some.clip(low, high), edges)
            share = 100 * counts / len(some)
            top = max(top, float(share.max()))
            x = np.concatenate([edges[:1], np.repeat(edges[1:-1], 2), edges[-1:]])
            y = np.repeat(share, 2)
            lines.append(Line(name, _plain(x), _plain(y), role, marked=False))
        top *= 1.06
        drawn: tuple[tuple[str, float, Role, bool], ...] = (
            ("suggested", suggested, "floor", True),
            ("your line", line, "expected", False),
        )
        for name, at, role, dashed in drawn:
            at = min(max(at, low), high)
            lines.append(Line(name, (at, at), (0.0, top), role, dashed, marked=False))
        return Chart(
            "line",
            "Where the line is drawn",
            Axis(*axis, span=(low, high)),
            Axis("share", "% of each group, held out", span=(0.0, top)),
            tuple(lines),
            summary=f"Histograms of the score of {len(self.usual):,} usual and "
            f"{len(self.strange):,} strange held-out examples, a line through them, and the one "
            f"suggested at {suggested:.4g}; the last step holds all that is above it.",
        )


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))
