"""Every architecture that names and shapes allow, or the reason why there is none."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import prod

from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.chains import Chain, Link, chains
from aecore.inspection.understanding.choice import Draft
from aecore.inspection.understanding.drafts import draft
from aecore.inspection.understanding.geometry import geometries
from aecore.inspection.understanding.parts import Part, parts_of, square_side

MAX_DRAFTS = 120
# By what share a reading's error has to be smaller for each step away from the usual, and by what
# factor where a network of convolutions alone is run on enlarged examples: it keeps more of them.
UNUSUAL, LARGER = 0.05, 1.6
FAR = 2.5  # how much less natural an order of layers may be to be tried as well
MAX_CODE = 4096  # what a model of this app may have
SIDES = (28, 32, 64, 16, 8, 48, 96, 128, 256)


def drafts_of(contents: Contents, data: Dataset) -> list[Draft]:
    """Every architecture that names and shapes allow, the most natural first.

    Raises InspectionError with a sentence that says where the sizes do not meet.
    """
    tensors = {k: v for k, v in contents.tensors.items() if v.is_floating_point()}
    parts, odd = parts_of(contents.tensors, contents.ordered)
    if not parts:
        raise InspectionError(
            f"There are no layers in this file: {len(tensors)} tensors, none of them the weights "
            "of a linear layer or a convolution. Save model.state_dict() of an autoencoder."
        )
    if len(parts) > 60:
        raise InspectionError(
            f"This network has {len(parts)} layers with weights; at most 60 are understood without "
            "its code. Describe it by hand, or open a torch.export or ONNX file of it."
        )
    shape = data.spec.shape
    image = data.spec.kind == "image" and len(shape) == 3
    channels = shape[0] if image else 1
    inputs = {prod(shape)}
    if image:
        inputs |= {channels * s * s for s in SIDES if s >= shape[1]}
    found: list[Draft] = []
    oriented = list(_oriented(parts))
    for these in oriented:
        ways = chains(these, channels, inputs)
        if not ways:
            tied = _tied(these, odd, contents, channels, inputs)
            ways = [tied] if tied is not None else []
        for chain in ways:
            # The first chain is the most natural; those far from it are for when it fails.
            if not found or chain.cost < ways[0].cost + FAR:
                found += _drafts(chain, shape, image, channels)
    found = [d for d in found if d.k <= MAX_CODE]
    least = min((d.cost for d in found), default=0.0)
    for d in found:
        d.resized = image and d.side != shape[1]
        d.prior = (1 + UNUSUAL * (d.cost - least)) * (LARGER if d.resized and d.loose else 1)
    found.sort(key=lambda d: d.cost)
    if not found:
        lonely = weight_without(odd, contents)
        if lonely:
            raise InspectionError(
                f"The tensor {lonely!r} is missing from the file: its bias is there, and no way "
                "through the layers is complete without it. Save the whole state dict again.",
                "missing-tensor",
            )
        raise InspectionError(*_why_not(parts, inputs, channels, data))
    return found[:MAX_DRAFTS]


def _oriented(parts: list[Part]):
    """The parts as they are; bare matrices whose orientation is open also the other way round."""
    yield parts
    bare = [p for p in parts if p.kind == "linear" and not p.names["weight"].endswith(".weight")]
    if bare:
        yield [replace(p, transposed=not p.transposed) if p in bare else p for p in parts]


def _drafts(chain: Chain, shape: tuple[int, ...], image: bool, channels: int) -> list[Draft]:
    first = chain.links[0]
    if not image:
        if any(link.way != "linear" for link in chain.links):
            return []
        return [draft(chain, g, 1, 0, True) for g in geometries(chain, 0, 0)]
    if first.way == "linear":
        side = square_side(first.n_in // channels) or 0
        sides = [side]
    else:
        sides = [s for s in dict.fromkeys((shape[1], *SIDES)) if s >= shape[1]]
    # Without a linear layer a network runs at several sizes, and nothing says which it was.
    loose = not any(link.way == "linear" for link in chain.links)
    made: list[Draft] = []
    sizes_found = 0
    for i, side in enumerate(sides):
        if chain.links[-1].way == "linear" and chain.links[-1].n_out != channels * side * side:
            continue
        solved = geometries(chain, side, side)
        for g in solved:
            d = draft(chain, g, channels, side, first.way == "linear")
            d.cost, d.loose = d.cost + 0.4 * i, loose
            made.append(d)
        sizes_found += bool(solved)
        if sizes_found == 2:
            break
    return made


def _tied(
    parts: list[Part], odd: list[str], contents: Contents, channels: int, inputs: set[int]
) -> Chain | None:
    """A chain whose decoder uses the encoder's own weights: only biases of it are in the file."""
    ordered = sorted(parts, key=lambda p: p.index)
    if any(p.kind != "linear" for p in ordered):
        return None
    if ordered[0].weight.shape[1] not in inputs:
        return None
    for a, b in itertools.pairwise(ordered):
        if b.weight.shape[1] != a.weight.shape[0]:
            return None
    rows = [n for n in odd if n in contents.tensors and contents.tensors[n].ndim == 1]
    links = [Link(p, "linear", p.weight.shape[1], p.weight.shape[0]) for p in ordered]
    cost = 1.0
    for p in reversed(ordered):
        n_out, n_in = p.weight.shape
        tensors, names = {"weight": p.weight.T.contiguous()}, {"weight": p.names["weight"]}
        fits = [n for n in rows if contents.tensors[n].numel() == n_in]
        if fits:
            tensors["bias"], names["bias"] = contents.tensors[fits[0]], fits[0]
            rows.remove(fits[0])
        else:
            cost += 1
        mirrored = Part(f"{p.name} (transposed)", "linear", names, tensors, len(links))
        links.append(Link(mirrored, "linear", n_out, n_in))
    return Chain(tuple(links), cost)


