"""The dial of beta: one VAE on a plane at nine prices of information, trained before and shipped.

Nine models of MNIST digits, the same but for beta, made by scripts/dials.py with aecore's own
training. beta weights the KL term of a digit, a sum of nats over its code, against the
reconstruction term, a sum of nats over its pixels (Higgins et al. 2017, 'beta-VAE'): 0 leaves an
autoencoder, whose noise may vanish, and 1 is the VAE as it was invented.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aecore.datasets import load
from aecore.evaluation.latent import Codes
from aecore.lab.dial_file import data_of, one_of_each, read_facts, read_models
from aecore.lab.plane import Plane
from aecore.models import LatentModel
from aecore.models.presets import preset
from aecore.pad.network import BrowserNetwork, export_network
from aecore.types import DataSpec, ModelSpec, TrainConfig

FILE = Path(__file__).parent / "assets" / "beta_dial.safetensors"
BETAS = (0.0, 0.1, 0.5, 1.0, 3.0, 6.0, 10.0, 20.0, 30.0)
PRESET, DATASET = "vae-plane", "mnist"
HIDDEN = (96, 48)  # what nine models may weigh
EPOCHS, SEED, RATE = 10, 10, 3e-3
ON_MAP = 1_000  # held-out digits whose codes are drawn
GRID = 15  # pictures along each side of the window
REACH = 2.2  # deviations of N(0, I) that a window shows at least
SHOWN = 0.003  # of the codes on each side that it may leave out
MARGIN = 0.04  # of a window, on each side
FAR = 2.0  # deviations: the second circle
BEYOND_OF_PRIOR = 100 * math.exp(-(FAR**2) / 2)  # per cent of N(0, I), on a plane


@dataclass(frozen=True)
class Stop:
    """One beta of the dial.

    mse: squared error per value of decode(mean); kl: nats a digit; both means over all held-out
    digits. active: numbers of the code whose means vary there. knn: per cent of some held-out
    digits whose class their neighbours among the means have. gap: KL of the aggregate posterior to
    N(0, I) in nats. Of the training digits' means, and of their codes as they are `fed` to the
    decoder, with noise: the plane as `kept` gives it, and the per cent that lie `beyond`.
    """

    beta: float
    mse: float
    kl: float
    active: int
    knn: float
    gap: float
    beyond: float
    plane: dict[str, Any]
    fed_beyond: float
    fed_plane: dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """What the file says of its models. fingerprint: of the data. held_out: examples that errors
    are of; voters, judged: training and held-out examples that `knn` is of. mean_mse: squared error
    per value of the mean training digit, over all held-out ones. prior_empty: per cent of the box
    around as many draws from N(0, I) as there are training digits in which none lies."""

    dataset: str
    fingerprint: str
    epochs: int
    seed: int
    held_out: int
    trained_on: int
    voters: int
    judged: int
    mean_mse: float
    prior_empty: float
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class Planes:
    """What is drawn of s models. labels: (n,) classes of held-out digits, mu, std: (s, n, 2) of
    their posteriors, noise: (n, 2) one draw each. windows: (s, 2, 2) low and high corner of the
    part of the plane that is shown. holes, fed_holes: (s, GRID * GRID) bool, rows from the top
    down, whether what is decoded there lies where no training code does. decoder: operations, as
    the browser runs them, weights: (s, w) float32 of each."""

    labels: np.ndarray
    class_names: tuple[str, ...]
    mu: np.ndarray
    std: np.ndarray
    noise: np.ndarray
    windows: np.ndarray
    holes: np.ndarray
    fed_holes: np.ndarray
    decoder: list[dict[str, Any]]
    weights: np.ndarray


@dataclass(frozen=True)
class Digits:
    """m held-out digits, one of each class. rows: which, names: their classes. x: (m, *shape). mu,
    std: (s, m, 2) of their posteriors by each model."""

    rows: tuple[int, ...]
    names: tuple[str, ...]
    x: np.ndarray
    mu: np.ndarray
    std: np.ndarray


def spec_of(data: DataSpec) -> ModelSpec:
    """The network of the dial."""
    spec = preset(PRESET).spec(data)
    return dataclasses.replace(spec, options=spec.options | {"hidden": HIDDEN})


def config_of(beta: float) -> TrainConfig:
    """How it is trained at a price."""
    return dataclasses.replace(
        preset(PRESET).config,
        epochs=EPOCHS,
        learning_rate=RATE,
        schedule="one-cycle",
        beta=beta,
        seed=SEED,
        device="cpu",
    )


def fed(codes: Codes, rng: np.random.Generator) -> np.ndarray:
    """One draw from each posterior, (n, k) float32: the codes as the decoder gets them."""
    assert codes.logvar is not None
    noise = rng.standard_normal(codes.mu.shape)
    return (codes.mu + np.exp(0.5 * codes.logvar) * noise).astype(np.float32)


def beyond(codes: np.ndarray) -> float:
    """Per cent of codes (n, 2) that are farther than FAR from the middle of N(0, I)."""
    return 100 * float((np.square(codes).sum(1) > FAR**2).mean())


def kept(plane: Plane) -> dict[str, Any]:
    """A plane as plain values, its cells as bits in hexadecimal digits."""
    corners = {"low": plane.low.tolist(), "high": plane.high.tolist()}
    there = np.packbits(plane.there).tobytes().hex()
    return {**corners, "side": plane.side, "there": there}


def plane_of(said: dict[str, Any]) -> Plane:
    """The plane that `kept` gave."""
    side = int(said["side"])
    bits = np.frombuffer(bytes.fromhex(said["there"]), np.uint8)
    there = np.unpackbits(bits, count=side * side).reshape(side, side).astype(bool)
    low, high = (np.array(said[corner], np.float32) for corner in ("low", "high"))
    return Plane(low, high, there)


@functools.cache
def facts() -> Facts:
    """What the shipped file says of its models. Raises CheckpointError where it is damaged."""
    return read_facts(FILE, Facts, Stop)


@functools.cache
def models() -> tuple[LatentModel, ...]:
    """The shipped models, one a stop, read once a process; nobody may change them.

    Raises CheckpointError where the file is missing or damaged.
    """
    said = facts()
    spec = spec_of(load(said.dataset).spec)
    return read_models(FILE, dict.fromkeys(range(len(said.stops)), spec))


def planes() -> Planes:
    """Where codes are at each stop, and what draws everywhere else. Raises DatasetError where the
    data are not those that the models were trained on."""
    said = facts()
    data = data_of(said)
    rows = data.test.some_rows(ON_MAP)
    x = data.test.batch(torch.from_numpy(np.asarray(rows)))
    mu, std = _posteriors(x)
    noise = np.random.default_rng(said.seed).standard_normal((len(rows), 2)).astype(np.float32)
    windows = np.stack([_window(m, m + s * noise) for m, s in zip(mu, std, strict=True)])
    found = {
        name: np.stack(
            [
                plane_of(getattr(stop, name)).hole_at(_grid(window))
                for stop, window in zip(said.stops, windows, strict=True)
            ]
        )
        for name in ("plane", "fed_plane")
    }
    networks = [export_network(model) for model in models()]
    cut = [_decoder(network) for network in networks]
    assert data.test.labels is not None
    return Planes(
        data.test.labels.numpy()[rows],
        tuple(data.class_names),
        mu,
        std,
        noise,
        windows,
        found["plane"],
        found["fed_plane"],
        cut[0][0],
        np.stack([weights for _, weights in cut]),
    )


def _window(*codes: np.ndarray) -> np.ndarray:
    """A square that shows nearly all codes and N(0, I): its low and its high corner, (2, 2)."""
    ends = [np.quantile(z, [SHOWN, 1 - SHOWN], axis=0) for z in codes]
    low = np.min([[-REACH, -REACH], *(end[0] for end in ends)], axis=0)
    high = np.max([[REACH, REACH], *(end[1] for end in ends)], axis=0)
    half = (0.5 + MARGIN) * (high - low).max()
    middle = (low + high) / 2
    return np.stack([middle - half, middle + half]).astype(np.float32)


def _grid(window: np.ndarray) -> np.ndarray:
    """The middles of the pictures that fill a window, (GRID * GRID, 2), rows from the top down."""
    return Plane(window[0], window[1], np.ones((1, 1), bool)).grid(GRID)


def _decoder(network: BrowserNetwork) -> tuple[list[dict[str, Any]], np.ndarray]:
    """A network's decoder alone: its operations, and the weights that they are of."""
    operations = network.meta["decoder"]
    start = min(entry[name] for entry in operations for name in ("w", "b") if name in entry)
    moved = [
        entry | {name: entry[name] - start for name in ("w", "b") if name in entry}
        for entry in operations
    ]
    return moved, network.weights[start:]


