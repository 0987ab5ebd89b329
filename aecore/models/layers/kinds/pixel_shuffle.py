"""Maps laid out as a larger image, and back (Shi et al. 2016)."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    return F.pixel_shuffle(x.view(len(x), *op["in"]), op["factor"])


def _run_back(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    return F.pixel_unshuffle(x.view(len(x), *op["in"]), op["factor"])


SHUFFLE = Operation("pixel_shuffle", _run)
UNSHUFFLE = Operation("pixel_unshuffle", _run_back)


def _after(layer: nn.PixelShuffle, before: Shape) -> Shape:
    n = layer.upscale_factor
    return (before[0] // n**2, before[1] * n, before[2] * n)


def _trace(layer: nn.PixelShuffle, shape: Shape, ops: list[Op]) -> Shape:
    n = layer.upscale_factor
    fits = len(shape) == 3 and shape[0] % n**2 == 0
    expect(fits, layer, shape, f"expected a multiple of {n**2} maps")
    ops.append(SHUFFLE.op({"in": list(shape), "factor": n}))
    return _after(layer, shape)


def _sample(shape: Shape, pick: Pick) -> nn.PixelShuffle | None:
    if len(shape) != 3:
        return None
    return nn.PixelShuffle(pick([n for n in (2, 1) if shape[0] % n**2 == 0]))


register(
    LayerEntry(
        layer=nn.PixelShuffle,
        sample=_sample,
        after=_after,
        trace=_trace,
        operations=(SHUFFLE,),
        multiply_adds=lambda layer, before, after: prod(after),
    )
)


def _after_back(layer: nn.PixelUnshuffle, before: Shape) -> Shape:
    n = layer.downscale_factor
    return (before[0] * n**2, before[1] // n, before[2] // n)


def _trace_back(layer: nn.PixelUnshuffle, shape: Shape, ops: list[Op]) -> Shape:
    n = layer.downscale_factor
    fits = len(shape) == 3 and shape[1] % n == 0 and shape[2] % n == 0
    expect(fits, layer, shape, f"expected a height and width that {n} divides")
    ops.append(UNSHUFFLE.op({"in": list(shape), "factor": n}))
    return _after_back(layer, shape)


def _sample_back(shape: Shape, pick: Pick) -> nn.PixelUnshuffle | None:
    if len(shape) != 3:
        return None
    sides = [n for n in (2, 1, 3) if shape[1] % n == 0 and shape[2] % n == 0]
    return nn.PixelUnshuffle(pick(sides))


register(
    LayerEntry(
        layer=nn.PixelUnshuffle,
        sample=_sample_back,
        after=_after_back,
        trace=_trace_back,
        operations=(UNSHUFFLE,),
        multiply_adds=lambda layer, before, after: prod(after),
    )
)
