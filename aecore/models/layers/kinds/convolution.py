"""Convolutions of images and signals, and transposed ones."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect, pair
from aecore.models.layers.kinds.borders import PICK, Border, as_image, like, pick
from aecore.models.layers.operation import Description, Op, Operation, part, weight_and_bias
from aecore.models.layers.registry import register
from aecore.models.transposed import ConvTranspose2d

Ahead = nn.Conv1d | nn.Conv2d
Back = nn.ConvTranspose1d | nn.ConvTranspose2d
PACE = 1.5  # times as long as a dense layer's, each multiply-add


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


def _trace(layer: Ahead, shape: Shape, ops: list[Op]) -> Shape:
    _fits(layer, shape)
    out = _after(layer, shape)
    expect(min(out) > 0, layer, shape, "nothing would be left of it")
    image, border = as_image(shape), _border(layer)
    padding = [before for before, _ in border]
    if layer.padding_mode != "zeros" or any(before != behind for before, behind in border):
        op, image = pick(image, border, layer.padding_mode)
        op.description["writes"] = prod(image)
        ops.append(op)
        padding = [0, 0]
    arrays = _as_images(layer, weight_and_bias(layer, out[0]))
    ops.append(CONV.op(_settings(layer, image, as_image(out), padding), arrays))
    return out


def _trace_transposed(layer: Back, shape: Shape, ops: list[Op]) -> Shape:
    _fits(layer, shape)
    out = _after_transposed(layer, shape)
    expect(min(out) > 0, layer, shape, "nothing would be left of it")
    arrays = _as_images(layer, weight_and_bias(layer, out[0]))
    arrays["w"] = _by_outputs(arrays["w"], layer.groups)
    padding = list(_sides(layer, layer.padding, 0))
    settings = _settings(layer, as_image(shape), as_image(out), padding)
    ops.append(CONV_TRANSPOSED.op(settings, arrays))
    return out


def _fits(layer: Ahead | Back, shape: Shape) -> None:
    sides = "length" if _signal(layer) else "height, width"
    fits = len(shape) == (2 if _signal(layer) else 3) and shape[0] == layer.in_channels
    expect(fits, layer, shape, f"expected ({layer.in_channels}, {sides})")


def _as_images(layer: Ahead | Back, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels of signals as kernels of one row."""
    if _signal(layer):
        arrays["w"] = np.expand_dims(arrays["w"], 2)
    return arrays


def _by_outputs(w: np.ndarray, groups: int) -> np.ndarray:
    """Weights of a transposed convolution (C, O / groups, kH, kW) as the browser multiplies by
    them: (groups, O / groups, kH, kW, C / groups)."""
    return np.moveaxis(w.reshape(groups, -1, *w.shape[1:]), 1, -1)


def _settings(layer: Ahead | Back, image: Shape, out: Shape, padding: list[int]) -> Description:
    return {
        "in": list(image),
        "out": list(out),
        "kernel": list(_sides(layer, layer.kernel_size, 1)),
        "stride": list(_sides(layer, layer.stride, 1)),
        "padding": padding,
        "dilation": list(_sides(layer, layer.dilation, 1)),
        "groups": layer.groups,
    }


# Sizes ------------------------------------------------------------------------------------


def _signal(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv1d | nn.ConvTranspose1d)


def _sides(layer: nn.Module, value: Any, beside: int) -> tuple[int, int]:
    """A setting for height and width; `beside` for the height that a signal does not have."""
    if _signal(layer):
        return beside, value[0] if isinstance(value, tuple | list) else value
    return pair(value)


def _reach(layer: Ahead | Back) -> tuple[int, int]:
    """From a kernel's first row to its last, and from its first column to its last."""
    kernel, dilation = _sides(layer, layer.kernel_size, 1), _sides(layer, layer.dilation, 1)
    return dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)


