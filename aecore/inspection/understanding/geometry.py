"""Strides, paddings, pooling and enlarging, solved from the sizes that must meet."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aecore.inspection.understanding.links import Chain, Link
from aecore.inspection.understanding.numbering import between
from aecore.inspection.understanding.parts import square_side
from aecore.inspection.understanding.usual_settings import RECIPES, Setting, down, up

MAX_STATES = 4000
MAX_SIDES = 12_000  # sides of maps, at all layers of all chains together, that are looked at
MAX_SOLUTIONS = 60


@dataclass
class Effort:
    """How many sides of maps may still be looked at: the same on every machine."""

    left: int = MAX_SIDES


@dataclass(frozen=True)
class Geometry:
    """A setting for each link of a chain (None for linear ones), and the sides between them.

    sides: before the first link and after each; 0 where there are no maps. turn: the first link of
    the decoder, where it is known. For convolutions over one axis a side is a length.
    """

    settings: tuple[Setting | None, ...]
    sides: tuple[int, ...]
    cost: float
    turn: int | None = None


def geometries(
    chain: Chain,
    side_in: int,
    ends: frozenset[int],
    axes: int = 2,
    code: bool = False,
    effort: Effort | None = None,
) -> list[Geometry]:
    """Ways for a chain's convolutions to bring maps of side_in to maps of one of the sides in ends.

    Few and the most usual first; one without settings for a chain of linear layers. code: the
    chain begins with a code (a decoder alone).
    """
    found: list[Geometry] = []
    effort = effort or Effort()
    turns = [0] if code else _turns(chain)
    for turn in turns:
        found += _Solver(chain, side_in, ends, turn, axes, effort).run()
    recipe = RECIPES.get(tuple((link.way, link.part.kernel) for link in chain.links))
    if recipe is not None:
        found += _Solver(chain, side_in, ends, turns[0], axes, effort, recipe).run()
    found.sort(key=lambda g: g.cost)
    return found[:MAX_SOLUTIONS]


def _turns(chain: Chain) -> list[int | None]:
    """Where the decoder may begin, as far as convolutions must know it."""
    links = chain.links
    if chain.head is not None:
        return [chain.head + 1]
    halves = [link.part.half for link in links]
    if "decoder" in halves and "encoder" in halves:
        first = halves.index("decoder")
        if "encoder" not in halves[first:]:
            return [first]
    if all(link.way == "linear" for link in links):
        return [None]
    for i in range(1, len(links)):
        if links[i].way == "transposed" or (
            links[i].way == "conv" and links[i - 1].way == "linear"
        ):
            # Of the linear layers before it some belong to the encoder, which cuts.py decides.
            return [i]
    # Convolutions only, none transposed: it turns somewhere about the middle.
    n = len(links)
    return [i for i in {n // 2, (n + 1) // 2, n // 2 - 1} if 0 < i < n] or [None]


class _Solver:
    """The cheapest settings first: A* with what the rest costs at least."""

    def __init__(
        self,
        chain: Chain,
        side_in: int,
        ends: frozenset[int],
        turn: int | None,
        axes: int,
        effort: Effort,
        recipe: tuple[Setting, ...] | None = None,
    ):
        self.links, self.side_in, self.ends = chain.links, side_in, ends
        self.turn, self.axes, self.effort, self.recipe = turn, axes, effort, recipe
        self.gaps = [between(a.part, b.part) for a, b in itertools.pairwise(chain.links)]
        self.steps: dict[tuple[int, int], list[tuple[Setting | None, int, float]]] = {}
        self.least: dict[tuple[int, int], float] = {}

    def run(self) -> list[Geometry]:
        order = itertools.count()
        start = Geometry((), (self.side_in,), 0.0, self.turn)
        rest = self._rest(0, self.side_in)
        heap = [(rest, next(order), start)] if rest < math.inf else []
        found: list[Geometry] = []
        states = 0
        while heap and states < MAX_STATES and len(found) < MAX_SOLUTIONS:
            states += 1
            _, _, now = heapq.heappop(heap)
            i = len(now.settings)
            if i == len(self.links):
                found.append(now)
                continue
            previous = next((s for s in reversed(now.settings) if s is not None), None)
            for setting, side, more in self._steps(i, now.sides[-1]):
                rest = self._rest(i + 1, side)
                if rest == math.inf:
                    continue
                if setting is not None and self.recipe is None:
                    before = self.links[i - 1] if i else None
                    more += _uneven(setting, previous, self.links[i], before)
                after = replace(
                    now,
                    settings=(*now.settings, setting),
                    sides=(*now.sides, side),
                    cost=now.cost + more,
                )
                heapq.heappush(heap, (after.cost + rest, next(order), after))
        return found

    def _rest(self, i: int, side: int) -> float:
        """What links i to the last cost at least from this side; infinity where they cannot end."""
        if i == len(self.links):
            return 0.0 if self.links[-1].way == "linear" or side in self.ends else math.inf
        if (i, side) not in self.least:
            if self.effort.left <= 0:
                return math.inf
            self.effort.left -= 1
            self.least[i, side] = min(
                (cost + self._rest(i + 1, after) for _, after, cost in self._steps(i, side)),
                default=math.inf,
            )
        return self.least[i, side]

    def _steps(self, i: int, side: int) -> list[tuple[Setting | None, int, float]]:
        if (i, side) not in self.steps:
            found = list(self._possible(i, side))
            if self.recipe is not None:
                found = [(s, n, 0.0) for s, n, _ in found if s is None or s == self.recipe[i]]
            self.steps[i, side] = found
        return self.steps[i, side]

    def _possible(self, i: int, side: int) -> Iterator[tuple[Setting | None, int, float]]:
        """Settings of link i with the side after it and their cost."""
        links = self.links
        link = links[i]
        if link.way == "linear":
            yield None, 0, 0.0
            return
        if side == 0:
            n = links[i - 1].n_out // (2 if link.halved else 1)
            side = self._side_of(n, link.n_in) or 0
            if not side:
                return
        decoding = self.turn is not None and i >= self.turn
        following = links[i + 1] if i + 1 < len(links) else None
        largest = 4 * max(self.side_in, *self.ends, 64)
        for cost, setting in _choices(link, side, decoding):
            after = _side(setting, link, side)
            if after < 1 or after > largest or (link.skip and after != side):
                continue
            if side == 1 and ((setting.stride > 1 and link.way == "conv") or setting.after):
                continue  # nobody makes one place smaller
            if decoding and after > 2 * max(self.side_in, *self.ends):
                continue
            cost += _gaps(links, i, setting, self.gaps)
            if following is not None and following.way == "linear" and link.second is None:
                given = link.n_out // (2 if following.halved else 1)
                wanted = self._side_of(following.n_in, given)
                if wanted is None:
                    continue
                if wanted != after:
                    if after % wanted:
                        continue
                    setting, cost = replace(setting, squeeze=wanted), cost + 1
                    after = wanted
            yield setting, after, cost

    def _side_of(self, values: int, channels: int) -> int | None:
        if values % channels:
            return None
        each = values // channels
        return square_side(each) if self.axes == 2 else each or None


def _choices(link: Link, side: int, decoding: bool) -> Iterator[tuple[float, Setting]]:
    kernel = link.part.kernel
    if link.part.kind == "block":
        padding = (kernel - 1) // 2
        yield 0.0, Setting(1, padding)
        if decoding:
            yield 0.2, Setting(1, padding, before=2 * side)
        elif link.part.shortcut:
            yield 0.2, Setting(2, padding)
        if not decoding:
            yield 0.3, Setting(1, padding, after=(2, 2))
    elif link.way == "transposed":
        for cost, stride, padding, extra in up(kernel):
            yield cost, Setting(stride, padding, extra)
    elif decoding:
        yield from _same(kernel, side)
    else:
        for cost, stride, padding, pool in down(kernel):
            yield cost, Setting(stride, padding, after=pool)


def _same(kernel: int, side: int) -> Iterator[tuple[float, Setting]]:
    """A convolution on the way up: it keeps the size, often after an enlargement."""
    half = (kernel - 1) // 2
    for cost, padding in ((0.0, half), (0.6, 0)) if half else ((0.0, 0),):
        yield cost, Setting(1, padding, before=2 * side)
        yield cost + 0.1, Setting(1, padding)
        yield cost + 0.7, Setting(1, padding, before=2 * side - 1)
        yield cost + 1.5, Setting(1, padding, before=4 * side)


def _side(setting: Setting, link: Link, side: int) -> int:
    kernel = setting.dilation * (link.part.kernel - 1) + 1
    if link.way == "transposed":
        return (side - 1) * setting.stride - 2 * setting.padding + kernel + setting.output_padding
    side = setting.before or side
    side = (side + 2 * setting.padding - kernel) // setting.stride + 1
    if setting.after is not None and side > 0:
        k, stride, *ceil = setting.after
        over = (side - k) % stride > 0
        if ceil and not over:
            return 0  # as it is without: one of the two is enough
        side = (side - k) // stride + 1 + bool(ceil)
    return side * link.shuffle


def _uneven(setting: Setting, previous: Setting | None, link: Link, before: Link | None) -> float:
    """What it costs to be unlike the convolution before, which most networks are not."""
    if previous is None or before is None or before.way != link.way:
        return 0.0
    if before.part.kernel != link.part.kernel or "block" in (before.part.kind, link.part.kind):
        return 0.0
    cost = 0.0
    if setting.stride != previous.stride or bool(setting.before) != bool(previous.before):
        cost += 0.4
    if setting.padding != previous.padding:
        cost += 0.3
    if setting.after != previous.after:
        cost += 0.4
    return cost + 0.15 * (setting.output_padding != previous.output_padding)


def _gaps(links: tuple[Link, ...], i: int, setting: Setting, gaps: list[int | None]) -> float:
    """What a setting costs by the numbers that layers have in a list.

    gaps: layers without weights after each link, None where the file does not tell.
    """
    if links[i].part.kind == "block":
        return 0.0
    cost = 0.0
    # PixelShuffle is one of the layers between.
    after, before = (
        gap if gap is None else gap - (links[j].shuffle > 1)
        for j, gap in ((i, gaps[i] if i < len(gaps) else None), (i - 1, gaps[i - 1] if i else None))
    )
    if after is not None and links[i + 1].way != "linear":
        cost += (3.0 if after < 2 else 0.0) if setting.after else (1.5 if after >= 2 else 0.0)
    elif after is not None and links[i].way == "conv":
        # A curve and Flatten() stand there, or pooling between them.
        cost += (1.5 if after < 3 else 0.0) if setting.after else (0.2 if after > 2 else 0.0)
    if before is not None and setting.before:
        cost += 3.0 if before < 2 else 0.0
    elif before is not None and links[i].way == "conv" and links[i - 1].way != "linear":
        bare = setting.stride == 1 and setting.after is None
        cost += 1.0 if bare and before >= 2 else 0.0
    return cost
