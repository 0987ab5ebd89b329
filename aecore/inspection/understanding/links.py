"""One step through a network: a layer, how it is used, and what enters and leaves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aecore.inspection.understanding.blocks import block_sizes
from aecore.inspection.understanding.parts import Part, out_sizes, square_side

SHUFFLES = (2, 3, 4)  # what PixelShuffle enlarges by


@dataclass(frozen=True)
class Link:
    """One step: a main part, how it is used, and the values or channels that enter and leave.

    way: "linear", "conv", "transposed". groups: of a convolution. second: the other of two heads
    (mu and logvar). halved: what enters is one half of what the link before gives. told: numbers
    of a label that enter beside n_in; table: the vectors that they come from, None for one-hot.
    shuffle: PixelShuffle's factor behind it, 1 for none; n_out counts what leaves that. skip: what
    enters is joined to what it gives; n_out counts both. extra: outputs beyond the data, a label.
    """

    part: Part
    way: str
    n_in: int
    n_out: int
    groups: int = 1
    second: Part | None = None
    halved: bool = False
    told: int = 0
    table: Part | None = None
    shuffle: int = 1
    skip: bool = False
    extra: int = 0

    @property
    def gives(self) -> int:
        """Outputs of the layer itself."""
        own = self.n_out - self.n_in if self.skip else self.n_out
        return own * self.shuffle**2 + self.extra


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

    @property
    def told(self) -> tuple[int, ...]:
        """Places of the links that a label enters."""
        return tuple(i for i, link in enumerate(self.links) if link.told)


# A place on the way: ("flat", n) for n values, ("maps", c) for c feature maps of a size that
# geometry.py finds later, ("data", 0) and ("code", 0) for what enters.
Place = tuple[str, int]


@dataclass(frozen=True)
class Goal:
    """What a way begins and ends with.

    inputs: how many values an example may have, one for each side that it may be brought to.
    channels: feature maps that enter and leave (1 for other data than images). told: widths of a
    label that may enter, with the table of its vectors. code: the way begins with a code instead
    of the data (a decoder alone). open: it may end anywhere. axes: those of the convolutions.
    """

    inputs: frozenset[int]
    channels: int
    told: tuple[tuple[int, Part | None], ...] = ()
    code: bool = False
    open: bool = False
    axes: int = 2
    ordered: bool = True

    def side(self, n: int) -> int | None:
        """The side of feature maps of n values each, or None where they are none."""
        return square_side(n) if self.axes == 2 else n or None


class Uses:
    """How each part may be used at each place, worked out once.

    parts: those that a way may go through.
    """

    def __init__(self, parts: list[Part], goal: Goal):
        self.goal = goal
        self.takers = Counter(n for p in parts for n in _taken(p))
        self._found: dict[tuple[int, Place], list[Link]] = {}

    def at(self, part: Part, place: Place) -> list[Link]:
        """Links of a part at this place."""
        key = id(part), place
        if key not in self._found:
            self._found[key] = list(self._uses(part, place))
        return self._found[key]

    def _uses(self, part: Part, place: Place) -> Iterator[Link]:
        """Each use of a part at this place."""
        plain = list(_plain(part, place, self.goal))
        yield from plain
        if not plain:
            yield from self._told_uses(part, place)
        if part.kind == "block":
            return
        last = self.goal.channels
        for link in plain:
            # What goes by is joined behind: only where something takes that many.
            both = link.n_in + link.n_out
            if place[0] != "data" and self.takers[both]:
                yield replace(link, n_out=both, skip=True)
            for r in SHUFFLES if link.way == "conv" and part.axes == 2 else ():
                given, rest = divmod(link.n_out, r * r)
                if not rest and (self.takers[given] or given == last):
                    yield replace(link, n_out=given, shuffle=r)

    def _told_uses(self, part: Part, place: Place) -> Iterator[Link]:
        if part.kind == "block":
            return
        kind, n = place
        shape = part.weight.shape
        for width, table in self.goal.told:
            if kind == "data":
                if part.kind == "linear" and part.weight.shape[1] > width:
                    rest = shape[1] - width
                    if rest in self.goal.inputs:
                        yield Link(part, "linear", rest, shape[0], told=width, table=table)
                elif shape[1] - width == self.goal.channels and shape[0] in out_sizes(part):
                    rest = shape[1] - width
                    yield Link(part, "conv", rest, shape[0], told=width, table=table)
                continue
            wider = (kind, n + width)
            if part.kind == "linear" and kind == "maps":
                rest = shape[1] - width
                if rest > 0 and rest % n == 0 and self.goal.side(rest // n) is not None:
                    yield Link(part, "linear", rest, shape[0], told=width, table=table)
                continue
            for link in _plain(part, wider, self.goal):
                if link.way == "linear" or link.n_in == n + width:
                    yield replace(link, n_in=link.n_in - width, told=width, table=table)


def _taken(part: Part) -> set[int]:
    """Values or channels that may enter a part."""
    return {sizes(part)[1]} if part.kind == "linear" else set(sizes(part))


def sizes(part: Part) -> tuple[int, ...]:
    """Values or channels at both ends of a part."""
    return block_sizes(part) if part.kind == "block" else tuple(part.weight.shape[:2])


def _plain(part: Part, place: Place, goal: Goal) -> Iterator[Link]:
    """Each plain use of a part at this place."""
    kind, n = place
    if part.kind == "block":
        yield from _block_uses(part, place, goal)
        return
    shape = part.weight.shape
    if part.kind == "linear":
        n_out, n_in = shape
        if kind == "maps":
            fits = n_in % n == 0 and goal.side(n_in // n) is not None
        else:
            fits = kind == "code" or (n_in in goal.inputs if kind == "data" else n_in == n)
        if fits:
            yield Link(part, "linear", n_in, n_out)
        return
    outs = out_sizes(part)
    for way, (n_in, n_out) in (("conv", (shape[1], shape[0])), ("transposed", shape[:2])):
        if n_out not in outs or (part.copy and way == "conv"):
            continue
        if (way == "transposed" and kind == "data") or (way == "conv" and kind == "code"):
            continue
        groups = 1
        if kind == "flat":
            if n % n_in or goal.side(n // n_in) is None:
                continue
        elif kind != "code":
            enters = goal.channels if kind == "data" else n
            if enters != n_in:
                # In groups: each filter sees a part of the channels only.
                if way == "transposed" or not n_in or enters % n_in:
                    continue
                groups = enters // n_in
                if n_out % groups:
                    continue
        yield Link(part, way, n_in * groups, n_out, groups)


def _block_uses(part: Part, place: Place, goal: Goal) -> Iterator[Link]:
    kind, n = place
    linear = part.inner[0].kind == "linear"
    n_in, n_out = block_sizes(part)
    if kind == "code" or (linear and kind in ("maps", "data")):
        return
    if kind == "data":
        fits = n_in == goal.channels
    elif kind == "flat" and not linear:
        fits = n % n_in == 0 and goal.side(n // n_in) is not None
    else:
        fits = n == n_in
    if fits:
        yield Link(part, "linear" if linear else "conv", n_in, n_out)
