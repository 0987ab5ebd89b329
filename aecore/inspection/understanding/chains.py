"""The order of a file's layers: a way from the data through a code and back that uses them all."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aecore.inspection.understanding.links import Chain, Goal, Link, Place, Uses
from aecore.inspection.understanding.names import head_hint, place, says_transposed, twins
from aecore.inspection.understanding.parts import Part, out_sizes

MAX_STEPS = 40_000  # links that are looked at in all
MAX_CHAINS = 12
FAR = 2.5  # how much less natural an order of layers may be to be looked at as well


def chains(
    parts: list[Part], goal: Goal, most: int = MAX_CHAINS, steps: int = MAX_STEPS
) -> list[Chain]:
    """Ways through all parts that are no copies, the most natural first; `most` of them.

    steps: how many links are looked at. A part or two that only hang on the way, a classifier say,
    may be left out where no way has all.
    """
    return _Search(parts, goal).run(most, steps)


@dataclass(frozen=True)
class _State:
    """A way so far. used: numbers of the parts in it, a bit each. begun: the input's size."""

    links: tuple[Link, ...]
    place: Place
    begun: int | None
    used: int
    has_head: bool = False
    decoded: bool = False


class _Search:
    def __init__(self, parts: list[Part], goal: Goal):
        self.parts = [p for p in parts if p.main]
        self.bits = {id(p): 1 << i for i, p in enumerate(self.parts)}
        self.goal = goal
        self.needed = sum(self.bits[id(p)] for p in self.parts if not p.copy)
        self.named = {p.half for p in self.parts} >= {"encoder", "decoder"}
        self.heads = {id(p): head_hint(p.name) for p in self.parts}
        self.lists = Counter(spot[0] for p in self.parts if (spot := place(p.name)) is not None)
        self.ways = self._known_ways() if self.named else {}
        self.seconds = "logvar" in self.heads.values()
        self.uses = Uses(self.parts, goal)

    def run(self, most: int, allowed: int) -> list[Chain]:
        found: list[Chain] = []
        partial: Chain | None = None
        order = itertools.count()
        begin: Place = ("code" if self.goal.code else "data", 0)
        heap: list[tuple] = [(0.0, 0, next(order), _State((), begin, None, 0))]
        steps, best_left = 0, len(self.parts)
        while heap and steps < allowed and len(found) < most:
            cost, _, _, state = heapq.heappop(heap)
            if found and cost > found[0].cost + FAR:
                break
            ending = self._ends(state.links, state.place, state.begun)
            if ending is not None:
                missing = [p for p in self.parts if not p.copy and not self._used(state, p)]
                if not missing:
                    found.append(Chain(ending, cost + ending[-1].extra * 0.01))
                    continue
                few = 3 * len(missing) <= self.needed.bit_count() and not self.goal.open
                few = few and not self.goal.code
                few = few and not (self.named and any(p.half for p in missing))
                if len(state.links) > 1 and len(missing) < best_left and few:
                    best_left = len(missing)
                    partial = Chain(ending, cost + 50, tuple(missing))
            for link, begun in self._next(state):
                steps += 1
                more = cost + self._cost(link, state)
                if found and more > found[0].cost + FAR:
                    continue
                used = state.used | self.bits[id(link.part)]
                if link.second is not None:
                    used |= self.bits[id(link.second)]
                after = _State(
                    (*state.links, link),
                    ("flat" if link.way == "linear" else "maps", link.n_out),
                    begun,
                    used,
                    state.has_head or link.second is not None or link.halved,
                    state.decoded or link.part.half == "decoder",
                )
                # Those that have used most parts come first among equals.
                heapq.heappush(heap, (more, -len(after.links), next(order), after))
        return found or ([partial] if partial is not None else [])

    def _known_ways(self) -> dict[str, set[str]]:
        """For each half, how its convolutions are used whose shapes leave no doubt."""
        found: dict[str, set[str]] = {}
        for part in self.parts:
            outs = out_sizes(part) if part.kind == "conv" else set()
            if len(outs) == 1 and part.weight.shape[0] != part.weight.shape[1]:
                way = "conv" if outs == {part.weight.shape[0]} else "transposed"
                found.setdefault(part.half, set()).add(way)
        return found

    def _used(self, state: _State, part: Part) -> bool:
        return bool(state.used & self.bits[id(part)])

    def _ends(
        self, links: tuple[Link, ...], place: Place, start: int | None
    ) -> tuple[Link, ...] | None:
        """The links where they may end here, the last with the outputs that are cut off."""
        if not links or links[-1].second is not None:
            return None
        if self.goal.open:
            return links
        kind, n = place
        if kind == "maps":
            return links if n == self.goal.channels else None
        if n in self.goal.inputs if start is None else n == start:
            return links
        for width, _ in self.goal.told:
            if links[0].told == width and n - width == start:
                return (*links[:-1], replace(links[-1], n_out=n - width, extra=width))
        return None

    def _next(self, state: _State) -> Iterator[tuple[Link, int | None]]:
        """Links that may follow, with the input's size once it is known."""
        links, place = state.links, state.place
        no_heads = state.has_head or not links or self.goal.code
        left = [p for p in self.parts if not self._used(state, p)]
        for part in left:
            if not links and self.named and part.half == "decoder" and not self.goal.code:
                continue  # a file that names its halves does not begin with the decoder
            if self.named and part.half == "encoder" and state.decoded:
                continue  # nor is its encoder behind it
            for link in self.uses.at(part, place):
                if link.told and not self._may_be_told(links):
                    continue
                first = not links and link.way == "linear" and not self.goal.code
                begun = link.n_in if first else state.begun
                yield link, begun
                if no_heads or part.kind == "block" or link.skip or link.shuffle > 1:
                    continue
                for other in left:
                    apart = len({part.half, other.half} - {""}) > 1
                    if other is part or other.kind != part.kind or apart:
                        continue
                    if other.weight.shape == part.weight.shape and not self._swapped(part, other):
                        yield replace(link, second=other), begun
            if no_heads or place[1] % 2:
                continue
            for link in self.uses.at(part, (place[0], place[1] // 2)):
                if not link.skip and (not link.told or self._may_be_told(links)):
                    yield replace(link, halved=True), state.begun

    def _swapped(self, first: Part, second: Part) -> bool:
        """Whether two heads stand the wrong way round: mu comes first, or the file's first."""
        a, b = self.heads[id(first)], self.heads[id(second)]
        if "mu" in (a, b) or "logvar" in (a, b):
            return b == "mu" or a == "logvar"
        return first.index > second.index

    def _may_be_told(self, links: tuple[Link, ...]) -> bool:
        """A label enters once in each half."""
        return sum(link.told > 0 for link in links) < 2

    def _cost(self, link: Link, state: _State) -> float:
        """How unnatural a step is, by the file's order and by names."""
        part, half, links = link.part, link.part.half, state.links
        last = links[-1] if links else None
        before = -1 if last is None else (last.second or last.part).index
        behind = part.index - before
        cost = 0.0
        if not part.copy and behind != 1:
            cost = 0.1 * min(abs(behind - 1), 20) + 2.5 * (behind <= 0)
            cost *= 1.0 if self.goal.ordered else 0.3
        past_head = state.has_head or link.halved
        if half == "encoder" and (state.decoded or past_head):
            cost += 4
        if half == "decoder" and link.second is not None:
            cost += 4
        if part.copy:
            cost += 0.3 if past_head or (last is not None and last.part.copy) else 0.6
        cost += self._head_cost(link, links)
        if link.way == "transposed" and not self.goal.code:
            cost += 3 if half == "encoder" or not links else 0
            cost += 0 if says_transposed(part.name) or half == "decoder" else 0.3
        known = self.ways.get(half, set())
        if link.way == "conv":
            cost += 1.0 if says_transposed(part.name) else 0.0
            if (half == "decoder" or past_head) and known != {"conv"}:
                cost += 0.6  # a decoder's convolution is a transposed one more often
        if link.way != "linear" and len(known) == 1 and link.way not in known:
            cost += 0.6  # unlike all others of its half
        if last is not None and {link.way, last.way} == {"conv", "transposed"}:
            cost += 0.3 if last.part.half == half else 0.0
        cost += (
            1.5 * (link.groups > 1)
            + (1.0 + 0.5 * (self.uses.takers[link.n_out - link.n_in] > 1)) * link.skip
        )
        if link.shuffle > 1:  # it is for the way up
            cost += 0.2 if past_head or state.decoded else 2.0 + 3.0 * (half == "encoder")
        if link.told:
            agrees = link.table is None or link.table.half in ("", half)
            cost += 0.2 if agrees else 0.6
        return cost

    def _head_cost(self, link: Link, links: tuple[Link, ...]) -> float:
        part = link.part
        if link.second is not None:
            if {self.heads[id(part)], self.heads[id(link.second)]} == {"mu", "logvar"}:
                return 0.0
            if twins(part.name, link.second.name):
                return 0.2
            # Layers of one list run one after the other, unless the list has the heads alone.
            own, other = place(part.name), place(link.second.name)
            if own and other and own[0] == other[0] and self.lists[own[0]] > 2:
                return 5.0
            return 1.0 if link.way == "linear" else 2.0
        cost = 0.0
        if self.heads[id(part)] == "logvar":
            cost += 4
        elif self.heads[id(part)] == "mu" and self.seconds:
            cost += 2
        if link.halved:
            said = self.heads[id(links[-1].part)] == "both"
            turns = links[-1].part.half == "encoder" and part.half == "decoder"
            cost += 0.0 if said else 0.1 if turns else 0.5
        return cost
