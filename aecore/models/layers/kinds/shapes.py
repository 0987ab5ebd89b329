"""Layers that only change a shape, or in use do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from aecore.errors import ConfigError, ExportError
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.operation import Op
from aecore.models.layers.registry import register


class Unflattened(nn.Unflatten):
    """A flat row as (C, H, W): `Unflatten(16, 7, 7)` in a line."""

    def __init__(self, *sizes: int):
        super().__init__(1, sizes)


def _passed_on(layer: nn.Module, shape: Shape, ops: list[Op]) -> Shape:
    return shape


def _unflattened(*sizes: Any, dim: int = 1, unflattened_size: Sequence[int] = ()) -> Unflattened:
    """Reads Unflatten(16, 7, 7), (1, (16, 7, 7)) as people write it, and as PyTorch prints it."""
    if len(sizes) == 2 and isinstance(sizes[1], tuple | list):
        dim, unflattened_size = sizes
    if unflattened_size:
        sizes = tuple(unflattened_size)
    if dim != 1:
        raise ConfigError(f"Only the first dimension can be unflattened, not {dim}.")
    return Unflattened(*sizes)


for cls, sample in (
    (nn.Identity, lambda shape, pick: nn.Identity()),
    (nn.Dropout, lambda shape, pick: nn.Dropout(pick((0.5, 0.1)))),
    (nn.Dropout1d, lambda shape, pick: nn.Dropout1d(pick((0.5, 0.1))) if len(shape) == 2 else None),
    (nn.Dropout2d, lambda shape, pick: nn.Dropout2d(pick((0.5, 0.1))) if len(shape) == 3 else None),
    (nn.AlphaDropout, lambda shape, pick: nn.AlphaDropout(pick((0.5, 0.1)))),
):
    register(LayerEntry(layer=cls, sample=sample, trace=_passed_on, idle=True))


def _flatten(layer: nn.Flatten, shape: Shape, ops: list[Op]) -> Shape:
    if layer.start_dim != 1 or layer.end_dim not in (-1, len(shape)):
        raise ExportError("only a Flatten of all dimensions is supported.")
    return (prod(shape),)


def _after_flatten(layer: nn.Flatten, before: Shape) -> Shape:
    first = layer.start_dim - 1
    last = len(before) if layer.end_dim == -1 else layer.end_dim
    return (*before[:first], prod(before[first:last]), *before[last:])


register(
    LayerEntry(
        layer=nn.Flatten,
        sample=lambda shape, pick: nn.Flatten(),
        after=_after_flatten,
        trace=_flatten,
        idle=True,
    )
)


def _unflatten(layer: nn.Unflatten, shape: Shape, ops: list[Op]) -> Shape:
    sizes = [int(n) for n in layer.unflattened_size]
    if len(shape) != 1 or layer.dim not in (1, -1):
        raise ExportError("only an Unflatten of a flat vector is supported.")
    if -1 in sizes:
        sizes[sizes.index(-1)] = shape[0] // -prod(sizes)
    expect(prod(sizes) == shape[0], layer, shape, f"it cannot become {tuple(sizes)}")
    return tuple(sizes)


def _after_unflatten(layer: nn.Unflatten, before: Shape) -> Shape:
    sizes = [int(n) for n in layer.unflattened_size]
    place = len(before) - 1 if layer.dim == -1 else layer.dim - 1
    if -1 in sizes:
        sizes[sizes.index(-1)] = before[place] // -prod(sizes)
    return (*before[:place], *sizes, *before[place + 1 :])


def _unflatten_line(layer: nn.Unflatten) -> str:
    if layer.dim != 1:
        raise ConfigError(f"Only the first dimension can be unflattened, not {layer.dim}.")
    return ", ".join(str(int(n)) for n in layer.unflattened_size)


def _unflatten_call(layer: nn.Unflatten, encoder: Sequence[nn.Module]) -> list[str]:
    return [repr(layer.dim), repr(tuple(layer.unflattened_size))]


def _unflatten_sample(shape: Shape, pick: Pick) -> nn.Unflatten | None:
    if len(shape) != 1:
        return None
    sizes = [(c, h) for c in (1, 2, 3) for h in (2, 1, 3) if shape[0] % (c * h) == 0]
    channels, height = pick(sizes)
    return nn.Unflatten(1, (channels, height, shape[0] // (channels * height)))


register(
    LayerEntry(
        layer=nn.Unflatten,
        same=(Unflattened,),
        sample=_unflatten_sample,
        after=_after_unflatten,
        make=_unflattened,
        line=_unflatten_line,
        script=_unflatten_call,
        trace=_unflatten,
        idle=True,
    )
)
