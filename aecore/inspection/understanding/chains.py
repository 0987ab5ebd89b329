"""The order of a file's layers: a way from the data through a code and back that uses them all."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from aecore.inspection.understanding.parts import (
    Part,
    head_hint,
    hint,
    out_sizes,
    says_transposed,
    square_side,
)

MAX_STATES = 20_000
MAX_CHAINS = 12


@dataclass(frozen=True)
class Link:
    """One step: a main part, how it is used, and the values or channels that enter and leave.

    way: "linear", "conv", "transposed". groups: of a convolution. second: the other of two heads
    (mu and logvar). halved: what enters is one half of what the link before gives.
    """

    part: Part
    way: str
    n_in: int
    n_out: int
    groups: int = 1
    second: Part | None = None
    halved: bool = False


@dataclass(frozen=True)
class Chain:
    """All links in order. cost: how far it is from the file's own order and names."""

    links: tuple[Link, ...]
    cost: float
    left: tuple[Part, ...] = ()

    @property
    def head(self) -> int | None:
        """The link that gives mu and logvar, or None for a plain code."""
        for i, link in enumerate(self.links):
            if link.second is not None:
                return i
            if link.halved:
                return i - 1
        return None


# A place on the way: ("flat", n) for n values, ("maps", c) for c feature maps of a size that
# geometry.py finds later.
Place = tuple[str, int]


def chains(parts: list[Part], channels: int, inputs: set[int]) -> list[Chain]:
    """Ways through all parts from the data to the data, the most natural first.

    channels: of an image (1 for other data). inputs: how many values an example may have, one for
    each side that it may be brought to.
    """
    found: list[Chain] = []
    order = itertools.count()
    heap: list[tuple] = []
    best_left = len(parts)
    partial: list[Chain] = []

    def push(cost: float, links: tuple[Link, ...], place: Place, start: int | None) -> None:
        # Those that have used most parts come first among equals.
        heapq.heappush(heap, (cost, -len(links), next(order), links, place, start))

    push(0.0, (), ("data", 0), None)
    states = 0
    while heap and states < MAX_STATES and len(found) < MAX_CHAINS:
        states += 1
        cost, _, _, links, place, start = heapq.heappop(heap)
        used = {id(p) for link in links for p in (link.part, link.second) if p is not None}
        left = [p for p in parts if id(p) not in used]
        if links and _ends(links, place, start, channels, inputs):
            if not left:
                found.append(Chain(links, cost))
                continue
            # A part or two may serve something else, a classifier say; more is another network.
            if len(links) > 1 and len(left) < best_left and len(left) <= len(parts) / 4:
                best_left = len(left)
                partial = [Chain(links, cost + 50, tuple(left))]
        last = links[-1].second or links[-1].part if links else None
        for link, after, begun in _next(left, links, place, start, channels, inputs):
            push(cost + _cost(link, last, links), (*links, link), after, begun)
    if not found and len(partial) == 1:
        return partial
    return found


def _ends(
    links: tuple[Link, ...], place: Place, start: int | None, channels: int, inputs: set[int]
) -> bool:
    kind, n = place
    if links[-1].second is not None:
        return False
    if kind == "flat":
        return n in inputs if start is None else n == start
    return n == channels


def _next(left, links, place, start, channels, inputs):
    """Links that may follow, with the place after each and the input's size if known by then."""
    has_head = any(link.second is not None or link.halved for link in links)
    for part in left:
        for way, n_in, n_out, groups in _uses(part, place, channels, inputs):
            begun = n_in if not links and way == "linear" else start
            after = ("flat" if way == "linear" else "maps", n_out)
            yield Link(part, way, n_in, n_out, groups), after, begun
            if has_head:
                continue
            for other in left:
                same = other.tensors["weight"].shape == part.tensors["weight"].shape
                if other is not part and same and links and not _swapped(part, other):
                    yield Link(part, way, n_in, n_out, groups, second=other), after, begun
        if not has_head and links and place[1] % 2 == 0:
            half = (place[0], place[1] // 2)
            for way, n_in, n_out, groups in _uses(part, half, channels, inputs):
                after = ("flat" if way == "linear" else "maps", n_out)
                yield Link(part, way, n_in, n_out, groups, halved=True), after, start


def _swapped(first: Part, second: Part) -> bool:
    """Whether these two heads stand the wrong way round: mu comes first, or the file's first."""
    a, b = head_hint(first.name), head_hint(second.name)
    if "mu" in (a, b) or "logvar" in (a, b):
        return b == "mu" or a == "logvar"
    return first.index > second.index


def _uses(part: Part, place: Place, channels: int, inputs: set[int]):
    """(way, n_in, n_out, groups) of each use of a part at this place."""
    kind, n = place
    shape = part.weight.shape
    if part.kind == "linear":
        n_out, n_in = shape
        if kind == "maps":
            fits = n_in % n == 0 and square_side(n_in // n) is not None
        else:
            fits = n_in in inputs if kind == "data" else n_in == n
        if fits:
            yield "linear", n_in, n_out, 1
        return
    entering = [channels] if kind == "data" else [n] if kind == "maps" else None
    outs = out_sizes(part)
    for way, (n_in, per_out) in (("conv", (shape[1], shape[0])), ("transposed", shape[:2])):
        if kind == "data" and way == "transposed":
            continue
        groups = 1
        if entering is None:
            if n % n_in or square_side(n // n_in) is None:
                continue
        elif entering[0] != n_in:
            # In groups: each filter sees a part of the channels only.
            if way == "transposed" or not n_in or entering[0] % n_in:
                continue
            groups = entering[0] // n_in
            if per_out % groups or groups == 1:
                continue
        n_out = per_out
        if n_out in outs:
            yield way, n_in * groups, n_out, groups


def _cost(link: Link, last: Part | None, links: tuple[Link, ...]) -> float:
    """How unnatural a step is, by the file's order and by names."""
    part = link.part
    behind = part.index - (last.index if last is not None else -1)
    cost = 0.0 if behind > 0 else 2.0
    cost += 0.1 * min(abs(behind - 1), 20) if behind != 1 else 0.0
    half = hint(part.name)
    decoded = any(hint(x.part.name) == "decoder" for x in links)
    past_head = link.halved or any(x.second is not None or x.halved for x in links)
    if half == "encoder" and (decoded or past_head):
        cost += 4
    if half == "decoder" and link.second is not None:
        cost += 4
    if link.second is not None:
        named = {head_hint(part.name), head_hint(link.second.name)}
        cost += 0.0 if named == {"mu", "logvar"} else 1.0
    elif head_hint(part.name) == "logvar":
        cost += 4
    if link.halved:
        cost += 0.5
        if links and hint(links[-1].part.name) == "encoder" and half == "decoder":
            cost -= 0.4
    if link.way == "transposed":
        encoder = half == "encoder" or (not past_head and not links)
        cost += 3 if encoder else 0
        cost += 0 if says_transposed(part.name) or half == "decoder" else 0.3
    if link.way == "conv":
        cost += 1.0 if says_transposed(part.name) else 0.0
        if half == "decoder" or past_head:
            cost += 0.6  # a decoder's convolution is a transposed one more often
    if link.groups > 1:
        cost += 1.5
    return cost
