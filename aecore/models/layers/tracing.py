"""A network as a list of operations, and what they cost.

A network's layers are followed with the shape of one example; nothing is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import nn

from aecore.errors import ExportError
from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.entry import Shape
from aecore.models.layers.operation import Op
from aecore.models.layers.registry import entry_of


@dataclass(frozen=True)
class Traced:
    """A network's operations, the shape that leaves it, and its multiply-adds for one example.

    ends: for each of its layers how many operations there are behind it, and the shape that leaves
    it; a layer that adds none is folded into the one before, or only changes the shape.
    """

    operations: list[Op]
    shape: Shape
    multiply_adds: int
    ends: list[tuple[nn.Module, int, Shape]]


def trace(network: nn.Module, shape: Shape, part: str) -> Traced:
    """Follow an example of a shape through the layers and collect their operations.

    part: what the network is called in messages. Normalisation is folded into the layer before
    where that can be. Raises ExportError for a layer that has no operation, or that does not fit.
    """
    ops: list[Op] = []
    ends: list[tuple[nn.Module, int, Shape]] = []
    multiply_adds = 0
    for layer in leaves(network):
        entry = entry_of(layer)
        if entry is None or entry.trace is None:
            raise ExportError(
                f"The {part} contains a {type(layer).__name__} layer, "
                "which the browser decoder does not know."
            )
        count, before = len(ops), shape
        try:
            shape = entry.trace(layer, before, ops)
        except ExportError as error:
            raise ExportError(f"In the {part}: {error}") from error
        if len(ops) > count:
            multiply_adds += entry.multiply_adds(layer, before, shape)
        for op in ops[count:]:
            op.description.setdefault("writes", prod(shape))
        ends.append((layer, len(ops), shape))
    return Traced(ops, shape, multiply_adds, ends)


def multiply_adds(model: LatentModel) -> tuple[int, int] | None:
    """Multiply-adds of one example, encoder and decoder; None where a layer cannot be traced."""
    data, k = model.spec.data, model.spec.latent_dim
    try:
        encoder = trace(model.encoder_network(), tuple(data.shape), "encoder")
        decoder = trace(model.decoder_network(), (k,), "decoder")
    except ExportError:
        return None
    return encoder.multiply_adds, decoder.multiply_adds
