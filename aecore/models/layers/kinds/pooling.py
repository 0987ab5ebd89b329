"""Pooling of images, and a border around them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.arguments import arguments_of, one
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect, expect_image, pair
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register


class Pad(nn.Module):
    """A border of zeros around an image, (B, C, H, W) -> (B, C, H + 2n, W + 2n); n < 0 crops."""

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, [self.n] * 4)


Pool = nn.MaxPool2d | nn.AvgPool2d


def _run_max(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image = x.view(len(x), *op["in"])
    return F.max_pool2d(image, op["kernel"], op["stride"], op["padding"])


def _run_average(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image, padding = x.view(len(x), *op["in"]), op["padding"]
    if op["kernel"] == op["stride"] == [1, 1]:  # nothing but a border
        return F.pad(image, [padding[1], padding[1], padding[0], padding[0]])
    counted = op["count_padding"]
    return F.avg_pool2d(image, op["kernel"], op["stride"], padding, count_include_pad=counted)


MAXIMUM = Operation("pool2d", _run_max, "max")
AVERAGE = Operation("pool2d", _run_average, "average")


def _trace_max(layer: nn.MaxPool2d, shape: Shape, ops: list[Op]) -> Shape:
    expect_image(layer, shape)
    if layer.ceil_mode or pair(layer.dilation) != (1, 1):
        raise ExportError("pooling with ceil_mode or dilation is not supported.")
    return _pool(MAXIMUM, layer, shape, ops, counted=True)


def _trace_average(layer: nn.AvgPool2d, shape: Shape, ops: list[Op]) -> Shape:
    expect_image(layer, shape)
    if layer.ceil_mode:
        raise ExportError("pooling with ceil_mode or dilation is not supported.")
    if layer.divisor_override:
        raise ExportError("average pooling with its own divisor is not supported.")
    return _pool(AVERAGE, layer, shape, ops, counted=bool(layer.count_include_pad))


def _pool(
    operation: Operation, layer: Pool, shape: Shape, ops: list[Op], *, counted: bool
) -> Shape:
    kernel, padding = pair(layer.kernel_size), pair(layer.padding)
    stride = pair(layer.stride or layer.kernel_size)
    size = [(shape[1 + i] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in (0, 1)]
    out = (shape[0], *size)
    settings = {
        "in": list(shape),
        "out": list(out),
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
        "count_padding": counted,
    }
    ops.append(operation.op(settings))
    return out


def _after(layer: Pool, before: Shape) -> Shape:
    kernel, padding = pair(layer.kernel_size), pair(layer.padding)
    stride = pair(layer.stride or layer.kernel_size)
    dilation = pair(getattr(layer, "dilation", 1))
    size = []
    for i in (0, 1):
        room = before[1 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1
        n = room // stride[i] + 1
        if layer.ceil_mode and room % stride[i]:
            # The last window begins within the image or its border before, never behind it.
            n += n * stride[i] < before[1 + i] + padding[i]
        size.append(n)
    return (before[0], *size)


def _multiply_adds(layer: Pool, before: Shape, after: Shape) -> int:
    return prod(after) * prod(pair(layer.kernel_size))


def _line(layer: Pool) -> str:
    usual: dict[str, Any] = {"dilation": 1, "ceil_mode": False}
    if isinstance(layer, nn.AvgPool2d):
        usual = {"ceil_mode": False, "count_include_pad": True, "divisor_override": None}
    parts = [str(layer.kernel_size), str(layer.stride), str(layer.padding)]
    for name, value in usual.items():
        if one(getattr(layer, name)) != value:
            parts.append(f"{name}={one(getattr(layer, name))!r}")
    return ", ".join(parts)


def _call(layer: Pool, encoder: Sequence[nn.Module]) -> list[str]:
    """Pools keep their stride even where it is the kernel's size, which is the default."""
    implied = one(layer.stride) == one(layer.kernel_size)
    return arguments_of(layer, leave_out=("stride",) if implied else ())


