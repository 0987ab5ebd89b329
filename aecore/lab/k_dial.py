"""The dial of k: one network with codes from 1 to 128 numbers, trained before and shipped.

Thirteen models 784-128-k-128-784 of MNIST digits, made by scripts/dials.py with aecore's own
training. Their weights are kept as float16; what the file says of each was measured with the
weights as they are kept. They reproduce the sizes of the experiment "How many numbers?".
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from aecore.datasets import Dataset, load
from aecore.errors import CheckpointError, ConfigError, DatasetError
from aecore.models import LatentModel, build
from aecore.models.families.pca import basis_of
from aecore.models.losses import squared_error_per_value
from aecore.models.presets import preset
from aecore.types import DataSpec, ModelSpec

FILE = Path(__file__).parent / "assets" / "k_dial.safetensors"
KS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)
PRESET, DATASET = "fast-start", "mnist"
EPOCHS, SEED = 10, 10
LITTLE = 1.0  # points of accuracy that count as no better
_KEY = "aecore_dial"  # of the facts in the file


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


def rounded(model: LatentModel) -> dict[str, Tensor]:
    """A model's weights as they are kept: float16 by name. Raises ConfigError where one is too
    large for that."""
    weights = {name: value.half() for name, value in model.state_dict().items()}
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ConfigError("A weight is beyond what sixteen bits can hold; train it anew.")
    return weights


def unrounded(spec: ModelSpec, weights: Mapping[str, Tensor]) -> LatentModel:
    """The model with weights as they are kept, in evaluation mode."""
    model = build(spec, 0)
    model.load_state_dict({name: value.float() for name, value in weights.items()})
    return model.eval()


def write(path: Path, facts: Facts, weights: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Write the dial's file. weights: of each k, as `rounded` gives them."""
    tensors = {f"{k}.{n}": v.contiguous() for k, some in weights.items() for n, v in some.items()}
    path.parent.mkdir(exist_ok=True)
    said = vars(facts) | {"stops": [vars(stop) for stop in facts.stops]}
    path.write_bytes(save(tensors, {_KEY: json.dumps(said)}))


@functools.cache
def facts() -> Facts:
    """What the shipped file says of its models. Raises CheckpointError where it is damaged."""
    return _read(FILE)[0]


@functools.cache
def models() -> tuple[LatentModel, ...]:
    """The shipped models, one a stop, read once a process; nobody may change them.

    Raises CheckpointError where the file is missing or damaged.
    """
    said, weights = _read(FILE)
    spec = load(said.dataset).spec
    try:
        return tuple(unrounded(spec_of(spec, stop.k), weights[stop.k]) for stop in said.stops)
    except (KeyError, RuntimeError) as error:
        raise _damaged(error) from error


def _read(path: Path) -> tuple[Facts, dict[int, dict[str, Tensor]]]:
    weights: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            said: dict[str, Any] = json.loads(file.metadata()[_KEY])
            names = file.keys()  # it is no mapping
            for name in names:
                k, _, own_name = name.partition(".")
                weights.setdefault(int(k), {})[own_name] = file.get_tensor(name)
        stops = tuple(Stop(**stop) for stop in said.pop("stops"))
        return Facts(**said, stops=stops), weights
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> CheckpointError:
    return CheckpointError(
        f"The models of the dial could not be read ({error}); get the file again from a fresh copy "
        "of the project."
    )


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


def data_of(said: Facts) -> Dataset:
    """The data that the models were trained on. Raises DatasetError where they are others now."""
    data = load(said.dataset)
    if data.fingerprint != said.fingerprint:
        raise DatasetError(
            "The models of the dial were trained on other digits than these; make them again with "
            "scripts/dials.py."
        )
    return data


def one_of_each(data: Dataset, turn: int) -> tuple[list[int], list[int]]:
    """Rows of held-out examples, one of each class, other ones each turn; and their classes."""
    labels = data.test.labels
    if labels is None:
        raise DatasetError("The digits of the dial have no classes.")
    classes = [int(label) for label in labels.unique()]
    of_class = [torch.nonzero(labels == label)[:, 0] for label in classes]
    return [int(rows[turn % len(rows)]) for rows in of_class], classes


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
