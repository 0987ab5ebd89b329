"""Whether a file is a whole autoencoder, of whatever data, and of which size."""

from __future__ import annotations

import itertools

from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.blocks import readings
from aecore.inspection.understanding.chains import chains
from aecore.inspection.understanding.cuts import cuts
from aecore.inspection.understanding.geometry import Geometry, geometries
from aecore.inspection.understanding.kind import Kind, count
from aecore.inspection.understanding.links import Chain, Goal
from aecore.inspection.understanding.parts import Part, square_side
from aecore.inspection.understanding.tied import with_copies

SIDES = (28, 32, 64, 16, 8, 48, 96, 128, 224, 256)
MAX_LABEL = 128  # numbers that a label may have
MAX_STEPS = 4000  # links that are looked at for each way that a network may be whole
FAR_FROM_USUAL = 2.0  # what a geometry may cost whose size is said


def autoencoder(
    parts: list[Part], tables: list[Part], odd: list[str], contents: Contents
) -> Kind | None:
    first, last = parts[0], parts[-1]
    axes = max(p.axes for p in parts) or 2
    sizes_in = {first.weight.shape[1]} if first.kind == "linear" else set()
    ends = {last.weight.shape[0]} if last.kind == "linear" else set()
    channels = _channels(parts)
    plain = frozenset(sizes_in | ends)
    tries: list[tuple[frozenset[int], tuple]] = [(plain, ())]
    if not contents.ordered and all(p.kind == "linear" for p in parts):
        # In whatever order they stand: an example's size is taken and given, mostly the largest.
        takes, gives = ({int(p.weight.shape[i]) for p in parts} for i in (1, 0))
        if max(takes) == max(gives) and max(takes) not in plain:
            tries.append((frozenset({max(takes)}), ()))
    for width, table in _labels(parts, tables):
        told = ((width, table),)
        rest = frozenset(n - width for n in sizes_in if n > 2 * width)
        # Of 784 and 774 numbers, the first are an image: the label is beside them, not in them.
        both = [(plain, told), *([(rest, told)] if rest else [])]
        tries += both if any(map(square_side, plain)) else both[::-1]
    partial: Kind | None = None
    for inputs, told in tries:
        for c in channels:
            goal = Goal(inputs, c, told, axes=axes, ordered=contents.ordered)
            for _, these in readings(parts):
                ways = chains(these, goal, 1, MAX_STEPS if told else 3 * MAX_STEPS)
                tied = these if ways else with_copies(these, odd, contents)
                if len(tied) > len(these):
                    ways = chains(tied, goal, 1, MAX_STEPS)
                found = _whole(ways[0], c, axes, parts) if ways else None
                if found is None or (told and not ways[0].told):
                    continue
                if not ways[0].left:
                    return found
                if len(ways[0].left) == 1 and ways[0].head is not None:
                    partial = partial or found
    return partial


def _channels(parts: list[Part]) -> list[int]:
    """Channels that images may have: what both ends can have, or the one that is a convolution."""
    conv = [p for p in parts if p.axes]
    if not conv:
        return [1]
    first = conv[0].inner[0] if conv[0].inner else conv[0]
    last = conv[-1].inner[-1] if conv[-1].inner else conv[-1]
    entering = int(first.weight.shape[1])
    leaving = [int(n) for n in last.weight.shape[:2][::-1]]
    if not parts[0].axes:
        return list(dict.fromkeys(leaving))
    if not parts[-1].axes:
        return [entering]
    # PixelShuffle makes fewer of the last.
    return [entering] if any(n % entering == 0 for n in leaving) else []


def _labels(parts: list[Part], tables: list[Part]) -> list[tuple[int, Part | None]]:
    """Widths that a label may have: what a layer takes more than the one before it gives."""
    found: list[tuple[int, Part | None]] = [(int(t.weight.shape[1]), t) for t in tables]
    linear = [p for p in parts if p.kind == "linear"]
    if linear and parts[0] is linear[0] and parts[-1] is linear[-1]:
        found.append((int(linear[0].weight.shape[1] - linear[-1].weight.shape[0]), None))
    for a, b in itertools.pairwise(linear):
        found.append((int(b.weight.shape[1] - a.weight.shape[0]), None))
    return [(n, t) for n, t in dict.fromkeys(found) if 0 < n <= MAX_LABEL]