def _sample_max(shape: Shape, pick: Pick) -> nn.MaxPool2d | None:
    if len(shape) != 3 or min(shape[1:]) < 2:
        return None
    kernel = pick((2, (2, 1), 1))
    border = 0 if kernel != 2 else pick((0, 1))
    return nn.MaxPool2d(kernel, stride=pick((None, 1, 2)), padding=border)


def _sample_average(shape: Shape, pick: Pick) -> nn.AvgPool2d | None:
    if len(shape) != 3 or min(shape[1:]) < 2:
        return None
    kernel = pick((2, (2, 1), 1))
    border, counted = 0 if kernel != 2 else pick((0, 1)), pick((True, False))
    return nn.AvgPool2d(
        kernel, stride=pick((None, 1, 2)), padding=border, count_include_pad=counted
    )


register(
    LayerEntry(
        layer=nn.MaxPool2d,
        sample=_sample_max,
        after=_after,
        line=_line,
        script=_call,
        trace=_trace_max,
        operations=(MAXIMUM,),
        multiply_adds=_multiply_adds,
    )
)
register(
    LayerEntry(
        layer=nn.AvgPool2d,
        sample=_sample_average,
        after=_after,
        line=_line,
        script=_call,
        trace=_trace_average,
        operations=(AVERAGE,),
        multiply_adds=_multiply_adds,
    )
)


def _trace_adaptive(layer: nn.AdaptiveAvgPool2d, shape: Shape, ops: list[Op]) -> Shape:
    expect_image(layer, shape)
    height, width = _adapted(layer, shape)
    if shape[1] % height or shape[2] % width:
        raise ExportError("adaptive pooling is supported only where the sizes divide evenly.")
    return _trace_average(nn.AvgPool2d((shape[1] // height, shape[2] // width)), shape, ops)


def _adapted(layer: nn.AdaptiveAvgPool2d, shape: Shape) -> tuple[int, int]:
    wanted = layer.output_size
    height, width = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    return height or shape[1], width or shape[2]


def _sample_adaptive(shape: Shape, pick: Pick) -> nn.AdaptiveAvgPool2d | None:
    if len(shape) != 3:
        return None
    height = [n for n in (1, 2, 3) if shape[1] % n == 0]
    width = [n for n in (2, 1, 3) if shape[2] % n == 0]
    return nn.AdaptiveAvgPool2d(pick((1, (pick(height), pick(width)))))


register(
    LayerEntry(
        layer=nn.AdaptiveAvgPool2d,
        sample=_sample_adaptive,
        after=lambda layer, before: (before[0], *_adapted(layer, before)),
        trace=_trace_adaptive,
        operations=(AVERAGE,),
        # Each value that enters is added once.
        multiply_adds=lambda layer, before, after: prod(before),
    )
)


def _trace_border(layer: Pad, shape: Shape, ops: list[Op]) -> Shape:
    # An average over one pixel, which counts what lies outside as zero.
    expect_image(layer, shape)
    out = (shape[0], shape[1] + 2 * layer.n, shape[2] + 2 * layer.n)
    expect(min(out) > 0, layer, shape, "nothing would be left of it")
    border = nn.AvgPool2d(1, stride=1, padding=layer.n)
    return _pool(AVERAGE, border, shape, ops, counted=True)


def _sample_border(shape: Shape, pick: Pick) -> Pad | None:
    if len(shape) != 3:
        return None
    return Pad(pick((1, 2) if min(shape[1:]) < 4 else (1, 2, -1)))


register(
    LayerEntry(
        layer=Pad,
        sample=_sample_border,
        after=lambda layer, before: (before[0], *(n + 2 * layer.n for n in before[1:])),
        line=lambda layer: str(layer.n),
        trace=_trace_border,
        operations=(AVERAGE,),
        multiply_adds=lambda layer, before, after: prod(after),
    )
)
