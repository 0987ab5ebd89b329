"""The strongest units of a code alone (Makhzani and Frey 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models.layers.entry import Curve, LayerEntry, Shape, expect
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register


class TopK(nn.Module):
    """Keep the k largest values of each row, set the others to 0: (B, n) -> (B, n).

    While training, `generosity` times as many.
    """

    def __init__(self, k: int):
        super().__init__()
        self.k = k
        self.generosity = 1

    def forward(self, x: Tensor) -> Tensor:
        k = self.k * self.generosity if self.training else self.k
        if k >= x.shape[1]:
            return x
        values, places = x.topk(k, dim=1)
        return torch.zeros_like(x).scatter(1, places, values)


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    values, places = x.topk(op["k"], dim=1)
    return torch.zeros_like(x).scatter(1, places, values)


TOP_K = Operation("top_k", _run)


def _trace(layer: TopK, shape: Shape, ops: list[Op]) -> Shape:
    expect(len(shape) == 1, layer, shape, "expected a flat vector")
    ops.append(TOP_K.op({"k": min(layer.k, shape[0]), "size": shape[0]}))
    return shape


register(
    LayerEntry(
        layer=TopK,
        sample=lambda shape, pick: TopK(pick((3, 1, 30))) if len(shape) == 1 else None,
        readable=False,  # no file from outside has it
        trace=_trace,
        operations=(TOP_K,),
        curve=Curve(dies=True),
    )
)
