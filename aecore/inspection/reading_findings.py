"""What reading a file tells of it, before its model is examined: findings for the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from aecore.datasets import Dataset
from aecore.evaluation.batches import batch_for
from aecore.inspection.files.contents import Contents
from aecore.inspection.judging.findings import Finding
from aecore.inspection.understanding.architecture import weight_without
from aecore.inspection.understanding.candidates import describe
from aecore.inspection.understanding.parts import parts_of
from aecore.inspection.understanding.understand import Reading
from aecore.models import LatentModel

_UNREACHED = {"sigmoid": ("[-1, 1]", "mean 0, deviation 1"), "tanh": ("mean 0, deviation 1",)}


def findings_of(reading: Reading, contents: Contents, data: Dataset) -> tuple[Finding, ...]:
    """What reading the file tells, before the model is examined."""
    best, found = reading.candidate, []
    names = best.draft.head_names
    if reading.swapped and not reading.collapsed:
        found.append(
            Finding(
                "broken",
                "swapped-heads",
                "mu and logvar are swapped",
                f"The layer called {names[0]!r} acts as logvar and {names[1]!r} as mu: read by "
                "their names, the network reconstructs much worse. It is read the way it "
                "works; whatever uses the names gets the wrong one.",
            )
        )
    found += _range_findings(reading, data)
    lonely = weight_without(list(reading.unused), contents)
    if lonely is not None:
        found.append(
            Finding(
                "broken",
                "missing-tensor",
                f"{lonely} is missing",
                "The file has its bias and not the weight; the network is read without it.",
            )
        )
    elif not reading.sure and (shared := weight_without(list(contents.tensors), contents)):
        found.append(
            Finding(
                "note",
                "missing-tensor",
                f"{shared} is missing, or is another layer's",
                "The file has its bias and not the weight; the network is read with another "
                "layer's weight in its place.",
            )
        )
    found += unused_tensors(reading.unused)
    found += _missing_biases(contents)
    words = "; ".join(f"{k} {v}" for k, v in describe(best).items())
    if reading.sure:
        margin = (
            "no other reading runs"
            if reading.margin == float("inf")
            else (f"the next best has an error larger by {reading.margin:.1%}")
        )
        found.append(
            Finding(
                "good",
                "reading-sure",
                "Its architecture is clear",
                f"Found from names, shapes and by trying: {words}; {margin}.",
            )
        )
    else:
        doubts = " ".join(reading.doubts[:2]) or "A reading that is not the best was chosen."
        found.append(
            Finding(
                "note",
                "reading-unsure",
                "Part of its architecture is a guess",
                f"The best reading: {words}. {doubts}",
            )
        )
    return tuple(found)


def _range_findings(reading: Reading, data: Dataset) -> list[Finding]:
    """Whether the network wants other values than pixels from 0 to 1, and can give them back."""
    c = reading.candidate.choice
    if c.given == "[0, 1]" and c.target == "[0, 1]":
        return []
    title, level = "It was trained on another range of values", "worrying"
    told = f"It expects values of {c.given}", "note"
    middle = _middle(reading.model, data) if c.output == "sigmoid" else 0.5
    if c.given in ("[0, 255]", "[0, 1/255]"):
        title, level = told
        why = "where pixels usually go from 0 to 1"
    elif c.target in _UNREACHED.get(c.output, ()):
        why = f"and its last curve, {c.output}, cannot give all of {c.target}"
    elif not 0.35 < middle < 0.65:
        why = (
            f"but its last curve is a sigmoid: where it gives about 0.5, pixels are {middle:.2f} "
            "on average, as if it had been asked for values that a sigmoid cannot give"
        )
    else:
        title, level = told
        why = "and gives pixels back" if c.target == "[0, 1]" else f"and gives {c.target} back"
    return [
        Finding(
            level,
            "wrong-range",
            title,
            f"It works best on values of {c.given}, {why}; tried beside other ranges on "
            "held-out examples. It gets what it expects here.",
        )
    ]


@torch.inference_mode()
def _middle(model: LatentModel, data: Dataset) -> float:
    """Mean of the held-out values where the model gives about a half: a half if it was trained on
    values from 0 to 1, as squared error and cross-entropy both ask for the mean."""
    x = data.test.batch(slice(0, batch_for(model)))
    x_hat = model.reconstruct(x)
    about = (x_hat > 0.4) & (x_hat < 0.6)
    return float(x[about].mean()) if int(about.sum()) >= 200 else 0.5


def unused_tensors(names: Sequence[str]) -> tuple[Finding, ...]:
    """A finding where tensors of the file stand nowhere in the network."""
    if not names:
        return ()
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (
        Finding(
            "note",
            "unused-tensors",
            f"{len(names)} of its tensors are not used",
            f"{', '.join(names[:4])}{more} stand nowhere in the network as it is read here.",
        ),
    )


def _missing_biases(contents: Contents) -> list[Finding]:
    parts, _ = parts_of(contents.tensors, contents.ordered)
    usual = [p for p in parts if p.norm is None]
    without = [p.name for p in usual if "bias" not in p.names]
    if not without or 3 * len(without) > len(usual):
        return []
    return [
        Finding(
            "note",
            "missing-tensor",
            f"{without[0]} has no bias",
            f"{len(usual) - len(without)} of {len(usual)} layers have one; either it was made "
            "so, or a tensor of the file is missing.",
        )
    ]


def not_numbers(contents: Contents) -> dict[str, int]:
    """How many values of a tensor are NaN or infinite, by its name."""
    counts = {n: int((~torch.isfinite(t)).sum()) for n, t in contents.tensors.items()}
    return {n: c for n, c in counts.items() if c}


def hole_finding(holes: dict[str, int], tensors: int) -> Finding:
    """What `not_numbers` found, in a file of so many tensors."""
    return Finding(
        "broken",
        "not-a-number",
        "Some of its weights are not numbers",
        f"{sum(holes.values()):,} values in {len(holes)} of {tensors} tensors are NaN or infinite, "
        f"first in {next(iter(holes))}. They are read as zeros here, to show what is left; use an "
        "earlier file of the run, which diverged.",
    )
