"""A factor and a shift: how inputs were prepared, and what other layers end in."""

from __future__ import annotations

from math import prod

import numpy as np
from torch import Tensor, nn

from aecore.models.layers.arguments import number
from aecore.models.layers.entry import LayerEntry, Shape
from aecore.models.layers.operation import Description, Op, Operation, part
from aecore.models.layers.registry import register


class Scale(nn.Module):
    """y = factor * x + shift for every value: how inputs were prepared, or outputs are undone."""

    def __init__(self, factor: float, shift: float = 0.0):
        super().__init__()
        self.factor, self.shift = factor, shift

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.shift


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    channels = op["channels"]
    w, b = (part(op, weights, name, channels, 1) for name in "wb")
    return x.view(len(x), channels, -1) * w + b


AFFINE = Operation("affine", _run)


def affine(factor: np.ndarray, shift: np.ndarray, shape: Shape) -> Op:
    """y = factor * x + shift, both (channels,), for values of a shape (channels, ...)."""
    settings = {"channels": shape[0], "size": prod(shape[1:])}
    return AFFINE.op(settings, {"w": factor, "b": shift})


def scaled(factor: float, shift: float, shape: Shape) -> Op:
    """The same factor and shift for all channels."""
    return affine(np.full(shape[0], factor), np.full(shape[0], shift), shape)


def every_value(layer: nn.Module, before: Shape, after: Shape) -> int:
    """One multiply-add for each value."""
    return prod(after)


def _trace(layer: Scale, shape: Shape, ops: list[Op]) -> Shape:
    ops.append(scaled(layer.factor, layer.shift, shape))
    return shape


register(
    LayerEntry(
        layer=Scale,
        sample=lambda shape, pick: Scale(pick((2.0, -0.5, 1 / 3)), pick((-1.0, 0.0, 1 / 7))),
        line=lambda layer: f"{number(layer.factor)}, {number(layer.shift)}",
        trace=_trace,
        operations=(AFFINE,),
        multiply_adds=every_value,
    )
)
