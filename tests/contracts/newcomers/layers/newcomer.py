"""Two layers that the project does not have, as a newcomer would write them: this file is all."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import Curve, LayerEntry, Shape, expect
from aecore.models.layers.kinds.linear import LINEAR
from aecore.models.layers.operation import Description, Op, Operation, values_of
from aecore.models.layers.registry import register


class PositiveLinear(nn.Module):
    """A linear layer that can only add: its weights are magnitudes, (B, in) -> (B, out)."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.n_in, self.n_out = n_in, n_out
        self.raw = nn.Parameter(torch.zeros(n_out, n_in))

    @property
    def weight(self) -> Tensor:
        """(n_out, n_in), none of them negative."""
        return self.raw.abs()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight)


def _trace(layer: PositiveLinear, shape: Shape, ops: list[Op]) -> Shape:
    expect(shape == (layer.n_in,), layer, shape, f"expected ({layer.n_in},)")
    settings = {"rows": 1, "in": layer.n_in, "out": layer.n_out}
    arrays = {"w": values_of(layer.weight), "b": values_of(torch.zeros(layer.n_out))}
    ops.append(LINEAR.op(settings, arrays))
    return (layer.n_out,)


register(
    LayerEntry(
        layer=PositiveLinear,
        sample=lambda shape, pick: PositiveLinear(shape[0], 4) if len(shape) == 1 else None,
        after=lambda layer, before: (layer.n_out,),
        line=lambda layer: f"{layer.n_in}, {layer.n_out}",
        trace=_trace,
        operations=(LINEAR,),
        multiply_adds=lambda layer, before, after: layer.n_in * layer.n_out,
        weighted=True,
        first_weights=lambda layer, draw: draw(layer.raw, None),
    )
)


class Arctangent(nn.Module):
    """A curve between -1 and 1, (B, ...) -> (B, ...)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.atan() * 2 / torch.pi


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    return x.atan() * 2 / torch.pi


#: Its kernel in the browser would be named the same; here only replay runs it.
ARCTANGENT = Operation("activation", _run, "arctangent")


def _trace_arctangent(layer: Arctangent, shape: Shape, ops: list[Op]) -> Shape:
    ops.append(ARCTANGENT.op({"size": prod(shape)}))
    return shape


register(
    LayerEntry(
        layer=Arctangent,
        sample=lambda shape, pick: Arctangent(),
        trace=_trace_arctangent,
        operations=(ARCTANGENT,),
        curve=Curve(ends=(-1.0, 1.0)),
    )
)
