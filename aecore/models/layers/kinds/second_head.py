"""What the second half of a variational encoder's numbers says: logvar, whatever it was before."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError
from aecore.models.layers.arguments import plain
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register

#: What a second head may give, the usual first.
SECOND_HEADS = ("log-variance", "log-deviation", "deviation", "softplus deviation")


class SecondHead(nn.Module):
    """(B, 2k), mu and a second head -> mu and logvar of q(z|x), (B, 2k).

    kind: what the second head gives: "log-variance", "log-deviation", "deviation" or "softplus
    deviation". low, high: it is held between them first.
    """

    def __init__(self, kind: str, low: float | None = None, high: float | None = None):
        super().__init__()
        self.kind, self.low, self.high = kind, low, high

    def forward(self, x: Tensor) -> Tensor:
        mu, second = x.chunk(2, dim=1)
        if self.low is not None or self.high is not None:
            second = second.clamp(self.low, self.high)
        if self.kind == "log-deviation":
            second = 2 * second
        elif self.kind == "deviation":
            second = 2 * second.abs().clamp(min=1e-12).log()
        elif self.kind == "softplus deviation":
            second = 2 * F.softplus(second).clamp(min=1e-12).log()
        return torch.cat([mu, second], dim=1)


def _made(kind: str, low: float | None = None, high: float | None = None) -> SecondHead:
    if kind not in SECOND_HEADS:
        raise ConfigError(f"A second head is one of {', '.join(SECOND_HEADS)}, not {kind!r}.")
    if any(isinstance(v, bool | str) for v in (low, high)):
        raise ConfigError("The limits of a second head are numbers, or None for no limit.")
    if low is not None and high is not None and low > high:
        raise ConfigError(f"The second head's lowest value, {low}, is above its highest, {high}.")
    return SecondHead(kind, low, high)


def _line(layer: SecondHead) -> str:
    parts = [repr(layer.kind)]
    for name, value in (("low", layer.low), ("high", layer.high)):
        if value is not None:
            parts.append(f"{name}={plain(layer, name, value)}")
    return ", ".join(parts)


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    return SecondHead(op["kind"].replace("_", " "), op["low"], op["high"])(x.flatten(1))


_OPERATIONS = {
    kind: Operation("second_head", _run, kind.replace(" ", "_")) for kind in SECOND_HEADS
}


def _trace(layer: SecondHead, shape: Shape, ops: list[Op]) -> Shape:
    fits = len(shape) == 1 and shape[0] % 2 == 0
    expect(fits, layer, shape, "expected an even number of values: mu, then the second head")
    settings = {"size": shape[0], "low": layer.low, "high": layer.high}
    ops.append(_OPERATIONS[layer.kind].op(settings))
    return shape


def _sample(shape: Shape, pick: Pick) -> SecondHead | None:
    if len(shape) != 1 or shape[0] % 2:
        return None
    return SecondHead(pick(SECOND_HEADS), pick((None, -4.0)), pick((None, 2.5)))


register(
    LayerEntry(
        layer=SecondHead,
        sample=_sample,
        make=_made,
        line=_line,
        trace=_trace,
        operations=tuple(_OPERATIONS.values()),
    )
)
