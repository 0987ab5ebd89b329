"""Curves that act on each value: what makes units of the numbers that a layer gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.entry import Curve, LayerEntry, Pick, Shape
from aecore.models.layers.kinds.affine import AFFINE, every_value, scaled
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register

#: SELU is a multiple of ELU (Klambauer et al. 2017, 'Self-normalizing neural networks').
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _operation(kind: str, f: Callable[[Description, Tensor], Tensor]) -> Operation:
    return Operation("activation", lambda op, weights, x: f(op, x), kind)


RELU = _operation("relu", lambda op, x: x.relu())
LEAKY_RELU = _operation("leaky_relu", lambda op, x: F.leaky_relu(x, op["slope"]))
ELU = _operation("elu", lambda op, x: F.elu(x, op["alpha"]))
GELU = _operation("gelu", lambda op, x: F.gelu(x, approximate=op["approximate"]))
SILU = _operation("silu", lambda op, x: F.silu(x))
TANH = _operation("tanh", lambda op, x: x.tanh())
SIGMOID = _operation("sigmoid", lambda op, x: x.sigmoid())


def _becomes(
    operation: Operation, **settings: str
) -> Callable[[nn.Module, Shape, list[Op]], Shape]:
    """How a curve becomes an operation; settings: name in the browser -> attribute in torch."""

    def trace(layer: nn.Module, shape: Shape, ops: list[Op]) -> Shape:
        values = {ours: getattr(layer, theirs) for ours, theirs in settings.items()}
        ops.append(operation.op({"size": prod(shape), **values}))
        return shape

    return trace


def _one_of(
    cls: type[nn.Module], name: str = "", values: Sequence[object] = ()
) -> Callable[[Shape, Pick], nn.Module]:
    """Samples of a curve that takes any input, with one of some values for an argument."""

    def sample(shape: Shape, pick: Pick) -> nn.Module:
        return cls(**{name: pick(values)}) if name else cls()

    return sample


register(
    LayerEntry(
        layer=nn.ReLU,
        sample=_one_of(nn.ReLU),
        trace=_becomes(RELU),
        operations=(RELU,),
        curve=Curve(dies=True),
    )
)
register(
    LayerEntry(
        layer=nn.LeakyReLU,
        sample=_one_of(nn.LeakyReLU, "negative_slope", (0.01, 0.2)),
        trace=_becomes(LEAKY_RELU, slope="negative_slope"),
        operations=(LEAKY_RELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.ELU,
        sample=_one_of(nn.ELU, "alpha", (1.0, 0.7)),
        trace=_becomes(ELU, alpha="alpha"),
        operations=(ELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.GELU,
        sample=_one_of(nn.GELU, "approximate", ("none", "tanh")),
        trace=_becomes(GELU, approximate="approximate"),
        operations=(GELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.SiLU,
        sample=_one_of(nn.SiLU),
        trace=_becomes(SILU),
        operations=(SILU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Tanh,
        sample=_one_of(nn.Tanh),
        trace=_becomes(TANH),
        operations=(TANH,),
        curve=Curve(ends=(-1.0, 1.0)),
    )
)
register(
    LayerEntry(
        layer=nn.Sigmoid,
        sample=_one_of(nn.Sigmoid),
        trace=_becomes(SIGMOID),
        operations=(SIGMOID,),
        curve=Curve(ends=(0.0, 1.0)),
    )
)
# The browser has no kernel for these two.
register(LayerEntry(layer=nn.Mish, sample=_one_of(nn.Mish), curve=Curve()))
register(
    LayerEntry(layer=nn.Softplus, sample=_one_of(nn.Softplus, "beta", (1.0, 2.0)), curve=Curve())
)


def _trace_selu(layer: nn.SELU, shape: Shape, ops: list[Op]) -> Shape:
    ops.append(ELU.op({"size": prod(shape), "alpha": SELU_ALPHA}))
    ops.append(scaled(SELU_SCALE, 0.0, shape))
    return shape


def _trace_prelu(layer: nn.PReLU, shape: Shape, ops: list[Op]) -> Shape:
    if layer.num_parameters != 1:
        raise ExportError("PReLU with a slope per channel is not supported.")
    ops.append(LEAKY_RELU.op({"size": prod(shape), "slope": float(layer.weight.detach())}))
    return shape


register(
    LayerEntry(
        layer=nn.SELU,
        sample=_one_of(nn.SELU),
        trace=_trace_selu,
        operations=(ELU, AFFINE),
        multiply_adds=every_value,
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.PReLU,
        sample=_one_of(nn.PReLU),
        trace=_trace_prelu,
        operations=(LEAKY_RELU,),
        first_weights=lambda layer, draw: layer.reset_parameters(),
        curve=Curve(),
    )
)
