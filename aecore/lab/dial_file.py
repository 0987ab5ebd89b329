"""The file of a dial: a few small models that a script trained, and what was measured of them.

The weights are kept as float16; what the file says of each model was measured with the weights as
they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from aecore.datasets import Dataset, load
from aecore.errors import CheckpointError, ConfigError, DatasetError
from aecore.models import LatentModel, build
from aecore.types import ModelSpec

Weights = Mapping[str, Tensor]
F = TypeVar("F")
_KEY = "aecore_dial"  # of the facts in the file


class OfData(Protocol):
    """Facts that name the data which a dial's models were trained on."""

    @property
    def dataset(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


def rounded(model: LatentModel) -> dict[str, Tensor]:
    """A model's weights as they are kept: float16 by name. Raises ConfigError where one is too
    large for that."""
    weights = {name: value.half() for name, value in model.state_dict().items()}
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ConfigError("A weight is beyond what sixteen bits can hold; train it anew.")
    return weights


def unrounded(spec: ModelSpec, weights: Weights) -> LatentModel:
    """The model with weights as they are kept, in evaluation mode."""
    model = build(spec, 0)
    model.load_state_dict({name: value.float() for name, value in weights.items()})
    return model.eval()


def write(path: Path, facts: Any, weights: Mapping[int, Weights]) -> None:
    """Write a dial's file. facts: a dataclass of plain values and of `stops`, dataclasses too.
    weights: of each model, as `rounded` gives them, by a whole number of its own."""
    tensors = {f"{i}.{n}": v.contiguous() for i, some in weights.items() for n, v in some.items()}
    path.parent.mkdir(exist_ok=True)
    said = vars(facts) | {"stops": [vars(stop) for stop in facts.stops]}
    path.write_bytes(save(tensors, {_KEY: json.dumps(said)}))


def read_facts(path: Path, facts: Callable[..., F], stop: type) -> F:
    """What a file says of its models, as records of these types. Raises CheckpointError where it is
    missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            said: dict[str, Any] = json.loads(file.metadata()[_KEY])
        stops = tuple(stop(**one) for one in said.pop("stops"))
        return facts(**said, stops=stops)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(error) from error


def read_models(path: Path, specs: Mapping[int, ModelSpec]) -> tuple[LatentModel, ...]:
    """The models of these numbers, in their order. Raises CheckpointError where the file is missing
    or damaged."""
    weights: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()  # it is no mapping
            for name in names:
                i, _, own_name = name.partition(".")
                weights.setdefault(int(i), {})[own_name] = file.get_tensor(name)
        return tuple(unrounded(spec, weights[i]) for i, spec in specs.items())
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> CheckpointError:
    return CheckpointError(
        f"The models of the dial could not be read ({error}); get the file again from a fresh copy "
        "of the project."
    )


def data_of(said: OfData) -> Dataset:
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
