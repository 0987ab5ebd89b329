"""Where a chain is cut into an encoder and a decoder, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

from aecore.inspection.understanding.geometry import Geometry
from aecore.inspection.understanding.links import Chain

MAX_CUTS = 3
NEARLY = 2  # a place that is at most this many times as wide as the narrowest is tried as well


@dataclass(frozen=True)
class Cut:
    """split: the first link of the decoder. cost: how much less natural it is than the first cut.

    rivals: layers behind which the chain is as narrow; empty where names, heads or a label tell.
    """

    split: int
    cost: float = 0.0
    rivals: tuple[str, ...] = ()


def cuts(chain: Chain, geometry: Geometry, axes: int = 2) -> list[Cut]:
    """Ways to cut a chain, the most natural first."""
    links = chain.links
    if chain.head is not None:
        return [Cut(chain.head + 1)]
    halves = [link.part.half for link in links]
    if "decoder" in halves and "encoder" in halves:
        first = halves.index("decoder")
        if first and "encoder" not in halves[first:]:
            # Layers that name no half may stand between the two.
            return _between(chain, geometry, axes, first)
    behind = [i for i in chain.told if i > 0]
    if behind:
        return [Cut(behind[-1])]
    if len(links) < 2:
        return []
    return _narrow(chain, geometry, axes, range(len(links) - 1))


def widths(chain: Chain, geometry: Geometry, axes: int = 2) -> list[int]:
    """Numbers that pass behind each link."""
    return [
        link.n_out * (side or 1) ** axes
        for link, side in zip(chain.links, geometry.sides[1:], strict=True)
    ]


def _between(chain: Chain, geometry: Geometry, axes: int, first: int) -> list[Cut]:
    last = max(i for i, link in enumerate(chain.links[:first]) if link.part.half == "encoder")
    if last == first - 1:
        return [Cut(first)]
    own = widths(chain, geometry, axes)
    # The narrowest place; where several are alike, the one before the decoder's own layers.
    best = min(range(last, first), key=lambda i: (own[i], -i))
    return [Cut(best + 1)]


def _narrow(chain: Chain, geometry: Geometry, axes: int, among: range) -> list[Cut]:
    own = widths(chain, geometry, axes)
    inside = [own[i] for i in among]
    middle = (len(inside) - 1) / 2
    low = [
        i
        for i in among
        if (i == 0 or own[i] <= own[i - 1]) and (i + 1 >= len(inside) or own[i] <= own[i + 1])
    ]
    ranked = sorted(low, key=lambda i: (own[i], abs(i - middle), i))
    turn = geometry.turn
    if turn is not None and geometry.settings[turn] is not None and ranked[0] + 1 > turn:
        ranked = [turn - 1, *[i for i in ranked if i + 1 < turn]]
    smallest = own[ranked[0]]
    found = []
    for i in ranked[:MAX_CUTS]:
        if own[i] > NEARLY * smallest:
            continue
        rivals = tuple(chain.links[j].part.name for j in ranked if j != i and own[j] == own[i])
        found.append(Cut(i + 1, 0.4 * len(found) + 0.4 * (own[i] > smallest), rivals))
    return found


def doubts(cut: Cut, k: int, size: int) -> tuple[str, ...]:
    """Sentences that forbid calling a reading with this cut sure. size: numbers of an example."""
    found = []
    if k > size:
        found.append(
            f"The code has {k:,} numbers and an example {size:,}: it is wider than the data, so a "
            "network can copy them and a small error shows little."
        )
    if cut.rivals:
        found.append(
            f"The network is as narrow behind {cut.rivals[0]}: nothing in the file says which of "
            "the two places is the code."
        )
    return tuple(found)
