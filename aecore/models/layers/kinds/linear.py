"""Linear layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.operation import Description, Op, Operation, part, weight_and_bias
from aecore.models.layers.registry import register


class TransposedLinear(nn.Module):
    """Another layer's weights, transposed, with a bias of its own: (B, out) -> (B, in)."""

    def __init__(self, of: nn.Linear):
        super().__init__()
        self.tied_to = (of,)  # in a tuple: its weights are saved and trained where they belong
        self.in_features, self.out_features = of.out_features, of.in_features
        self.bias = nn.Parameter(torch.zeros(of.in_features))

    @property
    def weight(self) -> Tensor:
        """(out_features, in_features)."""
        return self.tied_to[0].weight.T

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.weight, self.bias)


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    w = part(op, weights, "w", op["out"], op["in"])
    rows = x.view(len(x), op["rows"], op["in"])
    return F.linear(rows, w, part(op, weights, "b", op["out"]))


LINEAR = Operation("linear", _run)


def _trace(layer: nn.Linear | TransposedLinear, shape: Shape, ops: list[Op]) -> Shape:
    n_in, n_out = layer.in_features, layer.out_features
    expect(bool(shape) and shape[-1] == n_in, layer, shape, f"its last size should be {n_in}")
    settings = {"rows": prod(shape[:-1]), "in": n_in, "out": n_out}
    ops.append(LINEAR.op(settings, weight_and_bias(layer, n_out)))
    return (*shape[:-1], n_out)


def _after(layer: nn.Linear | TransposedLinear, before: Shape) -> Shape:
    return (*before[:-1], layer.out_features)


def _multiply_adds(layer: nn.Linear | TransposedLinear, before: Shape, after: Shape) -> int:
    return prod(before) * layer.out_features


def _line(layer: nn.Linear) -> str:
    bias = "" if layer.bias is not None else ", bias=False"
    return f"{layer.in_features}, {layer.out_features}{bias}"


def _sample(shape: Shape, pick: Pick) -> nn.Linear:
    return nn.Linear(shape[-1], pick((6, 1, 3, 20)), bias=pick((True, False)))


register(
    LayerEntry(
        layer=nn.Linear,
        sample=_sample,
        after=_after,
        line=_line,
        trace=_trace,
        operations=(LINEAR,),
        multiply_adds=_multiply_adds,
        weighted=True,
        first_weights=lambda layer, draw: draw(layer.weight, layer.bias),
    )
)


def _tied(layer: TransposedLinear, encoder: Sequence[nn.Module]) -> list[str] | None:
    places = [i for i, other in enumerate(encoder) if other is layer.tied_to[0]]
    return [f"self.encoder[{places[0]}]"] if places else None


register(
    LayerEntry(
        layer=TransposedLinear,
        sample=lambda shape, pick: TransposedLinear(nn.Linear(pick((6, 1, 3)), shape[-1])),
        after=_after,
        readable=False,  # a line knows no other line
        line=lambda layer: f"{layer.in_features}, {layer.out_features}",
        script=_tied,
        trace=_trace,
        operations=(LINEAR,),
        multiply_adds=_multiply_adds,
        weighted=True,
        told="the same, transposed",
    )
)
