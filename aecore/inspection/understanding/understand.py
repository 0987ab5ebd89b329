"""From a file's tensors to a model: the architecture inferred, the rest found by trying."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from aecore.datasets import Dataset, Split
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.architecture import drafts_of
from aecore.inspection.understanding.candidates import Candidate, Trials, describe
from aecore.inspection.understanding.choice import (
    RANGES,
    STANDARDISED,
    Choice,
    Draft,
    entry,
    exit_lines,
    names_contradict,
)
from aecore.inspection.understanding.computed import draft_of
from aecore.inspection.understanding.stillness import PARTS, pull
from aecore.inspection.understanding.trying import Progress, search
from aecore.models import LatentModel, build
from aecore.models.sizes import sizes_of
from aecore.types import ModelSpec

# Rivals whose error is less than NEAR times the best one's are told apart by a second witness.
NEAR, RIVALS, PULLED, PULL_WORK = 1.05, 5, 1024, 6e8
MOST_PULLED = 8_000_000  # weights: their gradients of all parts are held together
MOST_KEPT = 256 << 20  # bytes that a part's examples leave between the layers for the gradient
PIECE = 500  # examples that are looked at together where it is only about their values
TRIED = 1000  # held-out examples that candidates are ranked on
SURE_MARGIN = 0.004  # the runner-up's error has to be larger by this share
SURE_SIGMAS = 4.0


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
    mean, std = (round(value, 4) for value in moments(data.train))
    ordered = list(RANGES.items())
    standardised = (STANDARDISED, (1 / max(std, 1e-6), -mean / max(std, 1e-6)))
    return dict([*ordered[:2], standardised, *ordered[2:]])


def moments(split: Split) -> tuple[float, float]:
    """Mean and deviation of all values of a split, which is never in memory as float32 at once."""
    count = total = squares = 0.0
    for start in range(0, len(split), PIECE):
        x = split.batch(slice(start, start + PIECE)).double()
        count, total, squares = (
            count + x.numel(),
            total + float(x.sum()),
            squares + float((x * x).sum()),
        )
    mean = total / count
    return mean, max(squares / count - mean * mean, 0.0) ** 0.5


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
    drafts = _drafts(contents, data)
    x, ranges = data.test.batch(slice(0, TRIED)), ranges_of(data)
    found = search(drafts, x, ranges, data.spec.bounded, seconds, report)
    if not found:
        raise InspectionError(
            "The layers join, but no way to run them was found: describe the network by hand."
        )
    report(0.92, "looking which reading the weights rest in")
    found = at_rest(found, data, ranges, begin + seconds)
    return settle(found, contents, data, choice or 0, ranges)


def _drafts(contents: Contents, data: Dataset) -> list[Draft]:
    """Every way to join a file's layers, numbered; the same for the same file and data."""
    if contents.operations is None:
        drafts = drafts_of(contents, data)
    else:
        drafts = [draft_of(contents, data.spec.shape)]
    for number, draft in enumerate(drafts):
        draft.number = number
    return drafts


def recipes_of(reading: Reading) -> list[dict[str, Any]]:
    """The ranked candidates as plain values, out of which `again` makes them anew."""
    return [
        {
            "draft": c.draft.number,
            "choice": asdict(c.choice),
            "pull": c.pull,
            "tried": len(c.errors),
        }
        for c in reading.candidates
    ]


def again(
    contents: Contents, data: Dataset, recipes: Sequence[dict[str, Any]], chosen: int
) -> Reading:
    """The reading that takes another of the candidates that were ranked, without a new search.

    recipes: of `recipes_of`, from the same file and data.
    """
    drafts, ranges = _drafts(contents, data), ranges_of(data)
    found = []
    for recipe in recipes:
        trials = Trials(data.test.batch(slice(0, recipe["tried"])), data.spec.shape, ranges)
        candidate = trials.score(drafts[recipe["draft"]], Choice(**recipe["choice"]))
        found.append(replace(candidate, pull=recipe["pull"]))
    return settle(found, contents, data, chosen, ranges)


def at_rest(found: list[Candidate], data: Dataset, ranges: dict, until: float) -> list[Candidate]:
    """The candidates ranked anew, the nearest rivals with their pull measured."""
    near = [c for c in found if c.error < NEAR * found[0].error][:RIVALS]
    halves = (*found[0].draft.encoder, *found[0].draft.decoder)
    weights = sum(t.numel() for spot in halves for t in spot.weights.values())
    if len(near) < 2 or weights > MOST_PULLED:
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
        if sizes_of(model).nbytes * len(x) / PARTS > MOST_KEPT:
            return found
        value = pull(model, x, factor, shift, torch.Generator().manual_seed(0))
        measured.append(replace(candidate, pull=value))
    if len(measured) < len(near):
        return found
    return sorted(measured, key=lambda c: c.weighed) + found[len(near) :]


def settle(
    found: list[Candidate],
    contents: Contents,
    data: Dataset,
    chosen: int,
    ranges: dict[str, tuple[float, float]] | None = None,
) -> Reading:
    """The reading that takes one of the ranked candidates. ranges: of `ranges_of`, where known."""
    ranges = ranges or ranges_of(data)
    kept = found[:12]
    candidate = kept[min(chosen, len(kept) - 1)]
    model = model_of(candidate, data, ranges)
    x = data.test.batch(slice(0, TRIED))
    blank = float((x - data.train.batch(slice(0, 5000)).mean(0)).square().mean())
    margin, doubts = _doubts(kept, ranges, x, blank)
    used = candidate.draft.used
    unused = tuple(n for n in contents.tensors if n not in used)
    return Reading(
        model,
        tuple(kept),
        chosen,
        margin,
        not doubts and chosen == 0 and not unused,
        tuple(doubts),
        unused,
        len(contents.tensors),
        names_contradict(candidate.draft, candidate.choice),
        blank,
    )


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
        if ours is not None and theirs is not None and float((ours - theirs).abs().max()) < 1e-5:
            continue  # another way to say the same
        share = rival.error / max(best.error, 1e-12) - 1
        difference = rival.errors - best.errors
        spread = float(difference.std()) / len(difference) ** 0.5
        sigmas = float(difference.mean()) / max(spread, 1e-12)
        margin = min(margin, share)
        pulls = best.pull, rival.pull
        calmer = pulls[0] is not None and pulls[1] is not None and pulls[1] < 0.98 * pulls[0]
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
