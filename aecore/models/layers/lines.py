"""Layers written as text, one a line, as PyTorch prints them: `Linear(784, 128)`.

A network from outside is kept as such lines and its weights, never as code: a line is parsed as a
call of a known name with plain numbers, and nothing else is understood.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError

MAX_LAYERS = 200
MAX_LINE = 200
MAX_NUMBER = 1 << 24


class Scale(nn.Module):
    """y = factor * x + shift for every value: how inputs were prepared, or outputs are undone."""

    def __init__(self, factor: float, shift: float = 0.0):
        super().__init__()
        self.factor, self.shift = factor, shift

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.shift

    def extra_repr(self) -> str:
        return f"{self.factor:g}, {self.shift:g}"


class Pad(nn.Module):
    """A border of zeros around an image, (B, C, H, W) -> (B, C, H + 2n, W + 2n); n < 0 crops."""

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, [self.n] * 4)

    def extra_repr(self) -> str:
        return str(self.n)


class Resize(nn.Module):
    """An image at another size, bilinear, (B, C, H, W) -> (B, C, height, width)."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.size = (height, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)

    def extra_repr(self) -> str:
        return f"{self.size[0]}, {self.size[1]}"


class Shape(nn.Unflatten):
    """A flat row as (C, H, W): `Unflatten(16, 7, 7)` in a line."""

    def __init__(self, *sizes: int):
        super().__init__(1, sizes)


#: Every name that a line may begin with, and what it makes.
KNOWN: dict[str, Callable[..., nn.Module]] = {
    "Linear": nn.Linear,
    "Conv2d": nn.Conv2d,
    "ConvTranspose2d": nn.ConvTranspose2d,
    "BatchNorm1d": nn.BatchNorm1d,
    "BatchNorm2d": nn.BatchNorm2d,
    "LayerNorm": nn.LayerNorm,
    "GroupNorm": nn.GroupNorm,
    "PReLU": nn.PReLU,
    "ReLU": nn.ReLU,
    "LeakyReLU": nn.LeakyReLU,
    "ELU": nn.ELU,
    "SELU": nn.SELU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "Mish": nn.Mish,
    "Softplus": nn.Softplus,
    "Tanh": nn.Tanh,
    "Sigmoid": nn.Sigmoid,
    "Identity": nn.Identity,
    "Dropout": nn.Dropout,
    "Dropout2d": nn.Dropout2d,
    "Flatten": nn.Flatten,
    "Unflatten": Shape,
    "MaxPool2d": nn.MaxPool2d,
    "AvgPool2d": nn.AvgPool2d,
    "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d,
    "Upsample": nn.Upsample,
    "Scale": Scale,
    "Pad": Pad,
    "Resize": Resize,
}
_TEXTS = {"nearest", "bilinear", "none", "tanh", "zeros"}


def parse_layer(line: str) -> nn.Module:
    """The layer that a line describes, without memory for its weights.

    Raises ConfigError with one sentence: the line, what was expected, an example.
    """
    shown = repr(line.strip()[:60])
    if len(line) > MAX_LINE:
        raise ConfigError(f"A layer's line has at most {MAX_LINE} characters; one has {len(line)}.")
    try:
        call = ast.parse(line.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            call = ast.Call(call, [], [])
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        args = [_value(a) for a in call.args]
        named = {k.arg: _value(k.value) for k in call.keywords}
    except (SyntaxError, AttributeError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f"{shown} is not a layer; write a name with numbers, like Linear(784, 128) or ReLU()."
        ) from error
    make = KNOWN.get(name)
    if make is None:
        raise ConfigError(f"There is no layer called {name[:30]!r}; known are: {', '.join(KNOWN)}.")
    try:
        inspect.signature(make).bind(*args, **named)
        with torch.device("meta"):
            return make(*args, **named)
    except (TypeError, ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ConfigError(f"{shown} does not describe a possible layer: {reason}.") from error


def parse_layers(lines: Sequence[str]) -> nn.Sequential:
    """All lines in order; empty ones and comments (#) are left out. Raises ConfigError."""
    wanted = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    if len(wanted) > MAX_LAYERS:
        raise ConfigError(f"At most {MAX_LAYERS} layers can be described; there are {len(wanted)}.")
    return nn.Sequential(*(parse_layer(line) for line in wanted))


def shape_after(layers: nn.Sequential, shape: tuple[int, ...], part: str) -> tuple[int, ...]:
    """The shape of one example after the layers, (*shape) -> (*out), without computing anything.

    Raises ConfigError naming the first layer that cannot take what it gets.
    """
    x = torch.empty(2, *shape, device="meta")
    for i, layer in enumerate(layers):
        before = tuple(x.shape[1:])
        try:
            x = layer.eval()(x)
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0][:120]
            raise ConfigError(
                f"Layer {i + 1} of the {part}, {write_layer(layer)}, cannot take an input of shape "
                f"{before}: {reason}."
            ) from error
        if x.numel() > 1 << 26:
            raise ConfigError(
                f"Layer {i + 1} of the {part}, {write_layer(layer)}, gives {x[0].numel():,} values "
                "an example, which is too many."
            )
    return tuple(x.shape[1:])


def write_layer(layer: nn.Module) -> str:
    """The line that describes a layer; parse_layer reads it back."""
    name = type(layer).__name__
    if isinstance(layer, nn.Unflatten):
        return f"Unflatten({', '.join(map(str, layer.unflattened_size))})"
    if isinstance(layer, nn.Linear):
        bias = "" if layer.bias is not None else ", bias=False"
        return f"Linear({layer.in_features}, {layer.out_features}{bias})"
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return f"{name}({_convolution(layer)})"
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        eps = "" if layer.eps == 1e-5 else f", eps={layer.eps:g}"
        return f"{name}({layer.num_features}{eps}{'' if layer.affine else ', affine=False'})"
    if isinstance(layer, nn.LayerNorm):
        return f"LayerNorm({list(layer.normalized_shape)}, eps={layer.eps:g})"
    if isinstance(layer, nn.Flatten):
        return "Flatten()"
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return f"{name}({layer.kernel_size}, {layer.stride}, {layer.padding})"
    if isinstance(layer, nn.Upsample):
        size = f"size={layer.size}" if layer.size is not None else ""
        size = size or f"scale_factor={layer.scale_factor:g}"
        return f"Upsample({size}, mode='{layer.mode}')"
    return f"{name}({layer.extra_repr()})"


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> str:
    parts = [str(layer.in_channels), str(layer.out_channels), _one(layer.kernel_size)]
    for name, usual in (("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1)):
        value = getattr(layer, name)
        if value != (usual, usual):
            parts.append(f"{name}={_one(value)}")
    if layer.groups != 1:
        parts.append(f"groups={layer.groups}")
    if layer.bias is None:
        parts.append("bias=False")
    return ", ".join(parts)


def _one(value: tuple[int, ...]) -> str:
    return str(value[0]) if len(set(value)) == 1 else str(value)


def _value(node: ast.AST) -> Any:
    """A plain number, truth value, known word, or a short list of numbers; else ValueError."""
    value = ast.literal_eval(node)
    items = value if isinstance(value, tuple | list) else (value,)
    if len(items) > 4:
        raise ValueError("too many numbers")
    for item in items:
        plain = item is None or isinstance(item, bool | int | float)
        if not plain and item not in _TEXTS:
            raise ValueError("neither a number nor a known word")
        if isinstance(item, int | float) and not abs(item) <= MAX_NUMBER:
            raise ValueError("too large a number")
    return value
