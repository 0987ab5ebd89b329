"""What a check-up says: findings with their evidence, and figures with their units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Worst first.
LEVELS = ("broken", "not understood", "worrying", "good", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    level: one of LEVELS; "not understood" is of the file and no blame of the model. name: a stable
    key. title: a few words. evidence: one or two sentences: what was measured on which split, with
    its unit, compared with what.
    """

    level: str
    name: str
    title: str
    evidence: str


@dataclass(frozen=True)
class Figure:
    """One number of a report. better: "lower", "higher", or "" where neither is better.

    about: on which examples it was measured. group: the heading that it stands under.
    """

    key: str
    group: str
    name: str
    value: float | None
    unit: str = ""
    better: str = ""
    about: str = ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorted by level, otherwise in the order given; of two with one name the first stays."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.name, finding)
    return tuple(sorted(first.values(), key=lambda f: LEVELS.index(f.level)))


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names in words: 'a, b, c and 4 more'."""
    shown, left = list(names[:most]), len(names) - most
    if left > 0:
        return f"{', '.join(shown)} and {left} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def percent(share: float) -> str:
    """A share in words that never rounds something to nothing: '12 %', '0.3 %'."""
    digits = 0 if share >= 0.095 or share == 0 else 1 if share >= 0.001 else 2
    return f"{100 * share:.{digits}f} %"


def amount(value: float) -> str:
    """A number to three digits, as one writes an error: 0.0433, 105, 12,000."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.3g}"
