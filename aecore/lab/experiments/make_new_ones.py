"""Make new ones: from N(0, I), Gaussians, a mixture, and a flow on one's own codes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.flow import Flow
from aecore.lab.judge import Judge
from aecore.lab.new_ones import (
    ON_MAP,
    SHOWN,
    SWEPT,
    Bench,
    Training,
    first_sight,
    in_bytes,
    judged,
    pair_of,
    wanted,
    with_judge,
)
from aecore.lab.new_ones_told import (
    GUIDANCE,
    MADE,
    MOST_VALUES,
    STEPS_TRIED,
    SURE_CHART,
    Told,
)
from aecore.lab.outcome import Band, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.samplers import (
    ABOUT_MEAN,
    ROUND,
    STRAIGHT,
    Draw,
    between,
    from_gaussian,
    from_mixture,
    from_prior,
)

SIMPLE, FLOW, MIXTURE, VAE, BETWEEN, PIXELS, PLAIN = (
    *("simple", "flow", "mixture", "vae", "between", "pixels"),
    "flow-without-class",
)
WAYS = {"straight": STRAIGHT, "spherical": ROUND, "about_mean": ABOUT_MEAN}
ON_THE_WAY = 9  # pictures from one example to another
STEPPED = 5  # examples of which every step is decoded
SEEN = 5_000  # training examples by which the pixels' mean and spread are found
# Kinds of draws, each with a generator of its own.
_PRIOR, _GAUSSIAN, _MIXTURE, _FLOW, _COURSE, _BETWEEN = range(6)


@dataclass(frozen=True)
class MakeNewOnesOptions:
    """How long the flow learns, and what it is compared with."""

    steps: int = dataclasses.field(
        default=2500,
        metadata={
            "label": "Steps of the flow's training",
            "range": (50, 50_000),
            "help": "1,024 codes each; a hundred take a second, about.",
        },
    )
    euler: int = dataclasses.field(
        default=20,
        metadata={
            "label": "Steps from noise to a code",
            "range": (1, 100),
            "help": "Of Euler's method along the velocity that the flow has learnt.",
        },
    )
    components: int = dataclasses.field(
        default=10,
        metadata={
            "label": "Gaussians in the mixture",
            "range": (1, 100),
            "help": "Fitted to the codes by expectation and maximisation.",
        },
    )
    made: int = dataclasses.field(
        default=10_000,
        metadata={
            "label": "Made by each",
            "range": (200, 10_000),
            "help": "Examples that are judged; with fewer of them distances are too large.",
        },
    )
    pixels: bool = dataclasses.field(
        default=True,
        metadata={
            "label": "A flow on pixels too",
            "help": "Trained with as many multiplications, to see why codes.",
        },
    )
    epochs: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Epochs",
            "range": (1, 50),
            "help": "How long autoencoders are trained; of few examples in proportion more. One "
            "that comes trained on these data is taken as it is.",
        },
    )
    seed: int = seed_option(1)


class MakeNewOnes(Experiment):
    """Samplers on codes, judged by one classifier."""

    name: ClassVar[str] = "make-new-ones"
    title: ClassVar[str] = "Make new ones"
    question: ClassVar[str] = "Where must a code come from, so that its decoder draws a new digit?"
    claim: ClassVar[str] = (
        "A decoder draws well what lies among the codes that it was trained on. N(0, I) hardly "
        "ever falls there for a plain autoencoder, a mixture fitted to its codes does, and a flow "
        "that learns in half a minute to carry noise to codes does best: latent diffusion in "
        "small. On pixels the same flow, with as much computing, is far behind."
    )
    surprise: ClassVar[str] = (
        "With a mixture fitted to its codes a plain autoencoder makes better images than a VAE "
        "from the prior that it was trained for: what was missing was a sampler, not a better "
        "decoder."
    )
    icon: ClassVar[str] = ":material/auto_awesome:"
    place: ClassVar[float] = 5
    Options: ClassVar[type] = MakeNewOnesOptions

    def why_not(self, about: About) -> str:
        if about.train < SHOWN or about.test < SHOWN:
            return f"{about.title} has too few examples to say what a new one should look like."
        return about.too_small

    def seconds(self, options: MakeNewOnesOptions) -> float:
        flows = 2 + options.pixels
        return 45 + 0.011 * flows * options.steps + 30e-4 * options.made

    def tasks(self, options: MakeNewOnesOptions, about: About) -> list[Task]:
        assert about.spec is not None
        each = options.steps / 100
        weights = {
            SIMPLE: 20.0,
            FLOW: 25 + each,
            MIXTURE: 10.0,
            VAE: 20.0,
            BETWEEN: 15.0,
            PIXELS: 10 + each,
            PLAIN: 10 + each,
        }
        left_out = set() if _by_class(about) else {PLAIN}
        if not options.pixels or about.spec.size > MOST_VALUES:
            left_out.add(PIXELS)
        return [
            Task(name, {}, options.seed, weight)
            for name, weight in weights.items()
            if name not in left_out
        ]

    def work(
        self,
        task: Task,
        options: MakeNewOnesOptions,
        subject: LabSubject,
        control: LabControl,
    ) -> Iterator[Look]:
        data = subject.data
        assert data is not None
        found: dict[str, Any] = {}
        if task.name == SIMPLE:
            found |= first_sight(data, pair_of(data.spec)[0], task.seed)
            if found:
                yield Look(dict(found), 0.01)
        judge = yield from with_judge(found, data, task.seed, control)
        one = pair_of(data.spec)[task.name == VAE]
        bench = Bench(data, one, options.epochs, task.seed, control)
        run = _Run(bench, judge, options, control, found)
        yield from run.parts[task.name]()

    def tell(
        self, options: MakeNewOnesOptions, about: About, done: Mapping[str, Values]
    ) -> Outcome:
        return Told(about, options.made, options.euler, options.components, done).outcome()

    def bands(self, options: MakeNewOnesOptions, about: About) -> dict[str, Band]:
        usual = dataclasses.replace(MakeNewOnesOptions(), seed=options.seed)
        return dict(_BANDS) if about.dataset == "mnist" and options == usual else {}

    def asks(self, options: MakeNewOnesOptions, about: About) -> Prediction | None:
        assert about.spec is not None
        if not _by_class(about):
            return None
        things = thing_of(about.spec) + "s"
        return Prediction(
            "bars",
            f"How many of the {things} that are made does a classifier read with more than 95 % "
            "confidence, by where the codes come from?",
            SURE_CHART,
            Axis("read with confidence", "%", span=(0.0, 100.0)),
            "autoencoder",
            tuple(map(float, range(len(MADE)))),
            Axis("codes from"),
            tuple(MADE.values()),
        )

    def quick(self) -> MakeNewOnesOptions:
        return MakeNewOnesOptions(steps=80, euler=5, components=4, made=300, epochs=1)

    def sketch(self) -> Chart:
        t = np.linspace(0, 1, 12)
        ends = [(-1.0, 0.9), (0.1, 1.0), (1.0, 0.5), (0.9, -0.8), (-0.8, -0.9)]
        ways = []
        for i, (x, y) in enumerate(ends):
            bent = 0.35 * np.sin(np.pi * t)
            way = (0.12 * x * (1 - t) + x * t - bent * y * 0.6, y * t + bent * x * 0.6)
            ways.append(Line("", tuple(way[0]), tuple(way[1]), i, marked=False))
            ways.append(Line("", (x,), (y,), i, joined=False))
        axis = Axis("", span=(-1.3, 1.3))
        return Chart("sketch", self.title, axis, axis, tuple(ways), "plane")


# Measured on MNIST by the figures' names, at the usual options, seeds 0 to 2.
_BANDS: dict[str, Band] = {}


def _by_class(about: About) -> bool:
    return about.labelled and about.spec is not None and about.spec.classes > 1


class _Run:
    """The parts of a run, each a task; what it finds is filled in and looked at as it goes."""

    def __init__(
        self,
        bench: Bench,
        judge: Judge,
        options: MakeNewOnesOptions,
        control: LabControl,
        found: dict[str, Any],
    ):
        self.bench, self.judge, self.options = bench, judge, options
        self.control, self.found = control, found
        self.parts = {
            SIMPLE: self.simple,
            FLOW: lambda: self.flow("flow", judge.reads),
            MIXTURE: lambda: self.one("mixture", self._mixture(), _MIXTURE, 0.6, 1.0),
            VAE: self.vae,
            BETWEEN: self.between,
            PIXELS: self.pixels,
            PLAIN: lambda: self.flow("plain", False),
        }

    @property
    def data(self) -> Dataset:
        return self.bench.data

    def look(self, share: float) -> Look:
        self.control.give_way()
        return Look(dict(self.found), share)

    def one(self, key: str, draw: Draw, what: int, share: float, last: float) -> Iterator[Look]:
        """Draw from a sampler and judge it. share, last: of the task, once drawn, once judged."""
        z = draw(self.options.made, self.bench.rng(what))
        self.found[f"{key}_map"] = self.bench.on_map(z[:ON_MAP])
        if kind_of(self.data.spec) == "image":
            self.found[f"{key}_shown"] = in_bytes(self.bench.drawn(z[:SHOWN]))
        yield self.look(share)
        self.found |= judged(key, self.bench.drawn(z), self.judge, self.data)
        yield self.look(last)

    def _mixture(self) -> Draw:
        bench = self.bench
        components, between = self.options.components, self.control.give_way
        return from_mixture(bench.train, components, bench.seed, between)

    # Tasks

    def simple(self) -> Iterator[Look]:
        bench = self.bench
        self.found |= self._cloud()
        yield self.look(0.4)
        yield from self.one("prior", from_prior(bench.k), _PRIOR, 0.45, 0.6)
        yield from self.one("gaussian", from_gaussian(bench.train), _GAUSSIAN, 0.65, 0.8)
        yield from self.again("again", 1.0)

    def again(self, key: str, share: float) -> Iterator[Look]:
        """Reconstructions: the best that can be made through this decoder."""
        z = self.bench.held_out[: self.options.made]
        self.found |= judged(key, self.bench.drawn(z), self.judge)
        yield self.look(share)

    def vae(self) -> Iterator[Look]:
        bench = self.bench
        yield from self.one("vae_prior", from_prior(bench.k), _PRIOR, 0.4, 0.5)
        yield from self.again("vae_again", 0.6)
        yield from self.one("vae_gaussian", from_gaussian(bench.train), _GAUSSIAN, 0.65, 0.75)
        yield from self.one("vae_mixture", self._mixture(), _MIXTURE, 0.85, 1.0)

    def _cloud(self) -> dict[str, Any]:
        """Where held-out codes lie on the map, with their classes."""
        rows = self.data.test.some_rows(ON_MAP)
        found: dict[str, Any] = {"cloud": self.bench.on_map(self.bench.held_out[rows])}
        if self.data.test.labels is not None:
            found["cloud_labels"] = self.data.test.labels.numpy()[rows]
        return found

    def flow(self, key: str, by_class: bool) -> Iterator[Look]:
        """Latent diffusion: a flow on the codes, its samples, its steps, its guidance."""
        bench, data = self.bench, self.data
        classes = data.spec.classes if by_class else 0
        # It is standardised by each number: all of them count alike.
        spread = bench.train.std(0) + 1e-6 * bench.train.std() + 1e-12
        made = Flow(bench.train.mean(0), spread, classes, _generator(bench.seed))
        some = wanted(data, SWEPT, bench.k, by_class, bench.rng(_COURSE))
        if key == "flow":
            self.found |= self._cloud()
        training = Training(
            made, self.options.steps, key, some, bench.drawn, self.judge, self.control, self.found
        )
        began = time.perf_counter()
        codes = torch.from_numpy(bench.train)
        yield from training.go(lambda rows: codes[rows], data, (0.3, 0.75))
        self.found[f"{key}_training_ms"] = 1000 * (time.perf_counter() - began)
        every = wanted(data, self.options.made, bench.k, by_class, bench.rng(_FLOW))
        z = made.draw(every.noise, every.labels, self.control, self.options.euler)
        x = bench.drawn(z)
        self.found |= judged(key, x, self.judge, data)
        if every.labels is not None:
            self.found["obeyed"] = self._obeyed(x, every.labels)
        yield self.look(0.85)
        if key == "flow":
            self.found |= self._steps_of(made, by_class)
            yield self.look(0.87)
            yield from self._swept(made, by_class)
        yield self.look(1.0)

    def _obeyed(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Per cent of examples that are read as the class that was asked for."""
        return 100 * float((self.judge.see(x).classes == labels).mean())

    def _steps_of(self, made: Flow, by_class: bool) -> dict[str, Any]:
        """Every step of some samples, on the map and decoded."""
        bench = self.bench
        some = wanted(self.data, SHOWN, bench.k, by_class, bench.rng(_COURSE))
        path = made.path(some.noise, some.labels, self.control, self.options.euler)
        found: dict[str, Any] = {"paths": bench.on_map(path).transpose(1, 0, 2)}
        if some.labels is not None:
            found["path_labels"] = some.labels
        if kind_of(self.data.spec) == "image":
            steps = path[:, :STEPPED].transpose(1, 0, 2).reshape(-1, bench.k)
            drawn = in_bytes(bench.drawn(steps))
            found["steps_shown"] = drawn.reshape(STEPPED, len(path), *drawn.shape[1:])
        return found

    def _swept(self, made: Flow, by_class: bool) -> Iterator[Look]:
        """By the number of steps; and by guidance, where there are classes."""
        bench = self.bench
        some = wanted(self.data, min(SWEPT, self.options.made), bench.k, by_class, bench.rng(_FLOW))
        by_steps: list[tuple[float, ...]] = []
        for steps in STEPS_TRIED:
            x = bench.drawn(made.draw(some.noise, some.labels, self.control, steps))
            by_steps.append((steps, self.judge.distance(self.judge.see(x))))
            self.found["by_steps"] = np.array(by_steps, np.float32)
            yield self.look(0.92)
        by_guidance: list[tuple[float, ...]] = []
        for guidance in GUIDANCE if some.labels is not None else ():
            z = made.draw(some.noise, some.labels, self.control, self.options.euler, guidance)
            seen = self.judge.see(bench.drawn(z))
            obeyed = 100 * float((seen.classes == some.labels).mean())
            precision, recall = self.judge.precision_recall(seen)
            row = (guidance, self.judge.distance(seen), obeyed, seen.sure, precision, recall)
            by_guidance.append(row)
            self.found["by_guidance"] = np.array(by_guidance, np.float32)
            yield self.look(0.97)

    def pixels(self) -> Iterator[Look]:
        """The same flow on pixels, with as many multiplications as that on codes."""
        data, bench = self.data, self.bench
        by_class = self.judge.reads
        x = data.train.first(SEEN).batch(slice(None)).flatten(1).numpy()
        classes = data.spec.classes if by_class else 0
        # One spread for all: a pixel that hardly ever varies must not count as much as others.
        spread = np.full(x.shape[1], x.std() + 1e-12)
        made = Flow(x.mean(0), spread, classes, _generator(bench.seed))
        small = Flow(bench.train.mean(0), bench.train.std(0), classes, _generator(0))
        steps = max(1, round(self.options.steps * small.products / made.products))
        some = wanted(data, SWEPT, x.shape[1], by_class, bench.rng(_COURSE))
        training = Training(
            made, steps, "pixels", some, self._as_examples, self.judge, self.control, self.found
        )
        self.found["pixels_steps"] = steps
        take = data.train.batch
        yield from training.go(lambda rows: take(rows).flatten(1), data, (0.3, 0.85))
        every = wanted(data, self.options.made, x.shape[1], by_class, bench.rng(_FLOW))
        drawn = self._as_examples(
            made.draw(every.noise, every.labels, self.control, self.options.euler)
        )
        self.found |= judged("pixels", drawn, self.judge, data)
        yield self.look(1.0)

    def _as_examples(self, values: np.ndarray) -> np.ndarray:
        shaped = values.reshape(-1, *self.data.spec.shape)
        return shaped.clip(0, 1) if self.data.spec.bounded else shaped

    def between(self) -> Iterator[Look]:
        """What lies halfway between two held-out examples."""
        bench, mean = self.bench, self.bench.train.mean(0)
        n = min(self.options.made, len(bench.held_out))
        rng = bench.rng(_BETWEEN)
        left, right = (rng.permutation(len(bench.held_out))[:n] for _ in range(2))
        a, b = bench.held_out[left], bench.held_out[right]
        x = [self.data.test.batch(slice(None)).numpy()[rows] for rows in (left, right)]
        ways: list[np.ndarray] = []
        for i, (key, how) in enumerate(WAYS.items()):
            half = bench.drawn(between(a, b, 0.5, how, mean))
            self.found |= judged(f"between_{key}", half, self.judge)
            ts = np.linspace(0, 1, ON_THE_WAY)
            ways += [np.concatenate([between(a[:1], b[:1], float(t), how, mean) for t in ts])]
            yield self.look(0.4 + 0.15 * i)
        self.found |= judged("between_pixels", (x[0] + x[1]) / 2, self.judge)
        if kind_of(self.data.spec) == "image":
            ts = np.linspace(0, 1, ON_THE_WAY, dtype=np.float32)[:, None, None, None]
            rows = [bench.drawn(way) for way in ways] + [(1 - ts) * x[0][0] + ts * x[1][0]]
            self.found["between_shown"] = np.stack([in_bytes(row) for row in rows])
        yield self.look(1.0)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
