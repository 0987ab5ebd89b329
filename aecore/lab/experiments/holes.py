"""Holes: where codes on a plane are, where they are not, and what is drawn there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.datasets import Dataset
from aecore.evaluation.latent import Codes, decode_array, encode_split
from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.examples import kind_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.holes_told import HOLE_LINE, HOLES_CHART, Told
from aecore.lab.judge import Judge
from aecore.lab.new_ones import Bench, in_bytes, pair_of, with_judge
from aecore.lab.outcome import Band, Outcome
from aecore.lab.plane import Plane, cycle_error, kl_of_gaussian, kl_of_mixture
from aecore.lab.predicting import Prediction
from aecore.lab.training import trained
from aecore.models import LatentModel
from aecore.models.presets import preset
from aecore.training.events import EpochDone, StepDone
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig

PRESET = "vae-plane"
AE, WIDE = "ae", "wide"
ON_MAP = 400  # held-out codes on a plane
GRID = 15  # pictures along each side of the box
DRAWN = 2_000  # points whose drawings are judged, in holes and among codes each
TRAINED = 0.6  # share of a task that the training counts as
RATE = 3e-3  # at the top of a training that is over in some seconds


@dataclass(frozen=True)
class HolesOptions:
    """Which prices are tried."""

    betas: tuple[int, ...] = dataclasses.field(
        default=(0, 10, 50, 100, 400),
        metadata={
            "label": "Price of information, beta (%)",
            "range": (0, 10_000),
            "most": 8,
            "item": "percentage",
            "help": "A VAE is trained for each; 100 is beta 1, the VAE as it was invented.",
        },
    )
    epochs: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Epochs",
            "range": (1, 50),
            "help": "How long each is trained; of few examples in proportion more.",
        },
    )
    seed: int = seed_option(1)


class Holes(Experiment):
    """An autoencoder beside VAEs on a plane."""

    name: ClassVar[str] = "holes"
    title: ClassVar[str] = "Holes"
    question: ClassVar[str] = "What does a decoder draw where no code has ever been?"
    claim: ClassVar[str] = (
        "On a plane two fifths of the box around the codes are empty, of a plain autoencoder as of "
        "a VAE. A higher price on information, beta, draws all codes to N(0, I), leaves fewer "
        "holes at last, and makes drawings vaguer. What shows a hole is the way back: what is "
        "decoded there and encoded again comes out somewhere else."
    )
    surprise: ClassVar[str] = (
        "A classifier is surer of what is drawn in holes than of what is drawn from codes: "
        "confidence is no sign that anything like it was ever seen."
    )
    icon: ClassVar[str] = ":material/blur_on:"
    place: ClassVar[float] = 6
    Options: ClassVar[type] = HolesOptions
    dial: ClassVar[str] = "beta-dial"

    def why_not(self, about: About) -> str:
        return about.too_small

    def seconds(self, options: HolesOptions) -> float:
        return 25 + (3 * options.epochs + 4) * (1 + len(set(options.betas)))

    def tasks(self, options: HolesOptions, about: About) -> list[Task]:
        each = 4.0 + 3 * options.epochs
        # The autoencoder and the VAE as it was invented first: between them is the question.
        betas = sorted(set(options.betas), key=lambda beta: (beta != 100, beta))
        tasks = [Task(AE, {}, options.seed, each)]
        tasks += [Task(f"beta-{b}", {"beta": b}, options.seed, each) for b in betas]
        return [*tasks, Task(WIDE, {}, options.seed, 8.0)]

    def work(
        self, task: Task, options: HolesOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        data = subject.data
        assert data is not None
        found: dict[str, Any] = {}
        if task.name == WIDE:
            judge = yield from with_judge(found, data, task.seed, control)
            yield from _wide(judge, data, options, task.seed, control)
            return
        model = yield from _trained(task, options, data, control, found)
        yield from _looked_at(model, data, task.seed, control, found)

    def tell(self, options: HolesOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        return Told(about, sorted(set(options.betas)), done).outcome()

    def bands(self, options: HolesOptions, about: About) -> dict[str, Band]:
        usual = options.epochs == HolesOptions.epochs
        return dict(_BANDS) if about.dataset == "mnist" and usual else {}

    def asks(self, options: HolesOptions, about: About) -> Prediction | None:
        betas = sorted(set(options.betas))
        names = ("no price (AE)", *(f"beta {b / 100:g}" for b in betas))
        return Prediction(
            "bars",
            "How much of the box around the codes is empty, for an autoencoder and for VAEs with "
            "higher and higher beta?",
            HOLES_CHART,
            Axis("empty", "% of the box", span=(0.0, 100.0)),
            HOLE_LINE,
            tuple(map(float, range(len(names)))),
            Axis("model"),
            names,
        )

    def quick(self) -> HolesOptions:
        return HolesOptions(betas=(0, 100), epochs=1)

    def sketch(self) -> Chart:
        angles = np.linspace(0, 2 * math.pi, 26, endpoint=False)
        far = 0.75 + 0.3 * np.sin(5 * angles)
        ring = Line("", tuple(far * np.cos(angles)), tuple(far * np.sin(angles)), joined=False)
        axis = Axis("", span=(-1.2, 1.2))
        ask = Line("", (0.0,), (0.0,), "pca", joined=False)
        return Chart("sketch", self.title, axis, axis, (ring, ask), "plane")


# Measured on MNIST: with beta 1 by seeds, with sixteen numbers of the models that ship.
_BANDS: dict[str, Band] = {
    "beta_100_empty": (33.0, 58.0),
    "beta_100_holes_sure": (70.0, 95.0),
    "beta_100_cells_sure": (55.0, 78.0),
    "wide_ae_cycle_codes": (0.08, 0.2),
    "wide_vae_cycle_codes": (0.08, 0.2),
    "wide_ae_cycle_box": (0.9, 1.4),
    "wide_vae_cycle_box": (0.9, 1.4),
}


def _spec(task: Task, data: DataSpec) -> ModelSpec:
    """The VAE on a plane, or an autoencoder with its layers and its loss."""
    spec = preset(PRESET).spec(data)
    return spec if task.name != AE else dataclasses.replace(spec, family="dense-ae")


def _config(task: Task, options: HolesOptions, examples: int) -> TrainConfig:
    one = preset(PRESET)
    config = one.training(examples)
    # Few examples make few steps an epoch: then there are more of them, as the preset has it.
    epochs = math.ceil(config.epochs * options.epochs / one.config.epochs)
    return dataclasses.replace(
        config,
        epochs=epochs,
        learning_rate=RATE,
        schedule="one-cycle",
        beta=task.values.get("beta", 0) / 100,
        seed=task.seed,
        device="cpu",
    )


def _trained(
    task: Task, options: HolesOptions, data: Dataset, control: LabControl, found: dict[str, Any]
) -> Iterator[Look]:
    """A model trained, with looks at its plane meanwhile; returns it."""
    spec, config = _spec(task, data.spec), _config(task, options, len(data.train))
    state = TrainState.fresh(spec, task.seed)
    steps = config.epochs * math.ceil(len(data.train) / config.batch_size)
    for event in trained(spec, config, data, control, state, looks=True):
        if isinstance(event, EpochDone):
            found["mse"] = event.metrics["mse"]
            found["rate"] = event.metrics.get("kl", 0.0)
        if isinstance(event, StepDone | EpochDone) and event.probe is not None:
            probe = event.probe
            found |= {"moving": probe.latent_map[:ON_MAP], "looked_mse": probe.heldout_mse}
            box = Plane.of(probe.latent_map)
            # Which of it is empty cannot be told from so few.
            found |= _drawn(state.model, box, data) | {"holes": np.zeros((GRID, GRID), bool)}
            yield Look(dict(found), min(0.99, event.step / steps) * TRAINED)
    del found["moving"], found["looked_mse"]
    return state.model


def _looked_at(
    model: LatentModel, data: Dataset, seed: int, control: LabControl, found: dict[str, Any]
) -> Iterator[Look]:
    """Its plane, its holes, and what is drawn there."""
    codes, held_out = encode_split(model, data.train), encode_split(model, data.test)
    rng = np.random.default_rng([seed, 7])
    plane = Plane.of(codes.mu)
    rows = data.test.some_rows(ON_MAP)
    found |= {"empty": plane.empty, "cells": plane.side, "codes": held_out.mu[rows]}
    found |= {"box": np.stack([plane.low, plane.high]), "there": plane.there}
    if data.test.labels is not None:
        found["labels"] = data.test.labels.numpy()[rows]
    prior = rng.standard_normal((DRAWN, 2)).astype(np.float32)
    found["prior_in_holes"] = 100 * float(plane.hole_at(prior).mean())
    found["kl_gaussian"] = kl_of_gaussian(codes.mu, codes.logvar)
    if codes.logvar is not None:
        found["kl_mixture"] = kl_of_mixture(codes.mu, codes.logvar, rng)
    found |= _drawn(model, plane, data)
    yield Look(dict(found), TRAINED + 0.05)
    judge = yield from _after(with_judge(found, data, seed, control), TRAINED + 0.05, 0.95)
    found |= _judged(model, plane, codes, held_out, judge, rng)
    yield Look(dict(found))


def _after(looks: Any, low: float, high: float) -> Iterator[Look]:
    """The same looks, their shares between two others; returns what they end with."""
    while True:
        try:
            look = next(looks)
        except StopIteration as end:
            return end.value
        yield Look(look.values, low + (high - low) * look.share)


def _drawn(model: LatentModel, plane: Plane, data: Dataset) -> dict[str, Any]:
    """What the box looks like decoded, (GRID, GRID, *shape) uint8, and where that is a hole."""
    points = plane.grid(GRID)
    found: dict[str, Any] = {"holes": plane.hole_at(points).reshape(GRID, GRID)}
    if kind_of(data.spec) == "image":
        x = in_bytes(decode_array(model, points))
        found["drawn"] = x.reshape(GRID, GRID, *x.shape[1:])
    return found


def _judged(
    model: LatentModel,
    plane: Plane,
    codes: Codes,
    held_out: Codes,
    judge: Judge,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Confidence, and whether codes come back, in holes and among codes."""
    spread = codes.mu.std(0)
    places = {"holes": plane.drawn(DRAWN, True, rng), "cells": plane.drawn(DRAWN, False, rng)}
    places |= {"codes": held_out.mu[:DRAWN]}
    found: dict[str, Any] = {}
    for name, z in places.items():
        if len(z):
            found[f"{name}_cycle"] = cycle_error(model, z, spread)
            if judge.reads:
                found[f"{name}_sure"] = judge.see(decode_array(model, z)).sure
    return found


def _wide(
    judge: Judge, data: Dataset, options: HolesOptions, seed: int, control: LabControl
) -> Iterator[Look]:
    """The same of codes with more numbers, evenly drawn from the box around them."""
    found: dict[str, Any] = {}
    for i, (name, one) in enumerate(zip(("ae", "vae"), pair_of(data.spec), strict=True)):
        bench = Bench(data, one, options.epochs, seed, control)
        codes, rng = bench.train, np.random.default_rng([seed, 8])
        low, high = codes.min(0), codes.max(0)
        box = (low + (high - low) * rng.random((DRAWN, bench.k))).astype(np.float32)
        spread = codes.std(0)
        found[f"wide_{name}_k"] = bench.k
        for place, z in (("codes", bench.held_out[:DRAWN]), ("box", box)):
            found[f"wide_{name}_cycle_{place}"] = cycle_error(bench.model, z, spread)
            if judge.reads:
                found[f"wide_{name}_sure_{place}"] = judge.see(bench.drawn(z)).sure
        yield Look(dict(found), (i + 1) / 2)
