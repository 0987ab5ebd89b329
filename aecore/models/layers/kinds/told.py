"""The label that a conditional network is told, joined to what enters a layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError
from aecore.models.layers.arguments import arguments_of
from aecore.models.layers.entry import Draw, LayerEntry, Pick, Shape
from aecore.models.layers.operation import Description, Op, Operation, part, values_of
from aecore.models.layers.registry import register

MAX_CLASSES = 10_000


class Told(nn.Module):
    """A label's numbers beside the values that enter, (B, n, ...) -> (B, n + m, ...).

    A one-hot vector of m = classes numbers, or `width` numbers of the label's own row of `weight`
    (classes, width); on maps each is a map of one value. They stand behind the values, or, first,
    before them. said: the label, where it is always the same; else labels (B,) int64, or shares of
    each (B, classes), and None for no label said: then the mean of all labels' numbers.
    """

    def __init__(self, classes: int, width: int = 0, first: bool = False, said: int | None = None):
        super().__init__()
        self.classes, self.width, self.first, self.said = classes, width, first, said
        if width:
            self.weight = nn.Parameter(torch.zeros(classes, width))

    def numbers(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """What is joined to x, (B, m)."""
        if labels is None and self.said is not None:
            labels = torch.full((len(x),), self.said, device=x.device)
        if labels is None:
            mean = self.weight.mean(0) if self.width else x.new_ones(self.classes) / self.classes
            return mean.expand(len(x), -1)
        if labels.dim() == 1:
            labels = F.one_hot(labels, self.classes).to(x.dtype)
        return labels @ self.weight if self.width else labels

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        more = self.numbers(x, labels)
        more = more.reshape(*more.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([more, x] if self.first else [x, more], dim=1)


def joined(layer: Told) -> int:
    """How many numbers it joins to what enters."""
    return layer.width or layer.classes


def _made(classes: int, width: int = 0, first: bool = False, said: int | None = None) -> Told:
    numbers = [classes, width, *([] if said is None else [said])]
    if any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
        raise ConfigError("Told takes whole numbers: the classes, and the width of an embedding.")
    if not 2 <= classes <= MAX_CLASSES or width < 0:
        raise ConfigError(f"Told takes 2 to {MAX_CLASSES:,} classes; it was given {classes:,}.")
    if said is not None and not 0 <= said < classes:
        raise ConfigError(f"There is no label {said} among {classes} classes.")
    return Told(classes, width, bool(first), said)


def _after(layer: Told, before: Shape) -> Shape:
    return (before[0] + joined(layer), *before[1:])


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    more = part(op, weights, "w", op["more"]).expand(len(x), -1)
    return torch.cat([more, x] if op["first"] else [x, more], dim=1)


#: Values that are always the same, behind or before those that enter.
JOIN_CONSTANT = Operation("join_constant", _run)


def _trace(layer: Told, shape: Shape, ops: list[Op]) -> Shape:
    numbers = values_of(layer.numbers(torch.zeros(1, 1), None)[0])
    values = np.repeat(numbers, prod(shape[1:]))
    settings = {"size": prod(shape), "more": len(values), "first": layer.first}
    ops.append(JOIN_CONSTANT.op(settings, {"w": values}))
    return _after(layer, shape)


def _first_weights(layer: Told, draw: Draw) -> None:
    if layer.width:
        draw(layer.weight, None)


def _sample(shape: Shape, pick: Pick) -> Told:
    said = pick((None, 1))
    return Told(pick((3, 2)), pick((0, 4)), pick((False, True)), said)


def _call(layer: Told, encoder: Sequence[nn.Module]) -> list[str]:
    return arguments_of(layer)


register(
    LayerEntry[Any](
        layer=Told,
        sample=_sample,
        after=_after,
        make=_made,
        alone=True,
        script=_call,
        trace=_trace,
        operations=(JOIN_CONSTANT,),
        first_weights=_first_weights,
    )
)
