"""One operation of the browser's engine: how it is described to it, and the same in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

#: What is told of an operation: "op", perhaps "kind", its sizes, and where its arrays begin among
#: the weights. Plain JSON.
Description = dict[str, Any]
Run = Callable[[Description, Tensor, Tensor], Tensor]


@dataclass
class Op:
    """An operation of one network before its weights are packed.

    arrays: name in the description -> values, which are packed in row-major order.
    """

    description: Description
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """An operation that the engine has a kernel for, under the same name and kind.

    run: (description, all weights (n,), x (B, values)) -> (B, ...), the same in torch. pile: in its
    place, of an operation that has no weights but puts x on a pile of values kept for later, or
    takes one off: (description, x (B, values), the pile) -> (B, ...).
    """

    name: str
    run: Run | None = None
    kind: str = ""
    pile: Callable[[Description, Tensor, list[Tensor]], Tensor] | None = None

    def __call__(self, op: Description, weights: Tensor, x: Tensor, pile: list[Tensor]) -> Tensor:
        """What it makes of x (B, values), in torch."""
        if self.pile is not None:
            return self.pile(op, x, pile)
        if self.run is None:
            raise NotImplementedError(f"The operation {self.key} has nothing to run.")
        return self.run(op, weights, x)

    @property
    def key(self) -> str:
        """What tells it from all others: 'linear', 'pool2d/max'."""
        return f"{self.name}/{self.kind}" if self.kind else self.name

    def op(self, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> Op:
        """This operation with the settings and weights that it has in one network."""
        head = {"op": self.name, "kind": self.kind} if self.kind else {"op": self.name}
        return Op({**head, **settings}, dict(arrays or {}))


def key_of(description: Description) -> str:
    """The key of the Operation that a description asks for; it may not be known."""
    kind = description.get("kind")
    return f"{description.get('op')}/{kind}" if kind else str(description.get("op"))


def values_of(tensor: Tensor) -> np.ndarray:
    """A tensor's values as float64, in which weights are folded before they are rounded once."""
    return tensor.detach().cpu().double().numpy()


def weight_and_bias(layer: nn.Module, outputs: int) -> dict[str, np.ndarray]:
    """The arrays `w` and `b` of a layer; zeros for a bias that it does not have."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, torch.Tensor)
    values = values_of(bias) if isinstance(bias, torch.Tensor) else np.zeros(outputs)
    return {"w": values_of(weight), "b": values}


def part(description: Description, weights: Tensor, name: str, *shape: int) -> Tensor:
    """The array `name` of an operation, as a view of all weights (n,)."""
    start = description[name]
    return weights[start : start + prod(shape)].view(shape)
