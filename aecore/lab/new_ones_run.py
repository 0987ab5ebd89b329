"""The parts of making new examples: samplers, a flow with its steps, what lies between two."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.figures.examples import kind_of
from aecore.lab.control import LabControl
from aecore.lab.experiment import Look
from aecore.lab.flow import Flow
from aecore.lab.judge import Judge
from aecore.lab.new_ones import (
    ON_MAP,
    SHOWN,
    SWEPT,
    Bench,
    Drawn,
    Training,
    in_bytes,
    judged,
    rng_of,
    wanted,
)
from aecore.lab.new_ones_seen import GUIDANCE, STEPS_TRIED
from aecore.lab.samplers import (
    ABOUT_MEAN,
    ROUND,
    ROUNDS,
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


@dataclass(frozen=True)
class Sizes:
    """steps: of a flow's training. euler: from noise to a code. components: of a mixture. made:
    examples by each way."""

    steps: int
    euler: int
    components: int
    made: int


class Run:
    """The parts of a run, each a task; what it finds is filled in and looked at as it goes."""

    def __init__(
        self,
        bench: Bench,
        judge: Judge,
        sizes: Sizes,
        control: LabControl,
        found: dict[str, Any],
    ):
        self.bench, self.judge, self.sizes = bench, judge, sizes
        self.control, self.found = control, found
        self.parts = {
            SIMPLE: self.simple,
            FLOW: lambda: self.flow("flow", judge.reads),
            MIXTURE: lambda: self.mixture("mixture", 0.35),
            VAE: self.vae,
            BETWEEN: self.between,
            PIXELS: self.pixels,
            PLAIN: lambda: self.flow("plain", False),
        }

    @property
    def data(self) -> Dataset:
        return self.bench.data

    def _rng(self, what: Drawn) -> np.random.Generator:
        return rng_of(self.bench.seed, what)

    def look(self, share: float) -> Look:
        self.control.give_way()
        return Look(dict(self.found), share)

    def one(self, key: str, draw: Draw, what: Drawn, share: float, last: float) -> Iterator[Look]:
        """Draw from a sampler and judge it. share, last: of the task, once drawn, once judged."""
        z = draw(self.sizes.made, self._rng(what))
        self.found[f"{key}_map"] = self.bench.on_map(z[:ON_MAP])
        if kind_of(self.data.spec) == "image":
            self.found[f"{key}_shown"] = in_bytes(self.bench.drawn(z[:SHOWN]))
        yield self.look(share)
        self.found |= judged(key, self.bench.drawn(z), self.judge, self.data)
        yield self.look(last)

    def mixture(self, key: str, begin: float) -> Iterator[Look]:
        """Fit a mixture, draw from it and judge. begin: the share of the task that is done."""
        bench, steps = self.bench, 0.5 * (1 - begin) / ROUNDS
        fitting = from_mixture(bench.train, self.sizes.components, bench.seed)
        while True:
            try:
                rounds = next(fitting)
            except StopIteration as end:
                draw: Draw = end.value
                break
            yield self.look(begin + steps * rounds)
        yield from self.one(key, draw, Drawn.MIXTURE, 0.5 * (1 + begin), 1.0)

    # Tasks

    def simple(self) -> Iterator[Look]:
        bench = self.bench
        self.found |= self._cloud()
        yield self.look(0.4)
        yield from self.one("prior", from_prior(bench.k), Drawn.PRIOR, 0.45, 0.6)
        yield from self.one("gaussian", from_gaussian(bench.train), Drawn.GAUSSIAN, 0.65, 0.8)
        yield from self.again("again", 1.0)

    def again(self, key: str, share: float) -> Iterator[Look]:
        """Reconstructions: the best that can be made through this decoder."""
        z = self.bench.held_out[: self.sizes.made]
        self.found |= judged(key, self.bench.drawn(z), self.judge)
        yield self.look(share)

    def vae(self) -> Iterator[Look]:
        bench = self.bench
        yield from self.one("vae_prior", from_prior(bench.k), Drawn.PRIOR, 0.4, 0.5)
        yield from self.again("vae_again", 0.6)
        yield from self.one("vae_gaussian", from_gaussian(bench.train), Drawn.GAUSSIAN, 0.65, 0.75)
        yield from self.mixture("vae_mixture", 0.75)

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
        made = Flow(bench.train.mean(0), spread, classes, _generator_of(bench.seed))
        some = wanted(data, SWEPT, bench.k, by_class, self._rng(Drawn.COURSE))
        if key == "flow":
            self.found |= self._cloud()
        training = Training(
            made, self.sizes.steps, key, some, bench.drawn, self.judge, self.control, self.found
        )
        began = time.perf_counter()
        codes = torch.from_numpy(bench.train)
        yield from training.go(lambda rows: codes[rows], data, (0.3, 0.75))
        self.found[f"{key}_training_ms"] = 1000 * (time.perf_counter() - began)
        every = wanted(data, self.sizes.made, bench.k, by_class, self._rng(Drawn.FLOW))
        z = made.draw(every.noise, every.labels, self.control, self.sizes.euler)
        x = bench.drawn(z)
        self.found[f"{key}_map"] = bench.on_map(z[:ON_MAP])
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
        some = wanted(self.data, SHOWN, bench.k, by_class, self._rng(Drawn.COURSE))
        path = made.path(some.noise, some.labels, self.control, self.sizes.euler)
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
        n = min(SWEPT, self.sizes.made)
        some = wanted(self.data, n, bench.k, by_class, self._rng(Drawn.FLOW))
        by_steps: list[tuple[float, ...]] = []
        for steps in STEPS_TRIED:
            x = bench.drawn(made.draw(some.noise, some.labels, self.control, steps))
            by_steps.append((steps, self.judge.distance(self.judge.see(x))))
            self.found["by_steps"] = np.array(by_steps, np.float32)
            yield self.look(0.92)
        by_guidance: list[tuple[float, ...]] = []
        for guidance in GUIDANCE if some.labels is not None else ():
            z = made.draw(some.noise, some.labels, self.control, self.sizes.euler, guidance)
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
        made = Flow(x.mean(0), spread, classes, _generator_of(bench.seed))
        small = Flow(bench.train.mean(0), bench.train.std(0), classes, _generator_of(0))
        steps = max(1, round(self.sizes.steps * small.products / made.products))
        some = wanted(data, SWEPT, x.shape[1], by_class, self._rng(Drawn.COURSE))
        training = Training(
            made, steps, "pixels", some, self._as_examples, self.judge, self.control, self.found
        )
        self.found["pixels_steps"] = steps
        take = data.train.batch
        yield from training.go(lambda rows: take(rows).flatten(1), data, (0.3, 0.85))
        every = wanted(data, self.sizes.made, x.shape[1], by_class, self._rng(Drawn.FLOW))
        drawn = self._as_examples(
            made.draw(every.noise, every.labels, self.control, self.sizes.euler)
        )
        self.found |= judged("pixels", drawn, self.judge, data)
        yield self.look(1.0)

    def _as_examples(self, values: np.ndarray) -> np.ndarray:
        shaped = values.reshape(-1, *self.data.spec.shape)
        return shaped.clip(0, 1) if self.data.spec.bounded else shaped

    def between(self) -> Iterator[Look]:
        """What lies halfway between two held-out examples."""
        bench, mean = self.bench, self.bench.train.mean(0)
        n = min(self.sizes.made, len(bench.held_out))
        rng = self._rng(Drawn.BETWEEN)
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


def _generator_of(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
