"""Superposition: five features in two numbers, as rare as one likes (Elhage et al. 2022)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from aecore.figures.chart import Axis, Chart, Line, Table
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction

FEATURES, NUMBERS = 5, 2
COPIES = 64  # trained at once, from different weights: a single one often sticks
IMPORTANCE = 0.9  # of each feature, beside the one before
BATCH, RATE, START = 256, 0.03, 0.3
JUDGED = 2000  # examples on which the loss is measured
KEPT = 0.5  # a feature whose arrow is at least so long is told apart from nothing
PENTAGON = 10.0  # degrees by which the angles between neighbours may differ from 72
LOOKS = 40  # of a run, at which the arrows are noted
_GIVE_WAY = 10  # steps


@dataclass(frozen=True)
class SuperpositionOptions:
    """How rare the features are, and how long it is trained."""

    sparsities: tuple[int, ...] = dataclasses.field(
        default=(0, 70, 90, 97, 99),
        metadata={
            "label": "How often a feature is absent (%)",
            "range": (0, 99),
            "item": "percentage",
            "help": "Each is tried by itself, with 64 copies.",
        },
    )
    steps: int = dataclasses.field(
        default=3000,
        metadata={"label": "Steps", "range": (100, 20_000), "help": "Of Adam, 256 examples each."},
    )
    seed: int = seed_option(1)


class Superposition(Experiment):
    """Features that are seldom there together share the room that there is."""

    name: ClassVar[str] = "superposition"
    title: ClassVar[str] = "More features than numbers"
    question: ClassVar[str] = "How many of five features can a code of two numbers keep?"
    claim: ClassVar[str] = (
        "Two, while all features are there at once; as they become rare a code of two numbers "
        "keeps four at right angles, then all five as a pentagon, and pays with a little noise."
    )
    surprise: ClassVar[str] = "Two numbers hold five things, if the things seldom come together."
    icon: ClassVar[str] = ":material/hive:"
    place: ClassVar[float] = 8
    uses: ClassVar[Any] = "nothing"
    Options: ClassVar[type] = SuperpositionOptions

    def seconds(self, options: SuperpositionOptions) -> float:
        return 1.7e-3 * options.steps * len(set(options.sparsities))

    def tasks(self, options: SuperpositionOptions, about: About) -> list[Task]:
        every = sorted(set(options.sparsities))
        return [Task(str(s), {"sparsity": s}, options.seed) for s in every]

    def work(
        self, task: Task, options: SuperpositionOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        generator = torch.Generator().manual_seed(task.seed * 101 + task.values["sparsity"])
        present = 1 - task.values["sparsity"] / 100
        toys = _Toys(generator, present, options.steps)
        looks: list[np.ndarray] = []
        every = max(1, options.steps // LOOKS)
        for step in range(options.steps):
            if step % _GIVE_WAY == 0:
                control.give_way()
            if step % every == 0:
                looks.append(toys.arrows())
                yield Look(_found(toys, looks), step / options.steps)
            toys.step(step)
        looks.append(toys.arrows())
        yield Look(_found(toys, looks))

    def tell(
        self, options: SuperpositionOptions, about: About, done: Mapping[str, Values]
    ) -> Outcome:
        every = sorted(set(options.sparsities))
        there = [s for s in every if str(s) in done]
        figures = [f for s in there for f in _figures(s, done[str(s)])]
        charts = [*(_plane(s, done[str(s)]) for s in there), _kept_chart(every, done)]
        table = Table(
            "by_sparsity",
            "By how often a feature is absent",
            {
                "absent (%)": there,
                f"features kept (mean of {COPIES} copies)": [
                    _mean_kept(done[str(s)]) for s in there
                ],
                f"pentagons (of {COPIES} copies)": [int(done[str(s)]["pentagons"]) for s in there],
                "loss over that of answering 0": [float(done[str(s)]["loss"]) for s in there],
            },
        )
        return Outcome(tuple(figures), tuple(charts), (), (table,), _says(every, done))

    def bands(self, options: SuperpositionOptions, about: About) -> dict[str, Band]:
        if options.steps != SuperpositionOptions.steps:
            return {}
        # Rarer than that, how many examples of a batch have a feature at all counts as well.
        measured = {0: 0.13, 70: 0.24, 90: 0.14}
        found = {f"loss_{s}": (0.85 * v - 0.01, 1.15 * v + 0.01) for s, v in measured.items()}
        return found | {"pentagons_90": (45.0, COPIES)}

    def asks(self, options: SuperpositionOptions, about: About) -> Prediction | None:
        every = sorted(set(options.sparsities))
        return Prediction(
            "bars",
            "How many of the five does it keep, when each is absent so often?",
            "kept",
            Axis(f"features kept, mean of {COPIES} copies", span=(0.0, float(FEATURES))),
            "kept",
            tuple(map(float, range(len(every)))),
            Axis("a feature is absent"),
            tuple(f"{s} %" for s in every),
        )

    def quick(self) -> SuperpositionOptions:
        return SuperpositionOptions(sparsities=(0, 90), steps=200)

    def sketch(self) -> Chart:
        spokes = tuple(
            Line("", (0.0, math.cos(a)), (0.0, math.sin(a)), i, marked=False)
            for i, a in enumerate((0.3, 1.1, 2.9, 3.6, 5.0))
        )
        axis = Axis("", span=(-1.2, 1.2))
        return Chart("sketch", self.title, axis, axis, spokes, "plane")


class _Toys:
    """COPIES of the toy model x_hat = ReLU(W Wᵀ x + b), trained side by side on the same examples.

    Gradients and Adam (Kingma and Ba 2015) are written out: the arrays are so small that a step of
    autograd takes three times as long.
    """

    def __init__(self, generator: torch.Generator, present: float, steps: int):
        self.generator, self.present, self.steps = generator, present, steps
        start = torch.randn(COPIES, FEATURES, NUMBERS, generator=generator) * START
        # The last row of each is the bias of every feature, so that all weights are one array.
        self.weights = torch.cat([start.flatten(1), torch.zeros(COPIES, FEATURES)], 1)
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.importance = IMPORTANCE ** torch.arange(FEATURES)

    @property
    def w(self) -> Tensor:
        """(COPIES, FEATURES, NUMBERS), in the memory of all weights."""
        return self.weights[:, : FEATURES * NUMBERS].view(COPIES, FEATURES, NUMBERS)

    @property
    def b(self) -> Tensor:
        """(COPIES, 1, FEATURES), in the memory of all weights."""
        return self.weights[:, None, FEATURES * NUMBERS :]

    def step(self, step: int) -> None:
        """One step of Adam, whose rate falls to nothing as half a cosine. step: counts from 0."""
        gradient = self.gradient(self._draw(BATCH))
        self.mean.lerp_(gradient, 1 - 0.9)
        self.square.lerp_(gradient.square_(), 1 - 0.999)
        rate = RATE * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        seen = math.sqrt(1 - 0.999 ** (step + 1))
        rate *= seen / (1 - 0.9 ** (step + 1))
        self.weights.addcdiv_(self.mean, self.square.sqrt().add_(1e-8 * seen), value=-rate)

    def gradient(self, x: Tensor) -> Tensor:
        """That of each copy's mean weighted squared error over examples (n, FEATURES), by all of
        its weights."""
        w = self.w
        code = x @ w
        x_hat = torch.baddbmm(self.b, code, w.transpose(1, 2)).relu_()
        # By what ReLU was given: nothing where it gave nothing.
        by = torch.where(x_hat > 0, x_hat - x, 0.0).mul_(self.importance * (2 / x.numel()))
        by_w = by.transpose(1, 2) @ code + x.T @ (by @ w)
        return torch.cat([by_w.flatten(1), by.sum(1)], 1)

    def loss(self, n: int = JUDGED) -> np.ndarray:
        """Each copy's error on newly drawn examples, over that of answering 0, (COPIES,)."""
        x = self._draw(n)
        x_hat = (x @ self.w @ self.w.transpose(1, 2) + self.b).relu_()
        errors = (x_hat - x).square_().mean(1) @ self.importance
        return (errors / (x.square().mean(0) @ self.importance).clamp_min(1e-12)).numpy()

    def _draw(self, n: int) -> Tensor:
        """Examples for all copies, (n, FEATURES): uniform where present, else 0."""
        size = (n, FEATURES)
        there = torch.rand(size, generator=self.generator) < self.present
        return torch.rand(size, generator=self.generator) * there

    def arrows(self) -> np.ndarray:
        """Where each feature points, (COPIES, FEATURES, NUMBERS)."""
        return self.w.numpy().copy()


