"""What runs are called: no two of one person's by the same name, wherever names are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from aecore.errors import JobError
from aecore.writing import LONGEST_NAME, clean_name

_NUMBERED = re.compile(r"(.+?) ([1-9]\d{0,5})")


def run_name(name: str) -> str:
    """A name as people may give it; raises JobError if nothing of it can be shown."""
    cleaned = clean_name(name)
    if not cleaned:
        raise JobError("A run needs a name of at least one letter.")
    return cleaned


def numbered(name: str, taken: Iterable[str]) -> str:
    """The name with the number that follows the largest in use: "Fast start 1", "Fast start 2".

    A number that was given stays with its run, whichever others go.
    """
    base = run_name(name)
    used = [int(n) for known, n in map(_parts, taken) if n and _same(known, base)]
    return _with(base, max(used, default=0) + 1)


def told_from(name: str, taken: Iterable[str]) -> str:
    """The name as somebody chose it, with a number only where it is taken."""
    name, taken = run_name(name), list(taken)
    if not any(_same(name, other) for other in taken):
        return name
    base, _ = _parts(name)
    return numbered(base, [*taken, _with(base, 1)])


def told_apart(names: Sequence[str]) -> list[str]:
    """Names side by side, in their order, each another than all before it: those that several have
    get numbers. Of runs from before names were kept apart, and of other people's."""
    shown: list[str] = []
    for name in names:
        shown.append(told_from(name, shown) if name else name)
    return shown


def _same(a: str, b: str) -> bool:
    return a.casefold() == b.casefold()


def _parts(name: str) -> tuple[str, str]:
    found = _NUMBERED.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _with(base: str, number: int) -> str:
    end = f" {number}"
    return base[: LONGEST_NAME - len(end)].rstrip() + end
