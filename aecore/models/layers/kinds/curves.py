"""Curves that act on each value: what makes units of the numbers that a layer gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import Curve, LayerEntry, Pick, Shape, expect
from aecore.models.layers.kinds.affine import AFFINE, every_value, scaled
from aecore.models.layers.operation import Description, Op, Operation, part, values_of
from aecore.models.layers.registry import register

#: SELU is a multiple of ELU (Klambauer et al. 2017, 'Self-normalizing neural networks').
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def operation(kind: str, f: Callable[[Description, Tensor], Tensor]) -> Operation:
    """A curve of the browser's engine: (its settings, values) -> values of the same shape."""
    return Operation("activation", lambda op, weights, x: f(op, x), kind)


RELU = operation("relu", lambda op, x: x.relu())
LEAKY_RELU = operation("leaky_relu", lambda op, x: F.leaky_relu(x, op["slope"]))
ELU = operation("elu", lambda op, x: F.elu(x, op["alpha"]))
GELU = operation("gelu", lambda op, x: F.gelu(x, approximate=op["approximate"]))
SILU = operation("silu", lambda op, x: F.silu(x))
TANH = operation("tanh", lambda op, x: x.tanh())
SIGMOID = operation("sigmoid", lambda op, x: x.sigmoid())


def _run_prelu(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    channels = op["channels"]
    return F.prelu(x.view(len(x), channels, -1), part(op, weights, "w", channels))


PRELU = Operation("prelu", _run_prelu)


def becomes(operation: Operation, **settings: str) -> Callable[[nn.Module, Shape, list[Op]], Shape]:
    """How a curve becomes an operation; settings: name in the browser -> attribute in torch."""

    def trace(layer: nn.Module, shape: Shape, ops: list[Op]) -> Shape:
        values = {ours: getattr(layer, theirs) for ours, theirs in settings.items()}
        ops.append(operation.op({"size": prod(shape), **values}))
        return shape

    return trace


def one_of(
    cls: type[nn.Module], name: str = "", values: Sequence[object] = ()
) -> Callable[[Shape, Pick], nn.Module]:
    """Samples of a curve that takes any input, with one of some values for an argument."""

    def sample(shape: Shape, pick: Pick) -> nn.Module:
        return cls(**{name: pick(values)}) if name else cls()

    return sample


register(
    LayerEntry(
        layer=nn.ReLU,
        sample=one_of(nn.ReLU),
        trace=becomes(RELU),
        operations=(RELU,),
        curve=Curve(dies=True),
    )
)
register(
    LayerEntry(
        layer=nn.LeakyReLU,
        sample=one_of(nn.LeakyReLU, "negative_slope", (0.01, 0.2)),
        trace=becomes(LEAKY_RELU, slope="negative_slope"),
        operations=(LEAKY_RELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.ELU,
        sample=one_of(nn.ELU, "alpha", (1.0, 0.7)),
        trace=becomes(ELU, alpha="alpha"),
        operations=(ELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.GELU,
        sample=one_of(nn.GELU, "approximate", ("none", "tanh")),
        trace=becomes(GELU, approximate="approximate"),
        operations=(GELU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.SiLU,
        sample=one_of(nn.SiLU),
        trace=becomes(SILU),
        operations=(SILU,),
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.Tanh,
        sample=one_of(nn.Tanh),
        trace=becomes(TANH),
        operations=(TANH,),
        curve=Curve(ends=(-1.0, 1.0)),
    )
)
register(
    LayerEntry(
        layer=nn.Sigmoid,
        sample=one_of(nn.Sigmoid),
        trace=becomes(SIGMOID),
        operations=(SIGMOID,),
        curve=Curve(ends=(0.0, 1.0)),
    )
)


def _trace_selu(layer: nn.SELU, shape: Shape, ops: list[Op]) -> Shape:
    ops.append(ELU.op({"size": prod(shape), "alpha": SELU_ALPHA}))
    ops.append(scaled(SELU_SCALE, 0.0, shape))
    return shape


def _trace_prelu(layer: nn.PReLU, shape: Shape, ops: list[Op]) -> Shape:
    slopes = values_of(layer.weight)
    if len(slopes) == 1:
        ops.append(LEAKY_RELU.op({"size": prod(shape), "slope": float(slopes[0])}))
        return shape
    expect(shape[0] == len(slopes), layer, shape, f"expected {len(slopes)} channels")
    settings = {"channels": len(slopes), "each": prod(shape[1:])}
    ops.append(PRELU.op(settings, {"w": slopes}))
    return shape


def _sample_prelu(shape: Shape, pick: Pick) -> nn.PReLU:
    return nn.PReLU(pick((1, shape[0])))


def _line_prelu(layer: nn.PReLU) -> str:
    # Where training began is nothing that the layer still is.
    return str(layer.num_parameters) if layer.num_parameters != 1 else ""


register(
    LayerEntry(
        layer=nn.SELU,
        sample=one_of(nn.SELU),
        trace=_trace_selu,
        operations=(ELU, AFFINE),
        multiply_adds=every_value,
        curve=Curve(),
    )
)
register(
    LayerEntry(
        layer=nn.PReLU,
        sample=_sample_prelu,
        line=_line_prelu,
        trace=_trace_prelu,
        operations=(LEAKY_RELU, PRELU),
        first_weights=lambda layer, draw: layer.reset_parameters(),
        curve=Curve(),
    )
)
