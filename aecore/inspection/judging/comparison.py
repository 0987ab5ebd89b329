"""Two reports side by side: the figures that differ, and which is better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aecore.inspection.judging.report import Report

NOTABLE = 0.01  # share of the larger figure that a difference must exceed


@dataclass(frozen=True)
class Difference:
    """One figure of two reports. wins: "a", "b", or "" where neither is better.

    fair: both were measured on the same data.
    """

    key: str
    group: str
    name: str
    unit: str
    a: float | None
    b: float | None
    wins: str
    fair: bool


def differences(a: Report, b: Report) -> Iterator[Difference]:
    """Every figure that at least one report has, where the two are not the same.

    Figures of different data are shown, but nobody wins; nor by less than one in a hundred.
    """
    fair = a.about["fingerprint"] == b.about["fingerprint"]
    others = {f.key: f for f in b.figures}
    seen = set()
    for first in (*a.figures, *b.figures):
        if first.key in seen:
            continue
        seen.add(first.key)
        x, y = a.figure(first.key), b.figure(first.key)
        if x == y:
            continue
        own = first.group == "Cost"
        wins = ""
        if x is not None and y is not None and first.better and (fair or own):
            apart = abs(x - y) > NOTABLE * max(abs(x), abs(y))
            wins = "" if not apart else "a" if (x < y) == (first.better == "lower") else "b"
        # PCA with one k stands beside that with another.
        name = "PCA with as many numbers" if first.key == "pca_mse" else first.name
        # 'of 20' and 'of 2' are no common unit.
        unit = first.unit if others.get(first.key, first).unit == first.unit else ""
        yield Difference(first.key, first.group, name, unit, x, y, wins, fair or own)
