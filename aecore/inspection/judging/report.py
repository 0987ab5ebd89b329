"""The check-up of a model: everything that is looked at, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from aecore.datasets import Dataset, Split
from aecore.datasets.titles import title_of
from aecore.errors import DatasetError
from aecore.evaluation.beside import pca_beside
from aecore.evaluation.metrics import denoised_errors, entropy_floor
from aecore.figures.examples import Frame, frame_of
from aecore.inspection.judging import quality
from aecore.inspection.judging.about import about_of
from aecore.inspection.judging.cost import cost_figures
from aecore.inspection.judging.drawn import dimension_rows, drawn_arrays, layer_rows
from aecore.inspection.judging.findings import Figure, Finding, worst_first
from aecore.inspection.judging.generation import (
    DRAWN,
    generate,
    generation_figures,
    generation_findings,
)
from aecore.inspection.judging.memorisation import hardness, memory, memory_findings
from aecore.inspection.judging.misread import TRIED, misread
from aecore.inspection.judging.noisy import HOW, LOOKED_AT, denoiser_finding, from_noisy
from aecore.inspection.judging.own_terms import output_sigmoid
from aecore.inspection.judging.passes import (
    ASIDE,
    HELD_OUT_BUDGET,
    TRAINING_BUDGET,
    Look,
    chosen,
    look,
    most_within,
    work,
)
from aecore.inspection.judging.posterior_checks import code_figures, code_findings, code_of
from aecore.inspection.judging.standing import (
    Standing,
    not_understood,
    of_a_decoder,
    other_data,
)
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

_A_CODE = 6  # arrays of codes that a report computes with, both splits and their maps
WATCHED = 2000  # held-out examples on which units are followed
Progress = Callable[[float, str], None]

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
    how examples are drawn. understood, sure: how the network is known, see Standing.
    """

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    about: dict[str, Any]
    dimensions: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    frame: Frame = field(default_factory=lambda: Frame("image"), repr=False)
    class_names: tuple[str, ...] = ()
    understood: bool = True
    sure: bool = True

    @property
    def level(self) -> str:
        """The verdict: the worst level there is, "good" where nothing is wrong."""
        if not self.understood and not self.of("broken"):
            return "not understood"
        return next((x for x in ("broken", "worrying") if self.of(x)), "good")

    def of(self, level: str) -> tuple[Finding, ...]:
        """The findings of one level."""
        return tuple(f for f in self.findings if f.level == level)

    def verdict(self) -> tuple[tuple[str, str], ...]:
        """Three lines, (level, sentence): what is broken, what worries, what is good. Of a network
        that is not understood only what is certain: "not understood", and "broken" if anything."""
        lines = NOTHING if self.understood else {"not understood": "", "broken": ""}
        said = {level: "; ".join(f.title for f in self.of(level)) for level in lines}
        said |= {x: self.of(x)[0].title for x in said.keys() & {"not understood"} if self.of(x)}
        return tuple(
            (level, f"{said[level]}." if said[level] else none)
            for level, none in lines.items()
            if said[level] or none
        )

    def figure(self, key: str) -> float | None:
        """One figure's value by its key, None where it was not measured."""
        return next((f.value for f in self.figures if f.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays as plain JSON values; what is no number becomes None."""
        return json_ready(
            {
                "level": self.level,
                "understood": self.understood,
                "sure": self.sure,
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
    standing: Standing | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Look at a model with a dataset from all sides.

    given: findings from reading the file, which join the verdict. standing: how its network is
    known; where it is not understood the weights alone are looked at. seed: of all draws (one z
    sample an example, samples of the prior). progress(share, what) is called now and then. Raises
    DatasetError where the data have another shape than the model takes.
    """
    tell = progress or (lambda share, what: None)
    if model.spec.data.shape != data.spec.shape:
        raise DatasetError(
            f"The model takes examples of shape {model.spec.data.shape}, and those of "
            f"{title_of(data.name)} have shape {data.spec.shape}; choose other data."
        )
    if len(data.test) < 2 or len(data.train) < 2:
        raise DatasetError(
            f"A check-up needs two training and two held-out examples; "
            f"{title_of(data.name)} has "
            f"{len(data.train)} and {len(data.test)}."
        )
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            known = standing or Standing()
            report = _examine(model, data, list(given), known, seed, tell)
            found, figures = report.findings, report.figures
            if not model.encodes:
                found = of_a_decoder(found)
                figures = tuple(f for f in figures if f.group in ("Generation", "Cost"))
            return replace(
                report,
                findings=worst_first(known.believable(found)),
                figures=figures,
                understood=known.understood,
                sure=known.sure and known.understood,
            )
    finally:
        model.train(training)


def _examine(
    model: LatentModel,
    data: Dataset,
    given: list[Finding],
    standing: Standing,
    seed: int,
    tell: Progress,
) -> Report:
    tell(0.0, "looking at the weights")
    broken = not_numbers(model)
    macs = None if broken else multiply_adds(model)
    about = about_of(model, data, seed)
    given += other_data(standing, about["data_title"])
    if not standing.understood:
        given += not_understood(standing, about["data_title"])
    if broken:
        figures = tuple(cost_figures(model, data.test, None))
        return Report((*given, *broken), figures, about, frame=frame_of(data))
    states = layer_states(model)
    found = [*given, *untouched(states, model), *oversized(states)]
    if not standing.understood:
        tell(1.0, "done")
        return Report(
            tuple(found),
            tuple(cost_figures(model, data.test, macs)),
            about,
            layers=layer_rows(states, []),
            frame=frame_of(data),
        )

    each = work(model, macs)
    held = max(data.spec.size, _A_CODE * model.spec.latent_dim)  # values of an example that stay
    test_index = chosen(len(data.test), held, each, HELD_OUT_BUDGET)
    train_index = chosen(len(data.train), held, each, TRAINING_BUDGET)
    about |= {"held_out_looked_at": len(test_index), "training_looked_at": len(train_index)}
    doing = f"reconstructing {len(test_index):,} held-out examples"
    test = look(model, data.test, test_index, seed, lambda s: tell(0.05 + 0.14 * s, doing))
    bad = test.outputs.not_numbers
    if bad or not np.isfinite(test.mse).all() or not np.isfinite(test.mu).all():
        found.append(_no_numbers(test, bad))
        figures = tuple(cost_figures(model, data.test, macs))
        return Report(
            tuple(found),
            figures,
            about,
            layers=layer_rows(states, []),
            frame=frame_of(data),
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
    aside = most_within(WATCHED, each, ASIDE)
    units = watch_units(model, data.test, test_index[:aside])
    tell(0.7, "fitting PCA beside it")
    k = pca_beside(model, test.mu).k
    basis = basis_of(data, k)
    whole = len(test_index) == len(data.test)
    bounded = test.reconstruction is not None
    held_out = data.test if whole else Split(data.test.x[torch.from_numpy(test_index)])
    floor = entropy_floor(held_out) if bounded and not test.own_shape else None
    denoised = denoised_errors(model, basis, held_out, k, seed) if model.denoises else None
    looked_at = most_within(LOOKED_AT, 2 * each, ASIDE)
    noisy = from_noisy(model, data, basis, k, seed, looked_at) if standing.foreign else None
    how = quality.AS_TRAINED
    if noisy is not None and noisy.denoises(bool(standing.denoises)):
        found.append(denoiser_finding(noisy, standing.denoises))
        denoised, how = (noisy.ours, noisy.pca), HOW
    tell(0.8, "reading the code")
    code = code_of(test)
    figures = [
        *quality.quality_figures(test, train, basis, k, data.spec.size),
        *([] if denoised is None else quality.denoising_figures(*denoised, k, how)),
        *code_figures(code, test, floor),
    ]
    tell(0.85, "generating")
    generated = generate(model, data, test, code.order, seed, most_within(DRAWN, each, ASIDE))
    figures += generation_figures(generated)
    tell(0.92, "measuring time")
    figures += cost_figures(model, data.test, macs)

    linear = len(states) == 2 and not units and output_sigmoid(model) is None
    names = {f.name for f in found}
    mean, std = moments(data.train.first(10_000))
    tried = most_within(TRIED, 12 * each, ASIDE)  # each of them under a dozen readings
    found += [f for f in misread(model, data.test, mean, std, tried) if f.name not in names]
    used = code.used if model.variational else None
    found += quality.quality_findings(model, test, basis, k, linear, denoised, how, used)
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
        tuple(found),
        tuple(figures),
        about | {"samples_from": generated.source, "label_said": generated.label, "pca_k": k},
        dimension_rows(code, generated.change),
        layer_rows(states, units),
        drawn_arrays(model, data, test, train, basis, k, generated),
        frame_of(data),
        data.class_names,
    )


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