def angles_between(arrows: np.ndarray) -> np.ndarray:
    """Degrees from each arrow to the next around, (n,), for arrows (n, 2); they sum to 360."""
    turned = np.sort(np.degrees(np.arctan2(arrows[:, 1], arrows[:, 0])))
    return np.diff(np.append(turned, turned[0] + 360))


def is_pentagon(arrows: np.ndarray) -> bool:
    """Whether all five are kept, with equal angles between them."""
    long = np.linalg.norm(arrows, axis=1) >= KEPT
    return bool(long.all() and np.abs(angles_between(arrows) - 72).max() <= PENTAGON)


def _found(toys: _Toys, looks: list[np.ndarray]) -> dict[str, Any]:
    now, losses = looks[-1], toys.loss()
    best = int(losses.argmin())
    kept = (np.linalg.norm(now, axis=2) >= KEPT).sum(1)
    return {
        "kept": np.bincount(kept, minlength=FEATURES + 1).tolist(),
        "pentagons": int(sum(map(is_pentagon, now))),
        "loss": float(np.median(losses)),
        "paths": np.stack([look[best] for look in looks]),
    }


def _mean_kept(values: Values) -> float:
    counts = np.asarray(values["kept"])
    return float((counts * np.arange(len(counts))).sum() / counts.sum())


