"""Making new examples and judging them: what the tasks of an experiment on it share."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Dataset, Split
from aecore.evaluation.latent import decode_array, encode_split
from aecore.figures.examples import kind_of
from aecore.lab.at_hand import model_of, shipped_model
from aecore.lab.control import LabControl
from aecore.lab.experiment import Look
from aecore.lab.flow import BATCH, Flow
from aecore.lab.judge import Judge, Learning, Seen, judge_of, nearest_examples
from aecore.lab.once import Once
from aecore.lab.samplers import from_prior
from aecore.models.presets import Preset, preset
from aecore.types import DataSpec

#: An autoencoder and a VAE with codes of one size; the last pair that fits the data is taken.
PAIRS = (("fast-start", "vae-textbook"), ("conv-ae", "conv-vae"))
SHOWN = 10  # made examples in a picture
ON_MAP = 200  # codes on the map, of each kind
COURSE = (0.125, 0.25, 0.5, 1.0)  # shares of a flow's training at which its samples are judged
SWEPT = 2_000  # samples that are judged in these, and by steps and guidance
LEARNING = 0.3  # share of a task that the judge's training counts as
SIDE = 64  # pixels of an example in a result, at most about
LOOKS = 30  # at the samples of a flow while it is trained

_codes: Once[tuple[np.ndarray, np.ndarray]] = Once(8)


class Drawn(IntEnum):
    """Kinds of draws, each with a generator of its own."""

    PRIOR = 0
    GAUSSIAN = 1
    MIXTURE = 2
    FLOW = 3
    COURSE = 4
    BETWEEN = 5


def pair_of(spec: DataSpec) -> tuple[Preset, Preset]:
    """The autoencoder and the VAE for such data."""
    pairs = [(preset(a), preset(b)) for a, b in PAIRS]
    return [(a, b) for a, b in pairs if a.fits(spec) and b.fits(spec)][-1]


class Bench:
    """A model with its codes, and the judge: what one task makes new examples with.

    train, held_out: codes (n, k) of the training and of the held-out examples.
    """

    def __init__(self, data: Dataset, one: Preset, epochs: int, seed: int, control: LabControl):
        self.data, self.seed, self.control = data, seed, control
        self.model = model_of(one, data, epochs, seed, control)
        key = (data.name, data.fingerprint, one.name, f"{epochs} {seed}")
        self.train, self.held_out = _codes.get(key, control, self._encoded)

    def _encoded(self) -> tuple[np.ndarray, np.ndarray]:
        train, test = (encode_split(self.model, s).mu for s in (self.data.train, self.data.test))
        return train, test

    @property
    def k(self) -> int:
        return self.train.shape[1]

    def drawn(self, z: np.ndarray) -> np.ndarray:
        """Codes (n, k) as examples (n, *shape)."""
        return decode_array(self.model, z)

    def on_map(self, z: np.ndarray) -> np.ndarray:
        """Codes (..., k) on the plane of the first two principal components of training codes."""
        axes = axes_of(self.train)
        return ((z - self.train.mean(0)) @ axes).astype(np.float32)


def axes_of(codes: np.ndarray) -> np.ndarray:
    """The first two principal components of codes (n, k), (k, 2); the second is 0 where k is 1."""
    centred = torch.from_numpy(codes).double()
    centred = centred - centred.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    axes = vectors[:, -2:].flip(1)
    # A direction and its negative are as good: the largest entry is positive.
    signs = axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    found = np.zeros((codes.shape[1], 2))
    found[:, : axes.shape[1]] = (axes * signs).numpy()
    return found


def first_sight(data: Dataset, one: Preset, seed: int) -> dict[str, Any]:
    """What N(0, I) gives, decoded, before anything is trained; empty where no model ships."""
    model = shipped_model(one, data)
    if model is None or kind_of(data.spec) != "image":
        return {}
    # The very ones that are judged later.
    z = from_prior(model.spec.latent_dim)(SHOWN, rng_of(seed, Drawn.PRIOR))
    return {"prior_shown": in_bytes(decode_array(model, z))}


def rng_of(seed: int, what: Drawn) -> np.random.Generator:
    """The generator of a kind of draws."""
    return np.random.default_rng([seed, what])


def with_judge(
    found: dict[str, Any], data: Dataset, seed: int, control: LabControl
) -> Generator[Look, None, Judge]:
    """The judge, looks at its learning meanwhile; what it is worth is put to what is found."""
    steps, looks = judge_of(data, seed, control), []
    while True:
        try:
            looks.append(next(steps))
        except StopIteration as end:
            judge: Judge = end.value
            break
        yield Look(found | _learned(looks), LEARNING * looks[-1].share)
    if judge.reads:
        found |= _learned(judge.learning)
        found["judge_right"] = judge.right
        found["known_sure"] = judge.known.sure
    found["known_frechet"] = judge.distance(judge.known)
    found["known_precision"], found["known_recall"] = judge.precision_recall(judge.known)
    return judge


def _learned(looks: list[Learning] | tuple[Learning, ...]) -> dict[str, Any]:
    return {
        "learning": np.array([(look.seen, look.right) for look in looks], np.float32),
        "learning_of": looks[-1].examples,
    }


def judged(key: str, x: np.ndarray, judge: Judge, near: Dataset | None = None) -> dict[str, Any]:
    """What a judge finds of made examples x (n, *shape), under names that begin with `key`. near:
    the data among which copies are looked for, None to look for none."""
    seen = judge.see(x)
    found = _figures(key, seen, judge)
    if near is not None:
        found[f"{key}_near"] = judge.nearness(near, x)
        found |= _pictures(key, x, seen, near)
    return found


def _figures(key: str, seen: Seen, judge: Judge) -> dict[str, Any]:
    precision, recall = judge.precision_recall(seen)
    found: dict[str, Any] = {
        f"{key}_frechet": judge.distance(seen),
        f"{key}_precision": precision,
        f"{key}_recall": recall,
    }
    return found | ({f"{key}_sure": seen.sure} if judge.reads else {})


def _pictures(key: str, x: np.ndarray, seen: Seen, near: Dataset) -> dict[str, Any]:
    """The first made examples, and those that are read with most confidence; nearest training
    examples beneath both. (2, SHOWN, *shape) uint8; nothing of what is no image."""
    if kind_of(near.spec) != "image":
        return {}
    found: dict[str, Any] = {
        f"{key}_shown": in_bytes(x[:SHOWN]),
        f"{key}_nearest": _nearest(near.train, x[:SHOWN]),
    }
    if seen.confidence is not None:
        bold = np.argsort(-seen.confidence, kind="stable")[:SHOWN]
        found[f"{key}_bold"] = np.stack([in_bytes(x[bold]), _nearest(near.train, x[bold])])
        found[f"{key}_boldness"] = 100 * float(seen.confidence[bold].min())
    return found


def _nearest(split: Split, x: np.ndarray) -> np.ndarray:
    rows, _ = nearest_examples(split, x)
    return in_bytes(split.batch(torch.from_numpy(rows)).numpy())


def in_bytes(x: np.ndarray) -> np.ndarray:
    """Images (..., c, h, w) in [0, 1] as uint8, thinned where they are large."""
    thin = math.ceil(max(x.shape[-2:]) / SIDE)
    return (x[..., ::thin, ::thin].clip(0, 1) * 255).round().astype(np.uint8)


# Flows -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Noise to begin with (n, k) and the classes that are asked for (n,), None for none."""

    noise: np.ndarray
    labels: np.ndarray | None

    def first(self, n: int) -> Wanted:
        return Wanted(self.noise[:n], None if self.labels is None else self.labels[:n])