def _border(layer: Ahead) -> Border:
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    if layer.padding == "same":
        down, right = _reach(layer)
        return (down // 2, down - down // 2), (right // 2, right - right // 2)
    down, right = _sides(layer, layer.padding, 0)
    return (down, down), (right, right)


def _after(layer: Ahead, before: Shape) -> Shape:
    stride, border, reach = _sides(layer, layer.stride, 1), _border(layer), _reach(layer)
    sides = as_image(before)[1:]
    size = [(sides[i] + sum(border[i]) - reach[i] - 1) // stride[i] + 1 for i in (0, 1)]
    return like(before, (layer.out_channels, *size))


def _after_transposed(layer: Back, before: Shape) -> Shape:
    stride, reach = _sides(layer, layer.stride, 1), _reach(layer)
    padding, extra = (_sides(layer, v, 0) for v in (layer.padding, layer.output_padding))
    sides = as_image(before)[1:]
    size = [(sides[i] - 1) * stride[i] - 2 * padding[i] + reach[i] + extra[i] + 1 for i in (0, 1)]
    return like(before, (layer.out_channels, *size))


def _multiply_adds(layer: Ahead, before: Shape, after: Shape) -> int:
    return prod(after) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def _multiply_adds_transposed(layer: Back, before: Shape, after: Shape) -> int:
    return prod(before) * layer.out_channels // layer.groups * prod(layer.kernel_size)


# Samples ----------------------------------------------------------------------------------


def _sample(cls: Callable[..., Any], dims: int) -> Callable[[Shape, Pick], Any]:
    def sample(shape: Shape, pick: Pick) -> Any:
        if len(shape) != dims + 1:
            return None
        groups, dilation = pick(_divisors(shape[0])), pick((1, 2))
        sides = [n for n in (3, 1, 2) if dilation * (n - 1) < min(shape[1:])]
        modes = ("zeros", "reflect", "replicate", "circular")
        mode = pick(modes if min(shape[1:]) > 2 else ("zeros",))
        same = pick((False, True))
        return cls(
            shape[0],
            groups * pick((2, 1)),
            tuple(pick(sides) for _ in range(dims)),
            stride=1 if same else tuple(pick((2, 1)) for _ in range(dims)),
            padding="same" if same else tuple(pick((1, 0, 2)) for _ in range(dims)),
            dilation=dilation,
            groups=groups,
            bias=pick((True, False)),
            padding_mode=mode,
        )

    return sample


def _sample_transposed(cls: Callable[..., Any], dims: int) -> Callable[[Shape, Pick], Any]:
    def sample(shape: Shape, pick: Pick) -> Any:
        if len(shape) != dims + 1:
            return None
        groups, stride = pick(_divisors(shape[0])), pick((2, 1))
        return cls(
            shape[0],
            groups * pick((2, 1)),
            tuple(pick((3, 4, 2)) for _ in range(dims)),
            stride=stride,
            padding=0 if min(shape[1:]) < 2 else pick((1, 0)),
            output_padding=pick((stride - 1, 0)),
            groups=groups,
            bias=pick((True, False)),
            dilation=pick((1, 2)),
        )

    return sample


def _divisors(n: int) -> list[int]:
    return [d for d in (1, 2, 3, 4) if n % d == 0]


for _dims, _ahead in enumerate((nn.Conv1d, nn.Conv2d), 1):
    register(
        LayerEntry(
            layer=_ahead,
            sample=_sample(_ahead, _dims),
            after=_after,
            trace=_trace,
            operations=(CONV, PICK),
            multiply_adds=_multiply_adds,
            weighted=True,
            first_weights=lambda layer, draw: draw(layer.weight, layer.bias),
            pace=PACE,
        )
    )
for _dims, _back in enumerate((nn.ConvTranspose1d, nn.ConvTranspose2d), 1):
    register(
        LayerEntry(
            layer=_back,
            same=(ConvTranspose2d,) if _dims == 2 else (),  # quicker here, written as PyTorch's
            sample=_sample_transposed(_back, _dims),
            after=_after_transposed,
            trace=_trace_transposed,
            operations=(CONV_TRANSPOSED,),
            multiply_adds=_multiply_adds_transposed,
            weighted=True,
            first_weights=lambda layer, draw: draw(layer.weight, layer.bias),
            pace=PACE,
        )
    )
