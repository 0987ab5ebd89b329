"""What a reading is worth: whether it draws the data at all, and what rivals it leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from aecore.datasets import Dataset
from aecore.datasets.titles import title_of
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.candidates import Candidate, describe
from aecore.inspection.understanding.trials import Trials

SURE_MARGIN = 0.004  # the runner-up's error has to be larger by this share
SIGMAS = 4.0
# Weights that are this much calmer under a rival forbid to be sure; and how much of both witnesses
# together is enough, each by what is met where a reading is wrong.
CALMER, A_SHARE, A_RATIO, TOGETHER = 0.9, 0.003, 0.15, 1.5
# Share of the mean example's error below which a reading draws the data, and below which it does
# where that is so by many standard errors.
BETTER, LITTLE, CLEAR = 0.9, 0.995, 6.0
#: By what share the error of a more usual reading has to be larger. Dropout and other things that
#: end with training leave weights that a neighbour of the true curve suits a little better.
UNUSUAL_MARGIN = 0.15
#: Where a reading that hardly anybody would build draws so much better than the one that is taken,
#: neither is what was trained.
CONTRADICTED = -0.2
#: What draws the mean example: an error of at most so many times its own, and outputs whose
#: variance is at most this share of the data's.
COLLAPSED, STILL = 1.04, 0.02
PAIRED = 1000  # held-out examples on which the best is held against their mean
LOOKED = 200  # examples on which two readings are held against each other value by value
MOST_DOUBTS = 4


@dataclass(frozen=True)
class Worth:
    """understood: the best reading draws the data, or is one that draws only their mean.

    margin: by what share the nearest rival's error is larger. doubts: sentences about what the
    data do not decide. blank: the error of drawing nothing in particular, see `_of_nothing`.
    """

    understood: bool
    collapsed: bool
    margin: float
    doubts: tuple[str, ...]
    blank: float


def worth_of(kept: Sequence[Candidate], trials: Trials, data: Dataset) -> Worth:
    """What the first of the ranked candidates is worth. trials: on some held-out examples."""
    best = kept[0]
    x = data.test.batch(slice(0, min(len(best.errors), PAIRED)))
    mean = data.train.batch(slice(0, 5000)).mean(0)
    blanks = trials.unlike(mean[None]).expand(len(x)) if best.draft.alone else _of_nothing(x, mean)
    blank, error = float(blanks.mean()), float(best.errors[: len(x)].mean())
    of_mean = float((x - mean).square().mean())
    collapsed = not best.draft.alone and _draws_the_mean(best, trials, error, of_mean)
    a_little = error < LITTLE * blank and _sigmas(blanks - best.errors[: len(x)]) > CLEAR
    better = not collapsed and (error < BETTER * blank or a_little)
    margin, doubts, contradicted = float("inf"), [], False
    ours = trials.reconstruct(best.draft, best.choice)
    for rival in kept[1:]:
        theirs = trials.reconstruct(rival.draft, rival.choice)
        if _same(ours, theirs):
            continue  # another way to say the same
        n = min(len(rival.errors), len(best.errors))
        share = float(rival.errors[:n].mean() / best.errors[:n].mean().clamp(min=1e-12)) - 1
        margin = min(margin, share)
        contradicted |= share < CONTRADICTED
        sigmas = _sigmas(rival.errors[:n] - best.errors[:n])
        odd = best.rarity > rival.rarity and share < UNUSUAL_MARGIN
        if odd or not _decided(share, sigmas, _ratio(best, rival)):
            than = "its error is even smaller" if share < 0 else "its error is larger"
            doubts.append(
                f"Nearly as good, {than} by {abs(share):.2%}: {_difference(best, rival)}."
            )
    better = better and not contradicted
    return Worth(better or collapsed, collapsed, margin, tuple(doubts[:MOST_DOUBTS]), blank)


def _of_nothing(x: Tensor, mean: Tensor) -> Tensor:
    """Errors (n,) of drawing nothing in particular: the mean example (*shape), or of images each
    one's own mean colour, which tells more of photographs. The better of the two."""
    found = [(x - mean).square().flatten(1).mean(1)]
    if x.dim() == 4:
        found.append((x - x.mean((2, 3), keepdim=True)).square().flatten(1).mean(1))
    return min(found, key=lambda errors: float(errors.mean()))


def _ratio(best: Candidate, rival: Candidate) -> float | None:
    """How many times as strongly the weights are pulled away under a rival; None if not known."""
    if best.pull is None or rival.pull is None:
        return None
    return max(rival.pull, 1e-3) / max(best.pull, 1e-3)


def _decided(share: float, sigmas: float, ratio: float | None) -> bool:
    """Whether a rival whose error is larger by a share is worse beyond doubt.

    By its error alone, unless the weights are calmer under it; or by both together: neither is
    exact, as a trained network is not at rest, and errors are held out.
    """
    if sigmas < SIGMAS:
        return False
    if share >= SURE_MARGIN:
        return ratio is None or ratio > CALMER
    return ratio is not None and share / A_SHARE + math.log(ratio) / A_RATIO > TOGETHER


def _sigmas(difference: Tensor) -> float:
    """How many standard errors the mean of paired differences (n,) is above 0."""
    spread = float(difference.std()) / len(difference) ** 0.5
    return float(difference.mean()) / max(spread, 1e-12)


def _same(ours: Tensor | None, theirs: Tensor | None) -> bool:
    if ours is None or theirs is None:
        return False
    return float((ours - theirs).abs().max()) < 1e-5


def _draws_the_mean(best: Candidate, trials: Trials, error: float, blank: float) -> bool:
    """Whether its output hardly varies and is the mean example."""
    x_hat = trials.reconstruct(best.draft, best.choice)
    if x_hat is None or error > COLLAPSED * blank:
        return False
    return float(x_hat.var(0).sum()) < STILL * float(trials.x.var(0).sum())


def _difference(best: Candidate, rival: Candidate) -> str:
    ours, theirs = describe(best), describe(rival)
    words = [
        f"{key} {theirs.get(key, 'as before')} instead of {ours.get(key, 'none')}"
        for key in dict.fromkeys((*ours, *theirs))
        if ours.get(key) != theirs.get(key)
    ]
    return "; ".join(words) or "other strides, paddings or order of layers"


def open_points(
    best: Candidate, worth: Worth, tried: int, contents: Contents, data: Dataset
) -> tuple[str, ...]:
    """What is open where no reading draws the data, and what would settle it."""
    gaps = best.draft.gaps()
    words = [word for gap, word in _OPEN.items() if gap in gaps]
    if contents.operations is None:
        words += ["where the code is", "the order of the layers"]
    words += ["the range of the values", "the data that it was made for"]
    found = [
        f"{tried:,} readings were run on {len(best.errors):,} held-out examples of "
        f"{title_of(data.name)}: the best has a squared error of {best.error:.4f} a value, and "
        f"drawing only the mean example, or one colour, has {worth.blank:.4f}.",
        f"Open are {', '.join(words[:-1])} and {words[-1]}.",
    ]
    if contents.operations is None:
        found.append(
            "A file that says what it computes would settle the first: "
            "torch.onnx.export(model, (x,), 'model.onnx') for one example x."
        )
    found.append(
        "Choose the data that it was trained on, or describe the network by hand where its code "
        "is known."
    )
    return tuple(found)


_OPEN = {
    "encoder": "the activations",
    "code": "the curve of the code",
    "swapped": "which head is mu",
    "told_first": "where the label enters",
    "pool": "the pooling",
    "enlarge": "the kind of upsampling",
    "norm_after": "where the norms stand",
}
