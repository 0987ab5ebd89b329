"""Every architecture that names and shapes allow, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import torch

from aecore.datasets import Dataset
from aecore.datasets.titles import title_of
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.blocks import readings
from aecore.inspection.understanding.chains import FAR, chains
from aecore.inspection.understanding.choice import Draft
from aecore.inspection.understanding.cuts import Cut, cuts
from aecore.inspection.understanding.drafts import Frame, draft
from aecore.inspection.understanding.geometry import Effort, Geometry, geometries
from aecore.inspection.understanding.kinds import kind_of
from aecore.inspection.understanding.layers_of import Style
from aecore.inspection.understanding.links import Chain, Goal, Link
from aecore.inspection.understanding.names import head_hint, place, says_embedding, words
from aecore.inspection.understanding.parts import Part, parts_of, square_side
from aecore.inspection.understanding.special import special
from aecore.inspection.understanding.tied import with_copies
from aecore.inspection.understanding.usual_settings import Setting
from aecore.inspection.understanding.why_not import weight_without as weight_without
from aecore.inspection.understanding.why_not import why_not

MAX_DRAFTS = 80
UNLIKELY = 3.2  # what a draft may cost more than the first to be tried at all
MAX_PARTS = 60
# By what share a reading's error has to be smaller for each step away from the usual, and by what
# factor where a network of convolutions alone is run on enlarged examples: it keeps more of them.
UNUSUAL, LARGER = 0.05, 1.6
MAX_CODE = 4096  # what a model of this app may have
SIDES = (28, 32, 64, 16, 8, 48, 96, 128, 256)
RIVALS = 8  # geometries whose other cuts are looked at as well
DILATED = 3  # of the usual geometries, those that are tried with wider convolutions as well


@dataclass(frozen=True)
class _Plan:
    """What a draft is made of, before it is made."""

    cost: float
    chain: Chain
    geometry: Geometry
    cut: Cut
    frame: Frame
    style: Style
    loose: bool


def drafts_of(contents: Contents, data: Dataset) -> list[Draft]:
    """Every architecture that names and shapes allow, the most natural first.

    Raises InspectionError with a sentence that says where the sizes do not meet.
    """
    tensors = {k: v for k, v in contents.tensors.items() if v.is_floating_point()}
    other = special(contents)
    if other is not None:
        raise InspectionError(
            f"{other.sentence} Only chains of linear layers and convolutions are understood.",
            "not-understood",
        )
    parts, odd = parts_of(contents.tensors, contents.ordered)
    mains = [p for p in parts if p.main]
    if not mains:
        raise InspectionError(
            f"There are no layers in this file: {len(tensors)} tensors, none of them the weights "
            "of a linear layer or a convolution. Save model.state_dict() of an autoencoder."
        )
    if len(mains) > MAX_PARTS:
        raise InspectionError(
            f"This network has {len(mains)} layers with weights; at most {MAX_PARTS} are "
            "understood without its code. Describe it by hand, or open a torch.export or ONNX file "
            "of it."
        )
    plans = sorted(_plans(parts, odd, contents, data), key=lambda p: p.cost)
    plans = [p for p in plans if p.cost <= plans[0].cost + UNLIKELY]
    found = [_made(plan, data) for plan in plans[:MAX_DRAFTS]]
    within = [d for d in found if d.k <= MAX_CODE]
    if found and found[0].k > MAX_CODE:
        for d in within:
            d.doubts = (*d.doubts, f"The likeliest reading has a code of {found[0].k:,} numbers.")
    if found and not within:
        least, size = min(d.k for d in found), prod(data.spec.shape)
        wider = f", and an example of {title_of(data.name)} {size:,}: it is wider than the data"
        raise InspectionError(
            f"The code of this network has {least:,} numbers{wider if least > size else ''}. A "
            f"model here may have a code of {MAX_CODE:,}; bring smaller examples.",
            "not-understood",
        )
    if not found:
        lonely = weight_without(odd, contents)
        if lonely:
            raise InspectionError(
                f"The tensor {lonely!r} is missing from the file: its bias is there, and no way "
                "through the layers is complete without it. Save the whole state dict again.",
                "missing-tensor",
            )
        raise InspectionError(*why_not(contents, mains, _inputs(data), data))
    least = min(d.cost for d in within)
    for d in within:
        d.prior *= 1 + UNUSUAL * (d.cost - least)
    return within


def _inputs(data: Dataset) -> frozenset[int]:
    """How many values an example may have, one for each side that it may be brought to."""
    shape = data.spec.shape
    if data.spec.kind != "image" or len(shape) != 3:
        return frozenset({prod(shape)})
    return frozenset({prod(shape), *(shape[0] * s * s for s in SIDES if s >= shape[1])})


def _plans(parts: list[Part], odd: list[str], contents: Contents, data: Dataset) -> Iterator[_Plan]:
    shape, image = data.spec.shape, data.spec.kind == "image" and len(data.spec.shape) == 3
    axes = max((p.axes for p in parts if p.main), default=0) or 2
    if axes == 2 and not image and any(p.axes for p in parts if p.main):
        return
    tables = _tables(parts, data.spec.classes)
    told = ((data.spec.classes, None), *tables) if data.spec.classes > 1 else ()
    channels = [shape[0]] if image and axes == 2 else [1]
    if axes == 1:
        first = next(p for p in parts if p.axes)
        channels = [n for n in first.weight.shape[:2] if prod(shape) % n == 0]
    mains = [p for p in parts if p.main and all(p is not t.inner[0] for _, t in tables if t.inner)]
    headless = not any(head_hint(p.name) for p in mains)
    bare = headless and kind_of(contents).name == "encoder"
    best: float | None = None
    effort = Effort()
    for c in channels:
        plain = Goal(_inputs(data), c, axes=axes, ordered=contents.ordered)
        for more, these in readings(mains):
            ways, code = _ways(these, plain, told, with_copies(these, odd, contents, bare))
            for chain in ways:
                # The first chain is the most natural; those far from it are for when it fails.
                if best is None or chain.cost + more < best + FAR:
                    chain = replace(chain, cost=chain.cost + more)
                    for plan in _solved(chain, data, c, axes, code, effort):
                        best = chain.cost if best is None else best
                        yield plan


def _ways(
    these: list[Part], plain: Goal, told: tuple, tied: list[Part]
) -> tuple[list[Chain], bool]:
    """Chains through these parts, and whether they begin with a code.

    A label is looked for where nothing joins without one, for sizes may agree by chance; then tied
    weights; then a decoder alone; last a way that leaves a part or two aside.
    """
    tries = [(these, plain), (these, replace(plain, told=told)), (tied, plain)]
    partial: list[Chain] = []
    for i, (parts, goal) in enumerate(tries):
        if (i == 1 and not told) or (i == 2 and len(tied) == len(these)):
            continue
        ways = chains(parts, goal)
        if any(not way.left for way in ways):
            return ways, False
        partial = partial or ways
    if not any(p.half == "encoder" for p in these):
        smallest = min(plain.inputs)
        ways = chains(these, replace(plain, code=True))
        ways = [w for w in ways if _is_decoder(w) and w.links[0].n_in < smallest]
        if ways:
            return ways, True
    return partial, False


def _tables(parts: list[Part], classes: int) -> tuple[tuple[int, Part], ...]:
    """Tables of vectors, one a class, with their width; also where a linear layer makes them."""
    found = []
    for part in parts if classes > 1 else ():
        weight = part.tensors.get("weight")
        if part.kind == "embedding" and weight is not None and weight.shape[0] == classes:
            found.append((int(weight.shape[1]), part))
            continue
        square = part.weight.shape[0] == classes if part.kind == "linear" else True
        if square or part.weight.shape[1] != classes or not says_embedding(part.name):
            continue
        table = part.weight.T + part.tensors.get("bias", torch.zeros(()))
        made = replace(part, kind="embedding", tensors={"weight": table.contiguous()}, inner=[part])
        found.append((int(table.shape[1]), made))
    return tuple(found)


def _is_decoder(chain: Chain) -> bool:
    """Whether a way from a code is a decoder's, and not what is left of a damaged file.

    Either nothing is narrower than what enters, or its first layer is the first by its number.
    """
    first = chain.links[0]
    wide = all(link.n_out >= first.n_in or link.way != "linear" for link in chain.links)
    numbers = [int(w) for w in words(first.part.name) if w.isdecimal()]
    return wide or (bool(numbers) and numbers[-1] <= 1)


def _solved(
    chain: Chain, data: Dataset, channels: int, axes: int, code: bool, effort: Effort
) -> Iterator[_Plan]:
    """Plans for one chain: its sizes solved, its cuts, its blocks' styles."""
    shape, size = data.spec.shape, prod(data.spec.shape)
    image = data.spec.kind == "image" and len(shape) == 3
    first, last = chain.links[0], chain.links[-1]
    # Without a linear layer a network runs at several sizes, and nothing says which it was.
    loose = not any(link.way == "linear" for link in chain.links)
    sides: list[int]
    if axes == 1:
        sides = [size // channels]
    elif not image:
        sides = [0]
    elif first.way == "linear" and not code:
        sides = [square_side(first.n_in // channels) or 0]
    else:
        sides = _sides(shape)
    plain = all(link.way == "linear" for link in chain.links)
    sizes_found = 0
    for i, side in enumerate(sides):
        if last.way == "linear" and image and last.n_out != channels * side**axes:
            continue
        begin = (0 if first.way == "linear" else 1) if code else side
        flat = not image or first.way == "linear" or axes == 1
        told = data.spec.classes if chain.told else 0
        frame = Frame(shape, channels, side if image or axes == 1 else 0, flat, axes, told)
        solved: list[Geometry] = []
        # What is larger than the data at the end is cut or made smaller there.
        for more, ends in ((0.0, (side,)), (0.6, range(side + 1, side + 9))):
            usual = bool(solved) and solved[0].cost < more
            if more and (usual or plain or i or last.way == "linear"):
                break
            solved = geometries(chain, 0 if plain else begin, frozenset(ends), axes, code, effort)
            sizes_found += bool(solved) and not more
            for plan in _variants(chain, solved, frame, code, loose and not code):
                yield replace(plan, cost=plan.cost + 0.4 * i + more)
        if sizes_found == (1 if code else 2):
            return


def _sides(shape: tuple[int, ...]) -> list[int]:
    return [s for s in dict.fromkeys((shape[1], *SIDES)) if s >= shape[1]]


def _variants(
    chain: Chain, solved: list[Geometry], frame: Frame, code: bool, loose: bool
) -> Iterator[_Plan]:
    styles = _styles(chain)
    for i, geometry in enumerate([*solved, *_dilated(chain, solved[:DILATED])]):
        every = [Cut(0)] if code else cuts(chain, geometry, frame.axes)
        for cut in every if i < RIVALS else every[:1]:
            for style in styles:
                cost = chain.cost + geometry.cost + cut.cost + style.cost
                yield _Plan(cost, chain, geometry, cut, frame, style, loose)


def _styles(chain: Chain) -> list[Style]:
    """How the residual blocks of a chain may be written, the likeliest first."""
    blocks = [link.part for link in chain.links if link.part.kind == "block"]
    if not blocks:
        return [Style()]
    inner = blocks[0].inner[0]
    spot = place(inner.name)
    ahead = inner.before is not None or (spot is not None and spot[1] > 0)
    first = 0.0 if ahead else 0.4
    return [
        Style(cost=0.4 - first),
        Style(before=True, after=False, cost=first),
        Style(before=True, after=False, closing=False, cost=first + 0.2),
        Style(after=False, closing=False, cost=0.5),
    ]


def _dilated(chain: Chain, solved: list[Geometry]) -> Iterator[Geometry]:
    """Geometries with the same sides that have dilated convolutions: all that can be, and one."""
    said = any("dil" in link.part.name.lower() for link in chain.links)
    for geometry in solved:
        wide = [_wider(s, link) for s, link in zip(geometry.settings, chain.links, strict=True)]
        places = [i for i, setting in enumerate(wide) if setting is not None]
        for chosen in dict.fromkeys([tuple(places), *((i,) for i in places)] if places else []):
            settings = [wide[i] if i in chosen else s for i, s in enumerate(geometry.settings)]
            cost = geometry.cost + (0.0 if said else 1.2)
            yield replace(geometry, settings=tuple(settings), cost=cost)


def _wider(setting: Setting | None, link: Link) -> Setting | None:
    """The setting with a dilation of two that gives maps of the same size, or None."""
    k = link.part.kernel
    if setting is None or link.way != "conv" or link.part.kind != "conv" or k % 2 == 0 or k == 1:
        return None
    if not setting.padding or setting.before or setting.after:
        return None
    return replace(setting, dilation=2, padding=setting.padding + k // 2)


def _made(plan: _Plan, data: Dataset) -> Draft:
    made = draft(plan.chain, plan.geometry, plan.cut, plan.frame, plan.style)
    made.cost, made.loose = plan.cost, plan.loose
    image = data.spec.kind == "image" and len(data.spec.shape) == 3
    if plan.frame.axes == 1:
        made.side = data.spec.shape[1] if image else 0
    made.resized = image and made.side != data.spec.shape[1]
    made.prior = LARGER if made.resized and made.loose else 1.0
    return made
