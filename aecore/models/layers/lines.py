"""Layers written as text, one a line, as PyTorch prints them: `Linear(784, 128)`.

A network from outside is kept as such lines and its weights, never as code: a line is parsed as a
call of a known name with plain numbers, and nothing else is understood.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from aecore.errors import ConfigError
from aecore.models.layers.entry import LayerEntry
from aecore.models.layers.registry import all_layers, entry_called, entry_of

MAX_LAYERS = 200
MAX_LINE = 200
MAX_NUMBER = 1 << 24
MAX_VALUES = 1 << 23  # between two layers, of one example
_MODES = {"zeros", "reflect", "replicate", "circular"}  # of a convolution's border
_TEXTS = {"nearest", "bilinear", "none", "tanh", "same", "valid", *_MODES}


def readable_layers() -> dict[str, LayerEntry[Any]]:
    """Every layer that a line may describe, by the name that the line begins with."""
    return {name: entry for name, entry in all_layers().items() if entry.readable}


def parse_layer(line: str) -> nn.Module:
    """The layer that a line describes, without memory for its weights.

    Raises ConfigError with one sentence: the line, what was expected, an example.
    """
    shown = repr(line.strip()[:60])
    if len(line) > MAX_LINE:
        raise ConfigError(f"A layer's line has at most {MAX_LINE} characters; one has {len(line)}.")
    try:
        name, args, named = _call(line.strip())
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f"{shown} is not a layer; write a name with numbers, like Linear(784, 128) or ReLU()."
        ) from error
    entry = entry_called(name)
    if entry is None or not entry.readable:
        known = ", ".join(readable_layers())
        raise ConfigError(f"There is no layer called {name[:30]!r}; known are: {known}.")
    make = entry.make or entry.layer
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
        if x[0].numel() > MAX_VALUES:
            raise ConfigError(
                f"Layer {i + 1} of the {part}, {write_layer(layer)}, gives {x[0].numel():,} values "
                f"an example; the most allowed is {MAX_VALUES:,}."
            )
    return tuple(x.shape[1:])


def write_layer(layer: nn.Module) -> str:
    """The line that describes a layer; parse_layer reads it back."""
    entry = entry_of(layer)
    if entry is None:
        return f"{type(layer).__name__}({layer.extra_repr()})"
    return f"{entry.name}({entry.line(layer)})"


def _call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """The name, the arguments and the named arguments of a call; ValueError if it is none."""
    call = ast.parse(text, mode="eval").body
    if isinstance(call, ast.Name):
        return call.id, [], {}
    if not isinstance(call, ast.Call):
        raise ValueError("no call")
    named = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError("arguments without a name")
        named[keyword.arg] = _value(keyword.value)
    return _name(call.func), [_value(a) for a in call.args], named


def _name(called: ast.expr) -> str:
    """'Linear', also of nn.Linear."""
    if isinstance(called, ast.Attribute):
        return called.attr
    if isinstance(called, ast.Name):
        return called.id
    raise ValueError("no name")


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