def wanted(data: Dataset, n: int, k: int, by_class: bool, rng: np.random.Generator) -> Wanted:
    """As many of each class as training examples have; the first are one of each in turn."""
    noise = rng.standard_normal((n, k), dtype=np.float32)
    if not by_class or data.train.labels is None:
        return Wanted(noise, None)
    labels = rng.choice(data.train.labels.numpy(), n)
    shown = min(n, SHOWN)
    labels[:shown] = np.arange(shown) % data.spec.classes
    return Wanted(noise, labels)


@dataclass
class Training:
    """A flow under way, what it makes of some noise, and how that is judged meanwhile.

    draws: codes or values that a flow gives as examples. found: what is known, filled as it goes.
    """

    flow: Flow
    steps: int
    key: str
    some: Wanted
    draws: Any
    judge: Judge
    control: LabControl
    found: dict[str, Any]

    def go(
        self,
        take: Callable[[Tensor], Tensor],
        data: Dataset,
        span: tuple[float, float],
    ) -> Iterator[Look]:
        """Train on what is taken of the training examples, with looks whose shares go from one end
        of the span to the other."""
        n, said = len(data.train), data.train.labels
        labels = said.numpy() if self.flow.classes and said is not None else None
        course: list[tuple[float, float]] = []
        at = {max(1, round(share * self.steps)) for share in COURSE}
        every, low = max(1, self.steps // LOOKS), span[0]
        for done in self.flow.train(take, n, labels, self.steps, self.control):
            if done in at:
                x = self.draws(self._drawn(self.some))
                products = done * BATCH * self.flow.products * 3 / 1e12
                course.append((products, self.judge.distance(self.judge.see(x))))
                self.found[f"{self.key}_course"] = np.array(course, np.float32)
            elif done % every:
                continue
            self._look()
            yield Look(dict(self.found), low + (span[1] - low) * done / self.steps * 0.999)

    def _look(self) -> None:
        x = self.draws(self._drawn(self.some.first(SHOWN)))
        if x.ndim == 4 and x.shape[1] in (1, 3):
            self.found[f"{self.key}_shown"] = in_bytes(x)

    def _drawn(self, some: Wanted) -> np.ndarray:
        return self.flow.draw(some.noise, some.labels, self.control)
