"""The dial of k: one network with codes from 1 to 128 numbers, trained before and shipped.

Thirteen models 784-128-k-128-784 of MNIST digits, made by scripts/dials.py with aecore's own
training. Their weights are kept as float16; what the file says of each was measured with the
weights as they are kept. They reproduce the sizes of the experiment "How many numbers?".
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aecore.datasets import load
from aecore.lab.dial_file import data_of, one_of_each, read_facts, read_models
from aecore.models import LatentModel
from aecore.models.families.pca import basis_of
from aecore.models.losses import squared_error_per_value
from aecore.models.presets import preset
from aecore.types import DataSpec, ModelSpec

FILE = Path(__file__).parent / "assets" / "k_dial.safetensors"
KS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)
PRESET, DATASET = "fast-start", "mnist"
EPOCHS, SEED = 10, 10
LITTLE = 1.0  # points of accuracy that count as no better


@dataclass(frozen=True)
class Stop:
    """One k of the dial. mse, pca_mse: squared error per value over all held-out examples. knn,
    pca_knn: per cent of some held-out examples whose class their neighbours among codes have."""

    k: int
    mse: float
    pca_mse: float
    knn: float
    pca_knn: float


@dataclass(frozen=True)
class Facts:
    """What the file says of its models. fingerprint: of the data. held_out: examples that errors
    are of; voters, judged: training and held-out examples that `knn` is of."""

    dataset: str
    fingerprint: str
    epochs: int
    seed: int
    held_out: int
    voters: int
    judged: int
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class Redrawn:
    """n examples by every stop. rows: of held-out examples, names: their classes. x: (n, *shape);
    ae, pca: (s, n, *shape), unclipped; their errors (s, n), squared error per value."""

    rows: tuple[int, ...]
    names: tuple[str, ...]
    x: np.ndarray
    ae: np.ndarray
    pca: np.ndarray
    ae_errors: np.ndarray
    pca_errors: np.ndarray


def spec_of(data: DataSpec, k: int) -> ModelSpec:
    """The network of the dial with k numbers in its code."""
    return preset(PRESET).spec(data, k)


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
    data = load(said.dataset).spec
    return read_models(FILE, {stop.k: spec_of(data, stop.k) for stop in said.stops})


@torch.inference_mode()
def redrawn(turn: int) -> Redrawn:
    """Held-out digits, one of each class, drawn again by all models and by PCA at the same k.

    turn: from 0; other digits each turn. Raises DatasetError where the data are not those that the
    models were trained on.
    """
    said = facts()
    data = data_of(said)
    rows, labels = one_of_each(data, turn)
    x = data.test.batch(torch.tensor(rows))
    ks = [stop.k for stop in said.stops]
    ae = torch.stack([model.reconstruct(x) for model in models()])
    basis, flat = basis_of(data, max(ks)), x.flatten(1).numpy()
    pca = torch.stack([torch.from_numpy(basis.reconstruct(flat, k)).view_as(x) for k in ks])
    ae_errors, pca_errors = (
        np.stack([squared_error_per_value(x_hat, x).numpy() for x_hat in some])
        for some in (ae, pca)
    )
    names = tuple(data.class_names[label] for label in labels)
    return Redrawn(tuple(rows), names, x.numpy(), ae.numpy(), pca.numpy(), ae_errors, pca_errors)


def says(said: Facts) -> str:
    """Where more stops to help, in one sentence, from what was measured."""
    stops = said.stops
    best = max(stops, key=lambda stop: stop.knn)
    enough = next(stop for stop in stops if stop.knn >= best.knn - LITTLE)
    last = stops[-1]
    better = "hardly" if last.knn > enough.knn else "no"
    lower = math.floor(100 * (1 - last.mse / enough.mse))
    ahead = max(stops, key=lambda stop: stop.pca_mse / stop.mse)
    behind = next((stop.k for stop in stops if stop.pca_mse < stop.mse), None)
    ends = "" if behind is None else f", and PCA errs less from {behind} on"
    return (
        f"From {enough.k} to {last.k} numbers the error falls by another {lower} %, but neighbours "
        f"tell the digits apart {better} better ({enough.knn:.1f} % against {last.knn:.1f} %). The "
        f"network is furthest ahead of PCA at {ahead.k} numbers{ends}."
    )
