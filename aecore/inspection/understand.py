"""From a file's tensors to a model: the architecture inferred, the rest found by trying."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.chains import Chain, Link, chains
from aecore.inspection.computed import draft_of
from aecore.inspection.contents import Contents
from aecore.inspection.drafts import (
    RANGES,
    STANDARDISED,
    Choice,
    Draft,
    draft,
    entry,
    exit_lines,
    names_contradict,
)
from aecore.inspection.geometry import geometries
from aecore.inspection.parts import Part, parts_of, square_side
from aecore.inspection.stillness import pull
from aecore.inspection.trying import Candidate, Progress, Trials, describe, search
from aecore.models import LatentModel, build
from aecore.types import ModelSpec

# Rivals whose error is less than NEAR times the best one's are told apart by a second witness.
NEAR, RIVALS, PULLED, PULL_WORK = 1.05, 5, 1024, 6e8
TRIED = 1000  # held-out examples that candidates are ranked on
MAX_DRAFTS = 120
SURE_MARGIN = 0.004  # the runner-up's error has to be larger by this share
SURE_SIGMAS = 4.0
# By what share a reading's error has to be smaller for each step away from the usual, and by what
# factor where a network of convolutions alone is run on enlarged examples: it keeps more of them.
UNUSUAL, LARGER = 0.05, 1.6
FAR = 2.5  # how much less natural an order of layers may be to be tried as well
MAX_CODE = 4096  # what a model of this app may have
SIDES = (28, 32, 64, 16, 8, 48, 96, 128, 256)


@dataclass(frozen=True)
class Reading:
    """A file understood: a model of the data's shape, and how sure that is.

    candidates: ranked, the best first; the model is that of `chosen`. margin: by what share the
    nearest rival's error is larger. sure: no rival comes near. doubts: sentences about what could
    be otherwise. unused: names of tensors that stand nowhere in the model. swapped: the heads act
    the other way round than their names say. blank: the error of drawing the mean example for
    everything, on the examples tried.
    """

    model: LatentModel
    candidates: tuple[Candidate, ...]
    chosen: int
    margin: float
    sure: bool
    doubts: tuple[str, ...]
    unused: tuple[str, ...]
    tensors: int
    swapped: bool = False
    blank: float = 1.0

    @property
    def candidate(self) -> Candidate:
        return self.candidates[self.chosen]


def ranges_of(data: Dataset) -> dict[str, tuple[float, float]]:
    """How values of these data may have been prepared: name to (factor, shift)."""
    if not data.spec.bounded:
        return {"[0, 1]": (1.0, 0.0)}
    # To four digits, as people write them: 0.1307 and 0.3081 for MNIST.
    x = data.train.batch(slice(None))
    mean, std = round(float(x.mean()), 4), round(float(x.std()), 4)
    ordered = list(RANGES.items())
    standardised = (STANDARDISED, (1 / max(std, 1e-6), -mean / max(std, 1e-6)))
    return dict([*ordered[:2], standardised, *ordered[2:]])


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


# From candidates to a model --------------------------------------------------------------------


def model_of(candidate: Candidate, data: Dataset, ranges: dict) -> LatentModel:
    """The candidate as a model of this app, its weights those of the file."""
    found, choice = candidate.draft, candidate.choice
    shape = data.spec.shape
    encoder, weights = _half(found.encoder, choice, entry(found, choice, shape, ranges), "encoder")
    decoder, more = _half(found.decoder, choice, [], "decoder")
    last = exit_lines(found, choice, shape, ranges)
    plain = choice.output == "sigmoid" and choice.target == "[0, 1]"
    moves = all(line.startswith(("Sigmoid", "Unflatten")) for line in last)
    loss = "bce" if plain and moves and found.variational and data.spec.bounded else "mse"
    options = {"encoder": tuple(encoder), "decoder": (*decoder, *last), "loss": loss}
    family = "described-vae" if found.variational else "described-ae"
    model = build(ModelSpec(family, data.spec, found.k, options), seed=None)
    state = model.state_dict()
    given = weights | more
    if set(given) != set(state) or any(given[k].shape != v.shape for k, v in state.items()):
        raise InspectionError("The file's tensors do not fit the network that was inferred.")
    model.load_state_dict(given)
    return model.eval()


def _half(
    places: Sequence, choice: Choice, lines: list[str], half: str
) -> tuple[list[str], dict[str, Tensor]]:
    lines, weights = list(lines), {}
    for spot in places:
        layer = spot.module(choice)
        if layer is None:
            continue
        for role, value in layer.state_dict().items():
            weights[f"{half}.{len(lines)}.{role}"] = value
        lines.append(spot.lines(choice))
    return lines, weights


def understand(
    contents: Contents,
    data: Dataset,
    *,
    choice: int | None = None,
    seconds: float = 20.0,
    progress: Progress | None = None,
) -> Reading:
    """Read a file's tensors as an autoencoder of these data.

    choice: overrules which of the ranked candidates is taken. Raises InspectionError with one
    sentence when no reading is possible.
    """
    report, begin = progress or (lambda share, what: None), time.monotonic()
    report(0.02, "putting the layers in order")
    if contents.operations is None:
        drafts = drafts_of(contents, data)
    else:
        drafts = [draft_of(contents, data.spec.shape)]
    x, ranges = data.test.batch(slice(0, TRIED)), ranges_of(data)
    found = search(drafts, x, ranges, data.spec.bounded, seconds, report)
    if not found:
        raise InspectionError(
            "The layers join, but no way to run them was found: describe the network by hand."
        )
    report(0.92, "looking which reading the weights rest in")
    found = at_rest(found, data, ranges, begin + seconds)
    return settle(found, contents, data, choice or 0)


def at_rest(found: list[Candidate], data: Dataset, ranges: dict, until: float) -> list[Candidate]:
    """The candidates ranked anew, the nearest rivals with their pull measured."""
    near = [c for c in found if c.error < NEAR * found[0].error][:RIVALS]
    if len(near) < 2:
        return found
    work = Trials(data.test.batch(slice(0, 1)), data.spec.shape, ranges)
    macs = work.multiply_adds(near[0].draft, near[0].choice)
    x = data.train.batch(slice(0, int(min(max(PULL_WORK / max(macs, 1), 128), PULLED))))
    measured = []
    for candidate in near:
        if time.monotonic() > until and measured:
            break
        factor, shift = ranges[candidate.choice.target]
        model = model_of(candidate, data, ranges)
        value = pull(model, x, factor, shift, torch.Generator().manual_seed(0))
        measured.append(replace(candidate, pull=value))
    if len(measured) < len(near):
        return found
    return sorted(measured, key=lambda c: c.weighed) + found[len(near) :]


def settle(found: list[Candidate], contents: Contents, data: Dataset, chosen: int) -> Reading:
    """The reading that takes one of the ranked candidates."""
    ranges = ranges_of(data)
    kept = found[:12]
    candidate = kept[min(chosen, len(kept) - 1)]
    model = model_of(candidate, data, ranges)
    x = data.test.batch(slice(0, TRIED))
    blank = float((x - data.train.batch(slice(0, 5000)).mean(0)).square().mean())
    margin, doubts = _doubts(kept, ranges, x, blank)
    used = candidate.draft.used
    unused = tuple(n for n in contents.tensors if n not in used)
    return Reading(
        model, tuple(kept), chosen, margin, not doubts and chosen == 0 and not unused,
        tuple(doubts), unused, len(contents.tensors),
        names_contradict(candidate.draft, candidate.choice), blank,
    )  # fmt: skip


def _doubts(
    kept: list[Candidate], ranges: dict, x: Tensor, blank: float
) -> tuple[float, list[str]]:
    """The nearest rival's margin, and sentences about what the data do not decide."""
    best, doubts = kept[0], []
    if not best.error < 0.9 * blank:
        doubts.append(
            f"No reading reconstructs these data: the best has an error of {best.error:.4f}, and "
            f"drawing the mean example for everything has {blank:.4f}."
        )
    trials = Trials(x[:200], tuple(x.shape[1:]), ranges)
    ours = trials.reconstruct(best.draft, best.choice)
    margin = float("inf")
    for rival in kept[1:]:
        theirs = trials.reconstruct(rival.draft, rival.choice)
        if theirs is not None and float((ours - theirs).abs().max()) < 1e-5:
            continue  # another way to say the same
        share = rival.error / max(best.error, 1e-12) - 1
        difference = rival.errors - best.errors
        spread = float(difference.std()) / len(difference) ** 0.5
        sigmas = float(difference.mean()) / max(spread, 1e-12)
        margin = min(margin, share)
        calmer = None not in (best.pull, rival.pull) and rival.pull < 0.98 * best.pull
        if share < SURE_MARGIN or sigmas < SURE_SIGMAS or calmer:
            doubts.append(
                f"Nearly as good, its error differs by {share:+.2%}: {_difference(best, rival)}."
            )
    return margin, doubts[:4]


def _difference(best: Candidate, rival: Candidate) -> str:
    ours, theirs = describe(best), describe(rival)
    words = [
        f"{key} {theirs.get(key, 'as before')} instead of {ours.get(key, 'none')}"
        for key in dict.fromkeys((*ours, *theirs))
        if ours.get(key) != theirs.get(key)
    ]
    return "; ".join(words) or "other strides, paddings or order of layers"
