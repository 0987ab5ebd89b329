"""A chain with its geometry as two lists of layers, with gaps where only trying can tell."""

from __future__ import annotations

import torch
from torch import Tensor

from aecore.inspection.understanding.chains import Chain, Link
from aecore.inspection.understanding.choice import Draft, Layer
from aecore.inspection.understanding.geometry import Geometry
from aecore.inspection.understanding.numbering import between, tells
from aecore.inspection.understanding.parts import Part, all_names, hint, place
from aecore.inspection.understanding.usual_settings import Setting


def draft(chain: Chain, geometry: Geometry, channels: int, side: int, flat: bool) -> Draft:
    """The two lists of a chain. flat: the data are rows, not images."""
    links, split = chain.links, _split(chain, geometry)
    encoder: list[Layer] = []
    decoder: list[Layer] = []
    maps = not flat
    last = len(links) - 1
    code_maps = None
    holes = tells([link.part for link in links])
    for i, link in enumerate(links):
        half = encoder if i < split else decoder
        setting = geometry.settings[i]
        if link.way == "linear" and (maps or (i == split and code_maps)):
            if i != split:
                half.append(Layer("Flatten()"))
            maps = False
        if setting is not None:
            begin = geometry.sides[i] or _began(links, i)
            if i == split or (not maps and i > 0):
                half.append(Layer(f"Unflatten({link.n_in}, {begin}, {begin})"))
            maps = True
            if setting.before:
                half.append(Layer(gap="enlarge", setting=(setting.before,)))
        two = link.second is not None or (i + 1 <= last and links[i + 1].halved)
        half.append(_layer(link, setting, two))
        side_after = geometry.sides[i + 1]
        if i == split - 1:
            if not two:
                half += _norm_and_curve(link, maps, "code")
            if setting is not None:
                half += _pooling(setting)
                half.append(Layer("Flatten()"))
                code_maps = (link.n_out, side_after)
        elif i < last:
            following = links[i + 1]
            gap = "encoder" if i < split else "decoder"
            if i > split - 1 and link.way == "linear" and following.way != "linear":
                gap = "reshape"
            spot = place(link.part.name)
            joined = spot is not None and spot[0] in holes
            nothing = joined and between(link.part, following.part) == 0
            half += _norm_and_curve(link, maps, gap, nothing)
            if setting is not None:
                half += _pooling(setting)
        else:
            half += _norm_and_curve(link, maps, "")
    head = links[chain.head] if chain.head is not None else None
    size = geometry.sides[split] ** 2 if geometry.settings[split - 1] is not None else 1
    k = links[split - 1].n_out * size // (2 if head is not None and head.second is None else 1)
    parts = [p for link in links for p in (link.part, link.second) if p is not None]
    names = () if head is None else tuple(p.name for p in (head.part, head.second) if p is not None)
    return Draft(
        encoder,
        decoder,
        k,
        head is not None,
        side,
        channels,
        flat,
        all_names(parts),
        chain.cost + geometry.cost,
        names,
    )


def _began(links: tuple[Link, ...], i: int) -> int:
    """The side of the maps that a flat row becomes."""
    given = links[i - 1].n_out // (2 if links[i].halved else 1)
    return round((given // links[i].n_in) ** 0.5)


def _split(chain: Chain, geometry: Geometry) -> int:
    """The first link of the decoder."""
    links = chain.links
    if chain.head is not None:
        return chain.head + 1
    halves = [hint(link.part.name) for link in links]
    if "decoder" in halves and "encoder" in halves:
        first = halves.index("decoder")
        if first and "encoder" not in halves[first:]:
            return first
    sizes = [
        link.n_out * (geometry.sides[i + 1] or 1) ** 2 for i, link in enumerate(links[:-1])
    ] or [links[0].n_out]
    smallest = min(sizes)
    middle = (len(sizes) - 1) / 2
    best = min(
        (i for i, n in enumerate(sizes) if n == smallest), key=lambda i: (abs(i - middle), i)
    )
    turn = geometry.turn
    if turn is not None and best + 1 > turn and geometry.settings[turn] is not None:
        return turn
    return best + 1


def _layer(link: Link, setting: Setting | None, two: bool) -> Layer:
    part = link.part
    weights = {r: part.tensors[r] for r in ("weight", "bias") if r in part.tensors}
    weights["weight"] = part.weight
    n_out = link.n_out
    if link.second is not None:
        other = link.second
        weights = {r: torch.cat([v, _of(other, r)]) for r, v in weights.items()}
        n_out *= 2
    bias = "" if "bias" in weights else ", bias=False"
    if setting is None:
        return Layer(f"Linear({link.n_in}, {n_out}{bias})", weights=weights, swap=two)
    shape = part.tensors["weight"].shape
    kernel = str(shape[2]) if shape[2] == shape[3] else f"({shape[2]}, {shape[3]})"
    name = "Conv2d" if link.way == "conv" else "ConvTranspose2d"
    more = f", output_padding={setting.output_padding}" if setting.output_padding else ""
    more += f", groups={link.groups}" if link.groups > 1 else ""
    line = (
        f"{name}({link.n_in}, {n_out}, {kernel}, stride={setting.stride}, "
        f"padding={setting.padding}{more}{bias})"
    )
    # A transposed convolution's outputs are its weight's second size: such heads are left as is.
    return Layer(line, weights=weights, swap=two and link.way == "conv")


def _of(part: Part, role: str) -> Tensor:
    if role == "weight":
        return part.weight
    if role in part.tensors:
        return part.tensors[role]
    return torch.zeros(part.weight.shape[0])


def _norm_and_curve(link: Link, maps: bool, gap: str, nothing: bool = False) -> list[Layer]:
    part = link.part
    curve = [] if nothing or not gap else [Layer(gap=gap)]
    if part.slope is not None:
        slope = part.slope.tensors["weight"]
        curve = [Layer(f"PReLU({slope.numel()})", weights={"weight": slope})]
    if part.norm is None:
        return curve
    line, weights = _norm(part.norm, link, maps)
    if part.norm_after is None and curve and "GROUPS" not in line:
        before, after = (Layer(line, "norm", weights, norm=which) for which in (False, True))
        return [before, *curve, after]
    norm = Layer(line, "norm" if "GROUPS" in line else "", weights)
    return [*curve, norm] if part.norm_after else [norm, *curve]


def _norm(norm: Part, link: Link, maps: bool) -> tuple[str, dict[str, Tensor]]:
    own = dict(norm.tensors)
    if norm.kind == "batch":
        affine = "" if "weight" in own else ", affine=False"
        own.setdefault("num_batches_tracked", torch.tensor(0))
        return f"BatchNorm{2 if maps else 1}d({norm.size}{affine})", own
    if norm.kind == "layer":
        return f"LayerNorm({list(own['weight'].shape)})", own
    if not maps:
        return f"LayerNorm({norm.size})", own
    return f"GroupNorm(GROUPS, {norm.size})", own


def _pooling(setting: Setting) -> list[Layer]:
    found = []
    if setting.after is not None:
        found.append(Layer(gap="pool", setting=setting.after))
    if setting.squeeze:
        found.append(Layer(f"AdaptiveAvgPool2d({setting.squeeze})"))
    return found