def _figures(sparsity: int, values: Values) -> list[Figure]:
    when = f"each feature absent {sparsity} % of the time"
    copies = f"{COPIES} copies, {when}"
    name, kept = f"{sparsity}", _mean_kept(values)
    return [
        Figure(f"kept_{name}", f"Kept, absent {sparsity} %", kept, "features, mean", copies),
        Figure(
            f"pentagons_{name}",
            f"Pentagons, absent {sparsity} %",
            values["pentagons"],
            f"of {COPIES} copies",
            when,
        ),
        Figure(
            f"loss_{name}",
            f"Loss, absent {sparsity} %",
            values["loss"],
            "of that of answering 0, median",
            f"{copies}, newly drawn examples",
        ),
    ]


def _kept_chart(every: list[int], done: Mapping[str, Values]) -> Chart:
    y = tuple(_mean_kept(done[str(s)]) if str(s) in done else math.nan for s in every)
    return Chart(
        "kept",
        "Features kept by two numbers",
        Axis("a feature is absent"),
        Axis("features kept", f"mean of {COPIES} copies", span=(0.0, float(FEATURES))),
        (Line("kept", tuple(map(float, range(len(every)))), y),),
        "bars",
        tuple(f"{s} %" for s in every),
        "How many of five features two numbers keep, by how often a feature is absent.",
    )


def _plane(sparsity: int, values: Values) -> Chart:
    """Where the best copy's arrows point, and the way that they came."""
    paths = np.asarray(values["paths"], float)
    lines = []
    for i in range(FEATURES):
        x, y = paths[:, i, 0], paths[:, i, 1]
        lines.append(Line("", tuple(x), tuple(y), "floor", marked=False))
        spoke = (0.0, float(x[-1])), (0.0, float(y[-1]))
        lines.append(Line("", *spoke, i, marked=False))
        lines.append(Line("", spoke[0][1:], spoke[1][1:], i, joined=False))
    axis = Axis("", span=(-1.5, 1.5), ticks=(-1.0, 0.0, 1.0))
    return Chart(
        f"plane_{sparsity}",
        f"Five features on the plane of the code, each absent {sparsity} %",
        dataclasses.replace(axis, title="first number"),
        dataclasses.replace(axis, title="second number"),
        tuple(lines),
        "plane",
        summary=f"The best of {COPIES} copies: {_mean_kept(values):.1f} features kept on average.",
    )


def _says(every: list[int], done: Mapping[str, Values]) -> str:
    if len(every) < 2 or not all(str(s) in done for s in every):
        return ""
    first, last = every[0], every[-1]
    kept = [_mean_kept(done[str(s)]) for s in (first, last)]
    return (
        f"Absent {first} % of the time, {kept[0]:.1f} of five features are kept in two numbers; "
        f"absent {last} %, {kept[1]:.1f} are."
    )
