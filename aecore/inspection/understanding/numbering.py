"""What the numbers of layers in a list tell of layers without weights between them."""

from __future__ import annotations

from aecore.inspection.understanding.names import place
from aecore.inspection.understanding.parts import Part


def tells(parts: list[Part]) -> set[str]:
    """The numbered lists whose numbers tell of layers without weights: those with holes.

    A list without any may be a ModuleList, whose curves stand in code and not in the list.
    """
    numbers: dict[str, list[int]] = {}
    for part in parts:
        for p in (part, part.norm, part.slope, part.before):
            spot = None if p is None else place(p.name)
            if spot is not None:
                numbers.setdefault(spot[0], []).append(spot[1])
    return {name for name, found in numbers.items() if max(found) + 1 > len(found)}


def between(first: Part, second: Part) -> int | None:
    """Layers without weights between two parts of one numbered list; None if it does not tell."""
    ends = [p for p in (first, first.norm, first.slope) if p is not None]
    places = [place(p.name) for p in ends]
    b = place(second.name)
    if b is None:
        return None
    ahead = None if second.before is None else place(second.before.name)
    if ahead is not None and ahead[0] == b[0]:
        b = (b[0], min(b[1], ahead[1]))
    numbers = [p[1] for p in places if p is not None and p[0] == b[0]]
    if len(numbers) < len(ends):
        return None
    gap = b[1] - max(numbers) - 1
    # A norm may stand after the activation; what is between it and its layer counts as well.
    inner = max(numbers) - min(numbers) - (len(ends) - 1)
    return gap + inner if gap >= 0 else None
