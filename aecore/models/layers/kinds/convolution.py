"""Convolutions of images, and transposed ones."""

from __future__ import annotations

from math import prod

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.arguments import one
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect, pair
from aecore.models.layers.operation import Description, Op, Operation, part, weight_and_bias
from aecore.models.layers.registry import register
from aecore.models.transposed import ConvTranspose2d

Convolution = nn.Conv2d | nn.ConvTranspose2d
PACE = 1.5  # times as long as a dense layer's, each multiply-add
_USUAL = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "padding_mode": "zeros"}


def _line(layer: Convolution) -> str:
    parts = [str(layer.in_channels), str(layer.out_channels), str(one(layer.kernel_size))]
    for name, usual in _USUAL.items():
        value = one(getattr(layer, name))
        if value != usual:
            parts.append(f"{name}={value!r}")
    if layer.groups != 1:
        parts.append(f"groups={layer.groups}")
    if layer.bias is None:
        parts.append("bias=False")
    return ", ".join(parts)


# In the browser ---------------------------------------------------------------------------


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    groups, n_in, n_out = op["groups"], op["in"][0], op["out"][0]
    w = part(op, weights, "w", n_out, n_in // groups, *op["kernel"])
    b = part(op, weights, "b", n_out)
    image = x.view(len(x), *op["in"])
    return F.conv2d(image, w, b, op["stride"], op["padding"], op["dilation"], groups)


def _run_transposed(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    groups, n_in, n_out = op["groups"], op["in"][0], op["out"][0]
    w = part(op, weights, "w", groups, n_out // groups, *op["kernel"], n_in // groups)
    w = w.movedim(-1, 1).flatten(0, 1)
    b = part(op, weights, "b", n_out)
    stride, padding, dilation = op["stride"], op["padding"], op["dilation"]
    extra = []
    for i in (0, 1):
        reach = dilation[i] * (op["kernel"][i] - 1)
        least = (op["in"][1 + i] - 1) * stride[i] - 2 * padding[i] + reach + 1
        extra.append(op["out"][1 + i] - least)
    image = x.view(len(x), *op["in"])
    return F.conv_transpose2d(image, w, b, stride, padding, extra, groups, dilation)


CONV = Operation("conv2d", _run)
CONV_TRANSPOSED = Operation("conv_transpose2d", _run_transposed)


def _trace(layer: nn.Conv2d, shape: Shape, ops: list[Op]) -> Shape:
    _fits(layer, shape)
    out = _after(layer, shape)
    expect(min(out) > 0, layer, shape, "nothing would be left of it")
    ops.append(CONV.op(_settings(layer, shape, out), weight_and_bias(layer, out[0])))
    return out


def _trace_transposed(layer: nn.ConvTranspose2d, shape: Shape, ops: list[Op]) -> Shape:
    _fits(layer, shape)
    out = _after_transposed(layer, shape)
    expect(min(out) > 0, layer, shape, "nothing would be left of it")
    arrays = weight_and_bias(layer, out[0])
    arrays["w"] = _by_outputs(arrays["w"], layer.groups)
    ops.append(CONV_TRANSPOSED.op(_settings(layer, shape, out), arrays))
    return out


def _fits(layer: Convolution, shape: Shape) -> None:
    fits = len(shape) == 3 and shape[0] == layer.in_channels
    expect(fits, layer, shape, f"expected ({layer.in_channels}, height, width)")
    if layer.padding_mode != "zeros":
        raise ExportError(f"padding mode '{layer.padding_mode}' is not supported, only zeros.")


def _reach(layer: Convolution) -> tuple[int, int]:
    """From a kernel's first row to its last, and from its first column to its last."""
    kernel, dilation = pair(layer.kernel_size), pair(layer.dilation)
    return dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)


def _padding(layer: Convolution) -> tuple[int, int]:
    if layer.padding == "valid":
        return 0, 0
    if layer.padding == "same":
        down, right = _reach(layer)
        if down % 2 or right % 2:
            raise ExportError("padding 'same' with an even kernel is not supported.")
        return down // 2, right // 2
    return pair(layer.padding)


def _settings(layer: Convolution, shape: Shape, out: Shape) -> Description:
    return {
        "in": list(shape),
        "out": list(out),
        "kernel": list(pair(layer.kernel_size)),
        "stride": list(pair(layer.stride)),
        "padding": list(_padding(layer)),
        "dilation": list(pair(layer.dilation)),
        "groups": layer.groups,
    }


def _by_outputs(w: np.ndarray, groups: int) -> np.ndarray:
    """Weights of a transposed convolution (C, O / groups, kH, kW) as the browser multiplies by
    them: (groups, O / groups, kH, kW, C / groups)."""
    return np.moveaxis(w.reshape(groups, -1, *w.shape[1:]), 1, -1)


def _after(layer: nn.Conv2d, before: Shape) -> Shape:
    if layer.padding == "same":
        return (layer.out_channels, *before[1:])
    stride, padding, reach = pair(layer.stride), _padding(layer), _reach(layer)
    size = [(before[1 + i] + 2 * padding[i] - reach[i] - 1) // stride[i] + 1 for i in (0, 1)]
    return (layer.out_channels, *size)


def _after_transposed(layer: nn.ConvTranspose2d, before: Shape) -> Shape:
    stride, padding, reach = pair(layer.stride), _padding(layer), _reach(layer)
    extra = pair(layer.output_padding)
    size = [
        (before[1 + i] - 1) * stride[i] - 2 * padding[i] + reach[i] + extra[i] + 1 for i in (0, 1)
    ]
    return (layer.out_channels, *size)


def _multiply_adds(layer: nn.Conv2d, before: Shape, after: Shape) -> int:
    return prod(after) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def _multiply_adds_transposed(layer: nn.ConvTranspose2d, before: Shape, after: Shape) -> int:
    return prod(before) * layer.out_channels // layer.groups * prod(layer.kernel_size)


# Samples ----------------------------------------------------------------------------------


def _sample(shape: Shape, pick: Pick) -> nn.Conv2d | None:
    if len(shape) != 3:
        return None
    groups, dilation = pick(_divisors(shape[0])), pick((1, 2))
    sides = [n for n in (3, 1, 2) if dilation * (n - 1) < min(shape[1:])]
    kernel = (pick(sides), pick(sides))
    odd = all(n % 2 for n in kernel)
    same = pick((False, odd))
    return nn.Conv2d(
        shape[0],
        groups * pick((2, 1)),
        kernel,
        stride=1 if same else (pick((2, 1)), pick((2, 1))),
        padding="same" if same else (pick((1, 0)), pick((1, 0, 2))),
        dilation=dilation,
        groups=groups,
        bias=pick((True, False)),
    )


def _sample_transposed(shape: Shape, pick: Pick) -> nn.ConvTranspose2d | None:
    if len(shape) != 3:
        return None
    groups, stride = pick(_divisors(shape[0])), pick((2, 1))
    return nn.ConvTranspose2d(
        shape[0],
        groups * pick((2, 1)),
        (pick((3, 4, 2)), pick((3, 2))),
        stride=stride,
        padding=0 if min(shape[1:]) < 2 else pick((1, 0)),
        output_padding=pick((stride - 1, 0)),
        groups=groups,
        bias=pick((True, False)),
        dilation=pick((1, 2)),
    )


def _divisors(n: int) -> list[int]:
    return [d for d in (1, 2, 3, 4) if n % d == 0]


register(
    LayerEntry(
        layer=nn.Conv2d,
        sample=_sample,
        after=_after,
        line=_line,
        trace=_trace,
        operations=(CONV,),
        multiply_adds=_multiply_adds,
        weighted=True,
        first_weights=lambda layer, draw: draw(layer.weight, layer.bias),
        pace=PACE,
    )
)
register(
    LayerEntry(
        layer=nn.ConvTranspose2d,
        same=(ConvTranspose2d,),  # quicker here, and written as PyTorch's own
        sample=_sample_transposed,
        after=_after_transposed,
        line=_line,
        trace=_trace_transposed,
        operations=(CONV_TRANSPOSED,),
        multiply_adds=_multiply_adds_transposed,
        weighted=True,
        first_weights=lambda layer, draw: draw(layer.weight, layer.bias),
        pace=PACE,
    )
)
