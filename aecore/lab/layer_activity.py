"""One layer of a model, opened: what it gives for many examples, and what comes out if it gave
something else."""

from __future__ import annotations

import hashlib
import math
import threading
import weakref
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError
from aecore.evaluation.batches import batch_for, parts
from aecore.models import LatentModel
from aecore.models.stages import Stage, activations, onward, stages_of

MOST_VALUES = 32_000_000  # of a layer over the examples looked at together: 128 MB
MOST_UNITS = 8192  # of a layer; twice as many weights for each feature are kept in a result


@dataclass(frozen=True, eq=False)
class Layer:
    """A stage of a model, counted as the pages count them. shape: of its values for one example;
    of the code it is mu alone."""

    model: LatentModel
    stages: tuple[Stage, ...]
    place: int
    shape: tuple[int, ...]

    @property
    def units(self) -> int:
        """Its values for one example, feature maps taken apart."""
        return math.prod(self.shape)

    @property
    def name(self) -> str:
        """What pages call it."""
        last = sum(stage.part == "encoder" for stage in self.stages) - 1
        if self.place == last:
            return "the code"
        if self.place == len(self.stages) - 1:
            return "the output"
        if self.place < last:
            return f"encoder, layer {self.place + 1}"
        return f"decoder, layer {self.place - last}"

    @torch.no_grad()
    def values(self, x: Tensor) -> Tensor:
        """What it gives for x (B, *data shape), in rows: (B, units) float32."""
        found = activations(self.model, x, self.stages, self.place)[-1]
        return found[:, : self.shape[0]].flatten(1)

    @torch.no_grad()
    def onward(self, values: Tensor) -> Tensor:
        """What comes out where it gives these values, (B, units) -> (B, *data shape)."""
        value = values.reshape(len(values), *self.shape)
        return onward(self.model, value, self.stages, self.place)

    def reading(self) -> np.ndarray | None:
        """The weights with which each unit reads the input, (units, *data shape), where the layer
        is one matrix upon it; None elsewhere."""
        stage, data = self.stages[self.place], self.model.spec.data
        sums = [layer for layer in stage.layers if isinstance(layer, nn.Linear)]
        if self.place or len(sums) != 1 or sums[0].weight.shape != (self.units, data.size):
            return None
        return sums[0].weight.detach().numpy().reshape(self.units, *data.shape)


def layer_of(model: LatentModel, number: int) -> Layer:
    """A model's layer by its number, from 1. Raises ConfigError where there is none, or where it
    is too large."""
    stages = tuple(stages_of(model))
    if not 1 <= number <= len(stages):
        raise ConfigError(f"This model has {len(stages)} layers; there is no layer {number}.")
    place = number - 1
    with torch.no_grad():
        blank = torch.zeros(1, *model.spec.data.shape)
        shape = tuple(activations(model, blank, stages, place)[-1].shape[1:])
    if stages[place].part == "encoder" and stages[place + 1].part == "decoder":
        shape = (model.spec.latent_dim,)
    layer = Layer(model, stages, place, shape)
    if layer.units > MOST_UNITS:
        raise ConfigError(
            f"Layer {number} gives {layer.units:,} values an example, and features are looked "
            f"for among at most {MOST_UNITS:,}; choose a smaller layer."
        )
    return layer


def mark_of(model: LatentModel) -> str:
    """A short text that differs for models whose weights do."""
    digest = hashlib.sha256()
    for name, weights in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights.cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]


# Many examples -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Activity:
    """A layer's values over training and held-out examples, (n, units) and (m, units). rows: which
    held-out examples these are, (m,)."""

    layer: Layer
    train: Tensor
    test: Tensor
    rows: Tensor


_lock = threading.Lock()
_last: tuple[weakref.ref[LatentModel], tuple[int, str], Activity] | None = None


def activity_of(model: LatentModel, data: Dataset, number: int) -> Activity:
    """A layer's activity, of all examples or as many as MOST_VALUES allows. The last is kept, for
    the next task of the same run. Raises ConfigError as `layer_of` does."""
    global _last
    key = number, data.fingerprint
    with _lock:
        known = _last
    if known is not None and known[0]() is model and known[1] == key:
        return known[2]
    layer = layer_of(model, number)
    most = MOST_VALUES // layer.units
    (train, _), (test, rows) = _some(data.train, most), _some(data.test, most)
    found = Activity(layer, _values(layer, train), _values(layer, test), rows)
    with _lock:
        _last = weakref.ref(model), key, found
    return found


def _some(split: Split, most: int) -> tuple[Split, Tensor]:
    """At most so many examples, drawn, since files may be sorted by class; and which."""
    if len(split) <= most:
        return split, torch.arange(len(split))
    rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:most].sort()[0]
    return Split(split.x[rows]), rows


def _values(layer: Layer, split: Split) -> Tensor:
    size = batch_for(layer.model)
    return torch.cat([layer.values(split.batch(part)) for part in parts(len(split), size)])
