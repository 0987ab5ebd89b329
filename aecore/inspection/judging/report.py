"""The check-up of a model: everything that is looked at, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from aecore.datasets import Dataset, Split
from aecore.datasets.own.store import FAMILY
from aecore.errors import DatasetError
from aecore.evaluation.beside import pca_beside
from aecore.evaluation.metrics import denoised_errors, entropy_floor
from aecore.figures.examples import Frame, frame_of
from aecore.inspection.judging import quality
from aecore.inspection.judging.cost import cost_figures
from aecore.inspection.judging.drawn import dimension_rows, drawn_arrays, layer_rows
from aecore.inspection.judging.findings import Figure, Finding, worst_first
from aecore.inspection.judging.generation import generate, generation_figures, generation_findings
from aecore.inspection.judging.memorisation import hardness, memory, memory_findings
from aecore.inspection.judging.misread import misread
from aecore.inspection.judging.passes import (
    HELD_OUT_BUDGET,
    TRAINING_BUDGET,
    Look,
    chosen,
    look,
    output_sigmoid,
    work,
)
from aecore.inspection.judging.posterior_checks import code_figures, code_findings, code_of
from aecore.inspection.judging.units import unit_findings, watch_units
from aecore.inspection.judging.untouched import (
    layer_states,
    not_numbers,
    oversized,
    untouched,
)
from aecore.inspection.understanding.understand import moments
from aecore.models import LatentModel
from aecore.models.families.pca import basis_of
from aecore.models.layers.tracing import multiply_adds
from aecore.writing import json_ready

WATCHED = 2000  # held-out examples on which units are followed
Progress = Callable[[float, str], None]
OWN_DATA = "own data"  # in place of a name that opens somebody's data

NOTHING = {
    "broken": "Nothing is broken.",
    "worrying": "Nothing worries.",
    "good": "Nothing could be said in its favour.",
}


@dataclass(frozen=True)
class Report:
    """What a check-up found.

    findings: worst first. figures: numbers with units. about: what was looked at. dimensions: one
    entry a latent dimension, most informative first. layers: one entry a layer. arrays: examples,
    reconstructions, map points and so on, by name; empty where nothing could be computed. frame:
    how examples are drawn.
    """

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    about: dict[str, Any]
    dimensions: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    frame: Frame = field(default_factory=lambda: Frame("image"), repr=False)
    class_names: tuple[str, ...] = ()

    @property
    def level(self) -> str:
        """The verdict: the worst level there is, "good" where nothing is wrong."""
        return next((x for x in ("broken", "worrying") if self.of(x)), "good")

    def of(self, level: str) -> tuple[Finding, ...]:
        """The findings of one level."""
        return tuple(f for f in self.findings if f.level == level)

    def verdict(self) -> tuple[tuple[str, str], ...]:
        """Three lines, (level, sentence): what is broken, what worries, what is good."""
        return tuple(
            (level, "; ".join(f.title for f in self.of(level)) + "." if self.of(level) else none)
            for level, none in NOTHING.items()
        )

    def figure(self, key: str) -> float | None:
        """One figure's value by its key, None where it was not measured."""
        return next((f.value for f in self.figures if f.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays as plain JSON values; what is no number becomes None."""
        return json_ready(
            {
                "level": self.level,
                "verdict": dict(self.verdict()),
                "findings": [vars(f) for f in self.findings],
                "figures": [vars(f) for f in self.figures],
                "about": self.about,
                "dimensions": list(self.dimensions),
                "layers": list(self.layers),
            }
        )


def examine(
    model: LatentModel,
    data: Dataset,
    *,
    given: Sequence[Finding] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Look at a model with a dataset from all sides.

    given: findings from reading the file, which join the verdict. seed: of all draws (one z sample
    an example, samples of the prior). progress(share, what) is called now and then. Raises
    DatasetError where the data have another shape than the model takes.
    """
    tell = progress or (lambda share, what: None)
    if model.spec.data.shape != data.spec.shape:
        raise DatasetError(
            f"The model takes examples of shape {model.spec.data.shape}, and those of {data.name} "
            f"have shape {data.spec.shape}; choose other data."
        )
    if len(data.test) < 2 or len(data.train) < 2:
        raise DatasetError(
            f"A check-up needs two training and two held-out examples; {data.name} has "
            f"{len(data.train)} and {len(data.test)}."
        )
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return _examine(model, data, list(given), seed, tell)
    finally:
        model.train(training)


def _examine(model, data: Dataset, given: list[Finding], seed: int, tell: Progress) -> Report:
    tell(0.0, "looking at the weights")
    broken = not_numbers(model)
    macs = None if broken else multiply_adds(model)
    about = _about(model, data, seed)
    if broken:
        figures = tuple(cost_figures(model, data.test, None))
        return Report(worst_first([*given, *broken]), figures, about, frame=frame_of(data))
    states = layer_states(model)
    found = [*given, *untouched(states, model), *oversized(states)]

    each = work(model, macs)
    test_index = chosen(len(data.test), data.spec.size, each, HELD_OUT_BUDGET)
    train_index = chosen(len(data.train), data.spec.size, each, TRAINING_BUDGET)
    about |= {"held_out_looked_at": len(test_index), "training_looked_at": len(train_index)}
    doing = f"reconstructing {len(test_index):,} held-out examples"
    test = look(model, data.test, test_index, seed, lambda s: tell(0.05 + 0.14 * s, doing))
    bad = test.outputs.not_numbers
    if bad or not np.isfinite(test.mse).all() or not np.isfinite(test.mu).all():
        found.append(_no_numbers(test, bad))
        figures = tuple(cost_figures(model, data.test, macs))
        return Report(
            worst_first(found), figures, about, layers=layer_rows(states, []), frame=frame_of(data)
        )
    then = f"reconstructing {len(train_index):,} training examples"
    train = look(
        model,
        data.train,
        train_index,
        seed,
        lambda s: tell(0.2 + 0.39 * s, then),
        closely=False,
    )
    tell(0.6, "following the units inside")
    units = watch_units(model, data.test, test_index[:WATCHED])
    tell(0.7, "fitting PCA beside it")
    k = pca_beside(model, test.mu).k
    basis = basis_of(data, k)
    whole = len(test_index) == len(data.test)
    bounded = test.reconstruction is not None
    held_out = data.test if whole else Split(data.test.x[torch.from_numpy(test_index)])
    floor = entropy_floor(held_out) if bounded else None
    denoised = denoised_errors(model, basis, held_out, k, seed) if model.denoises else None
    tell(0.8, "reading the code")
    code = code_of(test)
    figures = [
        *quality.quality_figures(test, train, basis, k, data.spec.size),
        *([] if denoised is None else quality.denoising_figures(*denoised, k)),
        *code_figures(code, test, floor),
    ]
    tell(0.85, "generating")
    generated = generate(model, data, test, code.order, seed)
    figures += generation_figures(generated)
    tell(0.92, "measuring time")
    figures += cost_figures(model, data.test, macs)

    linear = len(states) == 2 and not units and output_sigmoid(model) is None
    names = {f.name for f in found}
    mean, std = moments(data.train.first(10_000))
    found += [f for f in misread(model, data.test, mean, std) if f.name not in names]
    found += quality.quality_findings(model, test, basis, k, linear, denoised)
    found += code_findings(code, test)
    found += memory_findings(
        memory(
            train.mse,
            train_index,
            len(data.train),
            test.mse,
            hardness(data.train, train_index, basis, k, data.spec.classes),
            hardness(data.test, test_index, basis, k, data.spec.classes),
        )
    )
    found += unit_findings(units)
    found += generation_findings(generated, model.variational)
    banded = {f.key.removeprefix("test_"): f.value for f in figures if f.value is not None}
    banded = {key: value for key, value in banded.items() if key in ("mse", "nelbo")}
    found += quality.band_findings(model, data, banded)
    if any(f.name == "no-better-than-mean" for f in found):
        # As bad on what it has not seen, and near the mean of all data: no praise.
        found = [f for f in found if f.name not in ("generalises", "samples-near")]
    tell(1.0, "done")
    return Report(
        worst_first(found),
        tuple(figures),
        about | {"samples_from": generated.source, "label_said": generated.label, "pca_k": k},
        dimension_rows(code, generated.change),
        layer_rows(states, units),
        drawn_arrays(model, data, test, train, basis, k, generated),
        frame_of(data),
        data.class_names,
    )


def _about(model: LatentModel, data: Dataset, seed: int) -> dict[str, Any]:
    return {
        "family": model.spec.family,
        "title": type(model).title,
        "variational": model.variational,
        "shape": list(data.spec.shape),
        "latent_dim": model.spec.latent_dim,
        "dataset": OWN_DATA if data.name.startswith(FAMILY.prefix) else data.name,
        "fingerprint": data.fingerprint,
        "training_examples": len(data.train),
        "held_out_examples": len(data.test),
        "kind": data.spec.kind,
        "seed": seed,
    }


def _no_numbers(test: Look, bad: int) -> Finding:
    where = "codes" if not np.isfinite(test.mu).all() else "outputs"
    count = int((~np.isfinite(test.mu)).sum()) if where == "codes" else bad
    return Finding(
        "broken",
        "not-a-number",
        f"Its {where} are not numbers",
        f"{count:,} values of the {where} for {len(test.mse):,} held-out examples are NaN or "
        "infinite though all weights are finite: something overflows on the way.",
    )
