"""Curves of straight pieces, beside the usual ones, and limits for values."""

from __future__ import annotations

import math
from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError
from aecore.models.layers.entry import Curve, LayerEntry, Shape
from aecore.models.layers.kinds.curves import LEAKY_RELU, becomes, one_of, operation
from aecore.models.layers.operation import Op
from aecore.models.layers.registry import register

CLIP = operation("clip", lambda op, x: x.clamp(op["low"], op["high"]))
HARD_SIGMOID = operation("hard_sigmoid", lambda op, x: F.hardsigmoid(x))
HARD_SWISH = operation("hard_swish", lambda op, x: F.hardswish(x))
HARD_SHRINK = operation("hard_shrink", lambda op, x: F.hardshrink(x, op["by"]))
SOFT_SHRINK = operation("soft_shrink", lambda op, x: F.softshrink(x, op["by"]))
THRESHOLD = operation("threshold", lambda op, x: F.threshold(x, op["at"], op["else"]))


class Clamp(nn.Module):
    """Values held between two limits, either of which may be missing."""

    def __init__(self, low: float | None = None, high: float | None = None):
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(self.low, self.high)


def _clamp(low: float | None = None, high: float | None = None) -> Clamp:
    if low is None and high is None:
        raise ConfigError("Clamp takes a lowest value, a highest one, or both.")
    given = [v for v in (low, high) if v is not None]
    if any(isinstance(v, bool) or not isinstance(v, int | float) or math.isnan(v) for v in given):
        raise ConfigError("The limits of Clamp are numbers, or None for no limit.")
    if given != sorted(given):
        raise ConfigError(f"Clamp's lowest value, {low}, is above its highest, {high}.")
    return Clamp(low, high)


register(
    LayerEntry(
        layer=Clamp,
        sample=lambda shape, pick: Clamp(pick((-0.5, None, 0)), pick((0.5, 1))),
        make=_clamp,
        trace=becomes(CLIP, low="low", high="high"),
        operations=(CLIP,),
    )
)


def _trace_relu6(layer: nn.ReLU6, shape: Shape, ops: list[Op]) -> Shape:
    ops.append(CLIP.op({"size": prod(shape), "low": 0.0, "high": 6.0}))
    return shape


register(
    LayerEntry(
        layer=nn.ReLU6,
        sample=one_of(nn.ReLU6),
        trace=_trace_relu6,
        operations=(CLIP,),
        curve=Curve(dies=True),
    )
)
register(
    LayerEntry(
        layer=nn.Hardtanh,
        sample=lambda shape, pick: nn.Hardtanh(pick((-1.0, 0.0)), pick((1.0, 0.5))),
        trace=becomes(CLIP, low="min_val", high="max_val"),
        operations=(CLIP,),
        curve=Curve(ends=(-1.0, 1.0)),
    )
)
register(
    LayerEntry(
        layer=nn.Hardsigmoid,
        sample=one_of(nn.Hardsigmoid),
        trace=becomes(HARD_SIGMOID),
        operations=(HARD_SIGMOID,),
        curve=Curve(ends=(0.0, 1.0)),
    )
)
register(
    LayerEntry(
        layer=nn.Hardswish,
        sample=one_of(nn.Hardswish),
        trace=becomes(HARD_SWISH),
        operations=(HARD_SWISH,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Hardshrink,
        sample=one_of(nn.Hardshrink, "lambd", (0.5, 0.2)),
        trace=becomes(HARD_SHRINK, by="lambd"),
        operations=(HARD_SHRINK,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Softshrink,
        sample=one_of(nn.Softshrink, "lambd", (0.5, 0.2)),
        trace=becomes(SOFT_SHRINK, by="lambd"),
        operations=(SOFT_SHRINK,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Threshold,
        sample=lambda shape, pick: nn.Threshold(pick((0.1, 0.5)), pick((-1.0, 0.0))),
        trace=becomes(THRESHOLD, **{"at": "threshold", "else": "value"}),
        operations=(THRESHOLD,),
        curve=Curve(),
    )
)


def _trace_rrelu(layer: nn.RReLU, shape: Shape, ops: list[Op]) -> Shape:
    # In use the slope is the mean of what it is drawn from in training.
    slope = (layer.lower + layer.upper) / 2
    ops.append(LEAKY_RELU.op({"size": prod(shape), "slope": slope}))
    return shape


register(
    LayerEntry(
        layer=nn.RReLU,
        sample=lambda shape, pick: nn.RReLU(pick((0.125, 0.1)), pick((1 / 3, 0.5))),
        trace=_trace_rrelu,
        operations=(LEAKY_RELU,),
        curve=Curve(),
    )
)
