"""A chain with its geometry as two lists of layers, with gaps where only trying can tell."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from aecore.inspection.understanding.choice import Draft, Layer
from aecore.inspection.understanding.cuts import Cut, doubts
from aecore.inspection.understanding.geometry import Geometry
from aecore.inspection.understanding.layers_of import (
    Style,
    block,
    main_layer,
    norm_and_curve,
    norm_layer,
    pooling,
)
from aecore.inspection.understanding.links import Chain, Link
from aecore.inspection.understanding.names import place
from aecore.inspection.understanding.numbering import between, tells
from aecore.inspection.understanding.parts import all_names


@dataclass(frozen=True)
class Frame:
    """What a draft is made for: data of this shape, `side` and `channels` as the network takes.

    axes: of its convolutions. flat: it begins with a row of values. classes: labels of the data,
    where it is told one.
    """

    shape: tuple[int, ...]
    channels: int
    side: int
    flat: bool
    axes: int = 2
    classes: int = 0


def draft(chain: Chain, geometry: Geometry, cut: Cut, frame: Frame, style: Style) -> Draft:
    """The two lists of a chain, cut before the link `cut.split` (0 for a decoder alone)."""
    build = _Build(chain, geometry, cut.split, frame, style)
    build.run()
    links, head = chain.links, None if chain.head is None else chain.links[chain.head]
    parts = [p for link in links for p in (link.part, link.second, link.table) if p is not None]
    names = () if head is None else tuple(p.name for p in (head.part, head.second) if p is not None)
    k = build.k
    found = Draft(
        build.encoder,
        build.decoder,
        k,
        head is not None,
        frame.side,
        frame.channels,
        frame.flat,
        all_names(parts),
        chain.cost + geometry.cost + cut.cost + style.cost,
        names,
    )
    found.doubts = doubts(cut, k, prod(frame.shape)) if cut.split else ()
    found.told = frame.classes if chain.told else 0
    found.alone = cut.split == 0
    last = links[-1]
    if any(link.part.copy for link in links):
        found.notes = (
            "The decoder's weights are those of the encoder, the other way round: the file has no "
            "others.",
        )
    if last.way != "linear" and frame.axes == 2 and geometry.sides[-1] != frame.side:
        found.side_out = geometry.sides[-1]
    if last.extra:
        found.notes = (
            *found.notes,
            f"The last layer, {last.part.name}, gives {last.gives:,} numbers: an example and "
            f"{last.extra} more, as many as the label that is told; those are left out here.",
        )
    return found


class _Build:
    """Writes the lists of both halves, link by link."""

    def __init__(self, chain: Chain, geometry: Geometry, split: int, frame: Frame, style: Style):
        self.links, self.geometry, self.split = chain.links, geometry, split
        self.frame, self.style = frame, style
        self.head = chain.head
        self.holes = tells([link.part for link in chain.links])
        self.encoder: list[Layer] = []
        self.decoder: list[Layer] = []
        self.maps = frame.axes == 2 and not frame.flat
        self.code_maps = False
        self.k = 0

    def run(self) -> None:
        first = self.links[0]
        if self.frame.axes == 1 and first.way != "linear" and self.split:
            self.encoder.append(Layer(f"Unflatten({self._sizes(first.n_in, self.frame.side)})"))
            self.maps = True
        if not self.split:
            self.maps = False
            self.k = first.n_in
        for i in range(len(self.links)):
            self._add(i)
        if self.frame.axes == 1 and self.links[-1].way != "linear":
            self.decoder.append(Layer("Flatten()"))
            if len(self.frame.shape) > 1:
                self.decoder.append(Layer(f"Unflatten{self.frame.shape}"))

    def _sizes(self, channels: int, side: int) -> str:
        return ", ".join(map(str, (channels, *[side] * self.frame.axes)))

    def _add(self, i: int) -> None:
        link, split = self.links[i], self.split
        half = self.encoder if i < split else self.decoder
        setting = self.geometry.settings[i]
        gap = "encoder" if i < split else "decoder"
        if setting is None:
            if self.maps or (i == split and self.code_maps):
                if i != split:
                    half.append(Layer("Flatten()"))
                self.maps = False
        else:
            begin = self.geometry.sides[i] or self._began(i)
            if i == split or (not self.maps and i > 0):
                half.append(Layer(f"Unflatten({self._sizes(link.n_in, begin)})"))
            self.maps = True
            if setting.before:
                sizes = (setting.before, self.frame.axes)
                half.append(Layer(gap="enlarge", setting=sizes[: 3 - self.frame.axes]))
        if link.told:
            half.append(self._told(link))
        if link.part.before is not None:
            half += self._before(i)
        if link.part.kind == "block":
            last = i + 1 == len(self.links) or self.links[i + 1].part.kind != "block"
            half += block(link, setting, gap, self.style, self.frame.axes, last)
        else:
            self._plain(i, half, gap)
        if i == split - 1:
            side = self.geometry.sides[i + 1] or 1
            two = self._two(i)
            heads = 2 if two and link.second is None else 1
            self.k = link.n_out * side**self.frame.axes // heads
            if setting is not None:
                half.append(Layer("Flatten()"))
                self.code_maps = True

    def _before(self, i: int) -> list[Layer]:
        """The norm or slope in front of link i, with the curve of the layer before it."""
        part = self.links[i].part.before
        assert part is not None
        if part.kind == "slope":
            weight = part.tensors["weight"]
            return [Layer(f"PReLU({weight.numel()})", weights={"weight": weight})]
        found = [norm_layer(part, self.maps, self.frame.axes)]
        return [*found, Layer(gap="reshape")] if self._reshaped(i) else found

    def _reshaped(self, i: int) -> bool:
        """Whether a row of the decoder becomes the maps of link i."""
        links = self.links
        return self.split < i and links[i - 1].way == "linear" and links[i].way != "linear"

    def _plain(self, i: int, half: list[Layer], gap: str) -> None:
        """A layer that is no block, with its norm, curve and pooling."""
        links, link, setting = self.links, self.links[i], self.geometry.settings[i]
        two, last = self._two(i), i == len(links) - 1
        main = main_layer(link, setting, two, self.frame.axes)
        main.joined = two and link.second is None
        curve = self._curve(i, gap)
        after = (
            []
            if i == self.split - 1 and two
            else norm_and_curve(link, self.maps, curve, self.frame.axes)
        )
        if link.skip:
            half.append(Layer("Skip", inner=[main, *after]))
            return
        half.append(main)
        if link.shuffle > 1:
            half.append(Layer(f"PixelShuffle({link.shuffle})"))
        half += after
        if (setting is not None and not last) or (setting is not None and setting.squeeze):
            half += pooling(setting, self.frame.axes)

    def _curve(self, i: int, gap: str) -> str:
        """The gap that follows link i, empty where nothing stands there."""
        links, link = self.links, self.links[i]
        if i == len(links) - 1:
            return ""
        following = links[i + 1]
        spot = place(link.part.name)
        known = between(link.part, following.part) if spot and spot[0] in self.holes else None
        if known == 0 or (following.part.kind == "block" and self.style.before):
            return ""
        if i == self.split - 1:
            return "code"
        if i + 1 == self.split - 1 and self.head is not None and known is None:
            return "last_hidden"
        if self._reshaped(i + 1):
            return "" if following.part.before is not None else "reshape"
        return gap

    def _two(self, i: int) -> bool:
        """Whether link i gives both heads."""
        return self.links[i].second is not None or (
            i + 1 < len(self.links) and self.links[i + 1].halved
        )

    def _began(self, i: int) -> int:
        """The side of the maps that a flat row becomes."""
        link = self.links[i]
        given = self.links[i - 1].n_out // (2 if link.halved else 1) if i else link.n_in
        return round((given // link.n_in) ** (1 / self.frame.axes))

    def _told(self, link: Link) -> Layer:
        width = link.told if link.table is not None else 0
        weights = {} if link.table is None else {"weight": link.table.tensors["weight"]}
        return Layer(gap="told", setting=(self.frame.classes, width), weights=weights)