@torch.inference_mode()
def _posteriors(x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations by each model, (s, n, 2) each."""
    found = [model.encode(x) for model in models()]
    return np.stack([q.mu.numpy() for q in found]), np.stack([q.std.numpy() for q in found])


def digits(turn: int) -> Digits:
    """Held-out digits, one of each class, and where each model sees them.

    turn: from 0; other digits each turn. Raises DatasetError where the data are not those that the
    models were trained on.
    """
    data = data_of(facts())
    rows, labels = one_of_each(data, turn)
    x = data.test.batch(torch.tensor(rows))
    names = tuple(data.class_names[label] for label in labels)
    return Digits(tuple(rows), names, x.numpy(), *_posteriors(x))


def says(said: Facts, stop: Stop, with_noise: bool) -> str:
    """What one sees at a stop, of means or of codes with their noise, in one sentence, from what
    was measured."""
    free, plane = said.stops[0], plane_of(stop.fed_plane if with_noise else stop.plane)
    far = stop.fed_beyond if with_noise else stop.beyond
    told = (
        f"At beta {stop.beta:g} a code costs {stop.kl:.1f} nats; {far:.0f} % of "
        f"the codes lie beyond the second circle and {plane.empty:.0f} % of their box is empty "
        f"(of N(0, I): {BEYOND_OF_PRIOR:.0f} and {said.prior_empty:.0f} %)"
    )
    if stop.beta > free.beta:
        worse = 100 * (stop.mse / free.mse - 1)
        told += f"; the error is {abs(worse):.0f} % {'higher' if worse > 0 else 'lower'} than "
        told += f"at beta {free.beta:g}"
    dim = len(plane.low)
    if stop.active == 0:
        gone = ": all digits are drawn as the mean digit" * (stop.mse > 0.99 * said.mean_mse)
        told += f". No number of the code says anything any more{gone}. This is collapse"
    elif stop.active < dim:
        told += f". Only {stop.active} of {dim} numbers still says anything: collapse has begun"
    return f"{told}."
