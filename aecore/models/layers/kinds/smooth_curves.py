"""Curves without a kink, beside the usual ones; and softmax, which looks at all values at once."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import Curve, LayerEntry, Pick, Shape, expect
from aecore.models.layers.kinds.curves import becomes, one_of, operation
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register

SOFTPLUS = operation("softplus", lambda op, x: F.softplus(x, op["beta"], op["threshold"]))
MISH = operation("mish", lambda op, x: F.mish(x))
SOFTSIGN = operation("softsign", lambda op, x: F.softsign(x))
LOG_SIGMOID = operation("log_sigmoid", lambda op, x: F.logsigmoid(x))
CELU = operation("celu", lambda op, x: F.celu(x, op["alpha"]))

register(
    LayerEntry(
        layer=nn.Softplus,
        sample=lambda shape, pick: nn.Softplus(pick((1.0, 2.0)), pick((20.0, 0.5))),
        trace=becomes(SOFTPLUS, beta="beta", threshold="threshold"),
        operations=(SOFTPLUS,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Mish,
        sample=one_of(nn.Mish),
        trace=becomes(MISH),
        operations=(MISH,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Softsign,
        sample=one_of(nn.Softsign),
        trace=becomes(SOFTSIGN),
        operations=(SOFTSIGN,),
        curve=Curve(ends=(-1.0, 1.0)),
    )
)
register(
    LayerEntry(
        layer=nn.LogSigmoid,
        sample=one_of(nn.LogSigmoid),
        trace=becomes(LOG_SIGMOID),
        operations=(LOG_SIGMOID,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.CELU,
        sample=one_of(nn.CELU, "alpha", (1.0, 0.7)),
        trace=becomes(CELU, alpha="alpha"),
        operations=(CELU,),
        curve=Curve(),
    )
)


# Softmax ----------------------------------------------------------------------------------


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    return x.view(len(x), -1, op["size"], op["inner"]).softmax(2)


#: Values that compete: `size` of them, `inner` places apart.
SOFTMAX = Operation("softmax", _run)


def _trace_softmax(layer: nn.Softmax, shape: Shape, ops: list[Op]) -> Shape:
    dim = layer.dim if layer.dim is not None else 0 if len(shape) == 2 else 1
    axis = dim - 1 if dim > 0 else len(shape) + dim
    expect(dim != 0 and 0 <= axis < len(shape), layer, shape, f"it has no dimension {dim}")
    settings = {"size": shape[axis], "inner": prod(shape[axis + 1 :])}
    ops.append(SOFTMAX.op(settings))
    return shape


def _sample_softmax(shape: Shape, pick: Pick) -> nn.Softmax:
    return nn.Softmax(pick((1, -1)))


register(
    LayerEntry(
        layer=nn.Softmax,
        sample=_sample_softmax,
        trace=_trace_softmax,
        operations=(SOFTMAX,),
        curve=Curve(),
    )
)
