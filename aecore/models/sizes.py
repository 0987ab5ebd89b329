"""What one example takes on its way through a model, found by shapes alone; and how much may be.

Weights are counted elsewhere (registry.MAX_PARAMETERS): seventeen kilobytes of layers without any
can ask for gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from torch import nn

from aecore.errors import ConfigError
from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.lines import MAX_VALUES
from aecore.models.layers.registry import entry_of

MAX_BYTES = 512 << 20  # of all that lies between layers
MAX_MULTIPLY_ADDS = 2_000_000_000
FLOAT = 4  # bytes
_TOGETHER = 3  # arrays of the largest size that a layer has in memory: what enters, leaves, helps


@dataclass(frozen=True)
class Sizes:
    """What one example takes, encoded and decoded.

    largest: values of the largest array between two layers, the example itself among them. nbytes:
    of all those arrays as float32, which training keeps. multiply_adds: of all layers, pooling and
    resizing included.
    """

    largest: int
    nbytes: int
    multiply_adds: int

    def examples_within(self, nbytes: int) -> int:
        """How many examples may go through together, at least 1, without gradients."""
        return max(1, nbytes // (_TOGETHER * FLOAT * self.largest))


def sizes_of(model: LatentModel) -> Sizes:
    """What an example takes; nothing is computed, so the model may be without memory (meta)."""
    data, k = model.spec.data, model.spec.latent_dim
    arrays, work = [data.size], 0
    for network, shape in ((model.encoder_network(), data.shape), (model.decoder_network(), (k,))):
        found, macs = _walk(leaves(network), tuple(shape))
        arrays += found
        work += macs
    return Sizes(max(arrays), FLOAT * sum(arrays), work)


def _walk(layers: Iterable[nn.Module], shape: tuple[int, ...]) -> tuple[list[int], int]:
    """Values that leave each layer, and all multiply-adds."""
    arrays, work = [], 0
    for layer in layers:
        entry, before = entry_of(layer), shape
        if entry is not None:
            shape = entry.after(layer, before)
            work += entry.multiply_adds(layer, before, shape)
            for way in entry.inner(layer) if entry.inner is not None else ():
                arrays += _walk(way, before)[0]
        arrays.append(prod(shape))
    return arrays, work


def check_sizes(model: LatentModel) -> LatentModel:
    """The model again; raises ConfigError where one example would take too much."""
    found = sizes_of(model)
    if found.largest > MAX_VALUES:
        raise ConfigError(
            f"One example would become {found.largest:,} values between two layers of this model; "
            f"the most allowed is {MAX_VALUES:,}. Enlarge it less, or give its layers fewer maps."
        )
    if found.nbytes > MAX_BYTES:
        raise ConfigError(
            f"One example would take {found.nbytes >> 20:,} MB on its way through this model; the "
            f"most allowed is {MAX_BYTES >> 20:,} MB. Give it fewer layers or fewer maps."
        )
    if found.multiply_adds > MAX_MULTIPLY_ADDS:
        raise ConfigError(
            f"One example would cost {found.multiply_adds:,} multiply-adds in this model; the most "
            f"allowed is {MAX_MULTIPLY_ADDS:,}. Give it smaller kernels or fewer maps."
        )
    return model