def weight_without(odd: list[str], contents: Contents) -> str | None:
    """The name of a weight that the file lacks though its bias, one of the odd names, is there."""
    for name in odd:
        prefix, _, role = name.rpartition(".")
        if role == "bias" and f"{prefix}.weight" not in contents.tensors:
            return f"{prefix}.weight"
    return None


def _why_not(parts: list[Part], inputs: set[int], channels: int, data: Dataset) -> tuple[str, str]:
    """One sentence about where the sizes do not meet, and the fault's name."""
    size = prod(data.spec.shape)
    starts = [p for p in parts if p.kind == "linear" and p.weight.shape[1] in inputs]
    convolutions = [p for p in parts if p.kind == "conv" and channels in p.weight.shape[:2]]
    hand = "Choose the data that it was trained on, or describe it by hand."
    if not starts and not convolutions:
        first = parts[0]
        takes = first.weight.shape[1]
        extra = takes - size
        if first.kind == "linear" and 1 < extra <= 100:
            return (
                f"The first layer, {first.name!r}, takes {takes:,} numbers, {extra} more than an "
                f"example of {data.name} has: it seems to be told the class as well, which is not "
                "understood without its code. " + hand,
                "not-understood",
            )
        unit = "numbers" if first.kind == "linear" else "channels"
        return (
            f"No layer takes an example of {data.name} ({size:,} values): the first one, "
            f"{first.name!r}, takes {takes:,} {unit}. {hand}",
            "other-data",
        )
    ends = {p.weight.shape[0] for p in parts if p.kind == "linear"}
    if not ends & inputs and not convolutions:
        return (
            f"No layer gives an example of {data.name} back ({size:,} values): the decoder's last "
            "layer is missing from the file, or this is no autoencoder. " + hand,
            "missing-tensor",
        )
    gives = {p.weight.shape[0] for p in parts if p.kind == "linear"}
    for p in parts:
        if p.kind == "linear" and not convolutions and p.weight.shape[1] not in gives | inputs:
            half = 2 * p.weight.shape[1]
            if half in gives:
                continue
            return (
                f"The layer {p.name!r} takes {p.weight.shape[1]:,} numbers, which no other layer "
                "gives: the layer before it is missing from the file. " + hand,
                "missing-tensor",
            )
    return (
        "The layers of this file do not join to a way from the data through a code and back: one "
        "is missing, or they are joined in a way that shapes alone do not tell. " + hand,
        "missing-tensor" if not convolutions else "not-understood",
    )
