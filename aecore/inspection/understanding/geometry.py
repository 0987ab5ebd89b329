"""Strides, paddings, pooling and enlarging, solved from the sizes that must meet."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aecore.inspection.understanding.chains import Chain, Link
from aecore.inspection.understanding.numbering import between
from aecore.inspection.understanding.parts import hint, square_side
from aecore.inspection.understanding.usual_settings import RECIPES, Setting, down, up

MAX_STATES = 12_000
MAX_SOLUTIONS = 80


@dataclass(frozen=True)
class Geometry:
    """A setting for each link of a chain (None for linear ones), and the sides between them.

    sides: before the first link and after each; 0 where there are no maps. turn: the first link of
    the decoder, where it is known.
    """

    settings: tuple[Setting | None, ...]
    sides: tuple[int, ...]
    cost: float
    turn: int | None = None


def geometries(chain: Chain, side_in: int, side_out: int) -> list[Geometry]:
    """Ways for a chain's convolutions to bring side_in x side_in to side_out x side_out.

    Few and the most usual first; one without settings for a chain of linear layers.
    """
    found: list[Geometry] = []
    for turn in _turns(chain):
        found += _solve(chain, side_in, side_out, turn)
    recipe = RECIPES.get(
        tuple((link.way, link.part.tensors["weight"].shape[-1]) for link in chain.links)
    )
    if recipe is not None:
        found += _solve(chain, side_in, side_out, _turns(chain)[0], recipe)
    found.sort(key=lambda g: g.cost)
    return found[:MAX_SOLUTIONS]


def _turns(chain: Chain) -> list[int | None]:
    """Where the decoder may begin, as far as convolutions must know it."""
    links = chain.links
    if chain.head is not None:
        return [chain.head + 1]
    halves = [hint(link.part.name) for link in links]
    if "decoder" in halves and "encoder" in halves:
        first = halves.index("decoder")
        if "encoder" not in halves[first:]:
            return [first]
    if all(link.way == "linear" for link in links):
        return [None]
    for i in range(1, len(links)):
        if links[i].way == "transposed" and links[i - 1].way == "linear":
            # Of the linear layers before it some belong to the encoder, which draft.py decides.
            return [i]
        if links[i].way == "transposed" or (
            links[i].way == "conv" and links[i - 1].way == "linear"
        ):
            return [i]
    # Convolutions only, none transposed: it turns somewhere about the middle.
    n = len(links)
    return [i for i in {n // 2, (n + 1) // 2, n // 2 - 1} if 0 < i < n] or [None]


def _solve(
    chain: Chain,
    side_in: int,
    side_out: int,
    turn: int | None,
    recipe: tuple[Setting, ...] | None = None,
) -> list[Geometry]:
    links, order = chain.links, itertools.count()
    gaps = [between(a.part, b.part) for a, b in itertools.pairwise(links)]
    start = Geometry((), (side_in,), 0.0, turn)
    heap = [(0.0, next(order), start)]
    found, states = [], 0
    while heap and states < MAX_STATES and len(found) < MAX_SOLUTIONS:
        states += 1
        cost, _, now = heapq.heappop(heap)
        i = len(now.settings)
        if i == len(links):
            if links[-1].way == "linear" or now.sides[-1] == side_out:
                found.append(now)
            continue
        for setting, side, more in _steps(links, i, now, turn, side_in, gaps):
            if recipe is not None:
                if setting != recipe[i]:
                    continue
                more = 0.0
            after = replace(
                now,
                settings=(*now.settings, setting),
                sides=(*now.sides, side),
                cost=cost + more,
            )
            heapq.heappush(heap, (after.cost, next(order), after))
    return found


def _steps(
    links: tuple[Link, ...],
    i: int,
    now: Geometry,
    turn: int | None,
    side_in: int,
    gaps: list[int | None],
) -> Iterator[tuple[Setting | None, int, float]]:
    """Settings of link i with the side after it and their cost."""
    link, side = links[i], now.sides[-1]
    if link.way == "linear":
        yield None, 0, 0.0
        return
    if side == 0:
        n = links[i - 1].n_out // (2 if link.halved else 1)
        side = square_side(n // link.n_in) or 0
        if not side:
            return
    kernel = link.part.tensors["weight"].shape[2]
    previous = next((s for s in reversed(now.settings) if s is not None), None)
    following = links[i + 1] if i + 1 < len(links) else None
    decoding = turn is not None and i >= turn
    if link.way == "transposed":
        choices = (
            (cost, Setting(stride, padding, extra)) for cost, stride, padding, extra in up(kernel)
        )
    elif decoding:
        choices = _same(kernel, side)
    else:
        choices = (
            (cost, Setting(stride, padding, after=pool))
            for cost, stride, padding, pool in down(kernel)
        )
    for cost, setting in choices:
        after = _side(setting, link, side, kernel)
        if after < 1 or after > 4 * max(side_in, 64):
            continue
        if decoding and after > side_in * 2:
            continue
        cost += _uneven(setting, previous, link, links[i - 1] if i else None)
        cost += _gaps(links, i, setting, gaps)
        if following is not None and following.way == "linear" and link.second is None:
            given = link.n_out // (2 if following.halved else 1)
            wanted = square_side(following.n_in // given) if following.n_in % given == 0 else None
            if wanted is None:
                continue
            if wanted != after:
                if after % wanted:
                    continue
                setting, cost = replace(setting, squeeze=wanted), cost + 1
                after = wanted
        yield setting, after, cost


def _same(kernel: int, side: int) -> Iterator[tuple[float, Setting]]:
    """A convolution on the way up: it keeps the size, often after an enlargement."""
    half = (kernel - 1) // 2
    for cost, padding in ((0.0, half), (0.6, 0)) if half else ((0.0, 0),):
        yield cost, Setting(1, padding, before=2 * side)
        yield cost + 0.1, Setting(1, padding)
        yield cost + 0.7, Setting(1, padding, before=2 * side - 1)
        yield cost + 1.5, Setting(1, padding, before=4 * side)


def _side(setting: Setting, link: Link, side: int, kernel: int) -> int:
    if link.way == "transposed":
        return (side - 1) * setting.stride - 2 * setting.padding + kernel + setting.output_padding
    side = setting.before or side
    side = (side + 2 * setting.padding - kernel) // setting.stride + 1
    if setting.after is not None and side > 0:
        k, stride = setting.after
        side = (side - k) // stride + 1
    return side


def _uneven(setting: Setting, previous: Setting | None, link: Link, before: Link | None) -> float:
    """What it costs to be unlike the convolution before, which most networks are not."""
    if previous is None or before is None or before.way != link.way:
        return 0.0
    same_kernel = before.part.tensors["weight"].shape[2] == link.part.tensors["weight"].shape[2]
    if not same_kernel:
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
    cost = 0.0
    after = gaps[i] if i < len(gaps) else None
    before = gaps[i - 1] if i else None
    if after is not None and links[i + 1].way != "linear":
        cost += (3.0 if after < 2 else 0.0) if setting.after else (1.5 if after >= 2 else 0.0)
    if before is not None and setting.before:
        cost += 3.0 if before < 2 else 0.0
    elif before is not None and links[i].way == "conv" and links[i - 1].way != "linear":
        bare = setting.stride == 1 and setting.after is None
        cost += 1.0 if bare and before >= 2 else 0.0
    return cost
