"""Where a chart's words have room: lines are broken, names under bars stand upright if need be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aecore.wording import short

LETTER = 6.4  # pixels, about, of one letter
ROW = 14.0  # pixels of a line of text
_MOST_ROWS = 3  # of a name under a bar, before it is turned
_MOST_TURNED = 24  # letters of a turned name
_GAP = 6.0  # pixels between two names


@dataclass(frozen=True)
class Below:
    """What stands under each bar: lines of words, or one line upwards."""

    names: tuple[tuple[str, ...], ...]
    turned: bool = False

    @property
    def high(self) -> float:
        """Pixels that they take."""
        if self.turned:
            return LETTER * max((len(line) for name in self.names for line in name), default=0)
        return ROW * max(map(len, self.names), default=1)


def wrapped(text: str, width: float) -> tuple[str, ...]:
    """Words in as many lines as this width in pixels asks for; a word that is too long for one
    ends in dots."""
    most = max(4, int(width / LETTER))
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(short(word, most))
    return tuple(lines) or ("",)


def under_bars(names: Sequence[str], room: float) -> Below:
    """Names under bars that are `room` pixels apart: flat where all have room, else upwards."""
    letters = int((room - _GAP) / LETTER)
    flat = tuple(wrapped(name, room - _GAP) for name in names)
    longest = max((len(word) for name in names for word in name.split()), default=0)
    if longest <= letters and max(map(len, flat), default=1) <= _MOST_ROWS:
        return Below(flat)
    every = math.ceil(ROW / max(room, 1.0))  # there is room for each so many-th
    upright = tuple(
        (short(name, _MOST_TURNED),) if i % every == 0 else () for i, name in enumerate(names)
    )
    return Below(upright, turned=True)