def _whole(chain: Chain, channels: int, axes: int, parts: list[Part]) -> Kind | None:
    """What a whole autoencoder is called; None where its ends cannot be one size."""
    links = chain.links
    mixed = {links[0].way == "linear", links[-1].way == "linear"} == {True, False}
    sides = _sides(chain, channels, axes)
    if mixed and axes == 2 and not sides:
        return None
    side = sides[0] if len(sides) == 1 else None
    if links[0].way == "linear":
        takes: tuple[int | None, ...] = (links[0].n_in,)
    else:
        takes = (channels, *[side] * axes)
    gives: tuple[int | None, ...] = takes
    if links[-1].way == "linear":
        gives = (links[-1].gives,)
    code = _code(chain)
    what = "a variational autoencoder" if chain.head is not None else "an autoencoder"
    told = [links[i].told for i in chain.told]
    extra = ""
    if told:
        if not parts[0].half and chain.head is None and code is not None and code >= links[0].n_in:
            return None  # a network with one number more on one side, and nothing narrower
        what = "a conditional " + what.split(" ", 1)[1]
        table = next((links[i].table for i in chain.told if links[i].table is not None), None)
        which = f" (from the table {table.name!r})" if table is not None else ""
        extra = f" and is told {count(told[0])} beside them{which}"
    if code == links[0].n_in == max(link.n_out for link in links) and chain.head is None:
        return Kind(
            "other",
            takes,
            gives,
            None,
            f"This network gives as many numbers as it takes ({takes[0]}) and is nowhere narrower: "
            "it has no code.",
        )
    size = "×".join("?" if n is None else str(n) for n in takes)
    if len(sides) > 1:
        size += f" values, probably {' or '.join(f'{n}×{n}' for n in sides[:2])} pixels"
    else:
        size += " numbers" if len(takes) == 1 else " values"
    inside = f" through a code of {count(code)}" if code else ""
    if not code and all(link.way != "linear" for link in links):
        inside = f" through a code of {links[_split(chain) - 1].n_out} channels"
    return Kind(
        "autoencoder",
        takes,
        gives,
        code,
        f"This is {what}: it takes {size}{extra}, and leads back to them{inside}.",
    )


def drawn(parts: list[Part]) -> tuple[int, int] | None:
    """Channels and side of the images that a decoder alone gives, None where they are open."""
    for c in _channels(parts):
        ways = chains(parts, Goal(frozenset(), c, code=True), 1, MAX_STEPS)
        sides = _sides(ways[0], c, 2, True) if ways else []
        if len(sides) == 1:
            return c, sides[0]
    return None


def _sides(chain: Chain, channels: int, axes: int, code: bool = False) -> list[int]:
    """Sides that the images may have, where linear layers fix them: the likeliest first."""
    links = chain.links
    if axes != 2 or len({link.way == "linear" for link in links}) < 2:
        return []
    found: list[tuple[float, int]] = []
    for i, side in enumerate(SIDES):
        if links[-1].way == "linear" and links[-1].n_out != channels * side * side:
            continue
        if links[0].way == "linear" and links[0].n_in != channels * side * side and not code:
            continue
        begin = 0 if links[0].way == "linear" else side
        solved = geometries(chain, begin, frozenset({side}), axes, code)
        if solved:
            found.append((solved[0].cost + 0.01 * i, side))
    found.sort()
    # Far from the usual it is a guess that would say a wrong size.
    return [side for cost, side in found if cost < FAR_FROM_USUAL and cost < found[0][0] + 1.0]


def _split(chain: Chain) -> int:
    flat = Geometry((None,) * len(chain.links), (1,) * (len(chain.links) + 1), 0.0)
    where = cuts(chain, flat)
    return where[0].split if where else 1


def _code(chain: Chain) -> int | None:
    """Numbers of the code, where no size of maps is needed to know it."""
    links = chain.links
    named = {"encoder", "decoder"} <= {link.part.half for link in links}
    inside = [link.n_out for link in links[:-1] if link.way == "linear"]
    if inside and chain.head is None and not named and len(inside) < len(links) - 1:
        return min(inside)  # convolutions around: how wide their maps are is not known
    link = links[_split(chain) - 1]
    if link.way == "linear":
        return link.n_out // (2 if chain.head is not None and link.second is None else 1)
    return None
