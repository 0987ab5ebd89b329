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
from torch import nn

from aecore.errors import ConfigError
from aecore.models.layers.entry import LayerEntry
from aecore.models.layers.registry import all_layers, entry_called, entry_of, layers_within

MAX_LAYERS = 200  # of one half, those within others counted
MAX_LINE = 4000  # a block of a U-Net holds all that is below it
MAX_DEPTH = 8  # layers within layers
_SHOWN = 60  # characters of a line in a sentence
MAX_NUMBER = 1 << 24
MAX_VALUES = 1 << 23  # between two layers, of one example
_MODES = {"zeros", "reflect", "replicate", "circular"}  # of a convolution's border
_SECOND = {"log-variance", "log-deviation", "deviation", "softplus deviation"}
_ENLARGING = {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area"}
_TEXTS = {"none", "tanh", "same", "valid", *_ENLARGING, *_MODES, *_SECOND}


def readable_layers() -> dict[str, LayerEntry[Any]]:
    """Every layer that a line may describe, by the name that the line begins with."""
    return {name: entry for name, entry in all_layers().items() if entry.readable}


def parse_layer(line: str) -> nn.Module:
    """The layer that a line describes, without memory for its weights.

    Raises ConfigError with one sentence: the line, what was expected, an example.
    """
    if len(line) > MAX_LINE:
        raise ConfigError(f"A layer's line has at most {MAX_LINE} characters; one has {len(line)}.")
    try:
        call = ast.parse(line.strip(), mode="eval").body
        layers = sum(isinstance(node, ast.Call) for node in ast.walk(call))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _no_layer(line) from error
    if layers > MAX_LAYERS:
        raise ConfigError(f"At most {MAX_LAYERS} layers can be described; one line has {layers}.")
    return _made(call, line, 0)


def _made(call: ast.expr, line: str, depth: int) -> nn.Module:
    """The layer of one call in a line, which stands within `depth` others."""
    try:
        name = _name(call.func if isinstance(call, ast.Call) else call)
    except ValueError as error:
        raise _no_layer(line) from error
    entry = entry_called(name)
    if entry is None or not entry.readable:
        known = ", ".join(readable_layers())
        raise ConfigError(f"There is no layer called {name[:30]!r}; known are: {known}.")
    if depth and entry.alone:
        raise ConfigError(f"{name} stands in a line of its own, not within another layer.")
    if depth > MAX_DEPTH:
        raise ConfigError(f"Layers stand within at most {MAX_DEPTH} others, to be understood.")

    def value(node: ast.expr) -> Any:
        """An argument: layers where the layer holds some, else what `_value` reads."""
        if entry.inner is None:
            return _value(node)
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(_made(item, line, depth + 1) for item in node.elts)
        return _made(node, line, depth + 1)

    try:
        args, named = _arguments(call, value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise _no_layer(line) from error
    make = entry.make or entry.layer
    try:
        inspect.signature(make).bind(*args, **named)
        with torch.device("meta"):
            return make(*args, **named)
    except (TypeError, ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        shown = repr(line.strip()[:_SHOWN])
        raise ConfigError(f"{shown} does not describe a possible layer: {reason}.") from error


def _no_layer(line: str) -> ConfigError:
    return ConfigError(
        f"{line.strip()[:_SHOWN]!r} is not a layer; write a name with numbers, like "
        "Linear(784, 128) or ReLU()."
    )


def parse_layers(lines: Sequence[str]) -> nn.Sequential:
    """All lines in order; empty ones and comments (#) are left out. Raises ConfigError."""
    wanted = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    found, count = [], 0
    for line in wanted:
        found.append(parse_layer(line))
        count += sum(1 for _ in layers_within(found[-1]))
        if max(count, len(wanted)) > MAX_LAYERS:
            raise ConfigError(
                f"At most {MAX_LAYERS} layers can be described; there are {max(count, len(wanted))}"
                + (" or more." if count > len(wanted) else ".")
            )
    return nn.Sequential(*found)


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
                f"Layer {i + 1} of the {part}, {_shown(layer)}, cannot take an input of shape "
                f"{before}: {reason}."
            ) from error
        if x[0].numel() > MAX_VALUES:
            raise ConfigError(
                f"Layer {i + 1} of the {part}, {_shown(layer)}, gives {x[0].numel():,} values "
                f"an example; the most allowed is {MAX_VALUES:,}."
            )
    return tuple(x.shape[1:])


def _shown(layer: nn.Module) -> str:
    line = write_layer(layer)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def write_layer(layer: nn.Module) -> str:
    """The line that describes a layer; parse_layer reads it back.

    Raises ConfigError for a setting that no line can say: it is not left out.
    """
    entry = entry_of(layer)
    if entry is None:
        return f"{type(layer).__name__}({layer.extra_repr()})"
    if getattr(layer, "return_indices", False):
        raise ConfigError(f"A {entry.name} that also gives places cannot be written as a line.")
    return f"{entry.name}({entry.line(layer)})"


def _arguments(
    call: ast.expr, value: Callable[[ast.expr], Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments and the named arguments of a call; ValueError if it is none."""
    if not isinstance(call, ast.Call):
        return [], {}
    named = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError("arguments without a name")
        named[keyword.arg] = value(keyword.value)
    return [value(a) for a in call.args], named


def _name(called: ast.expr) -> str:
    """'Linear', also of nn.Linear."""
    if isinstance(called, ast.Attribute):
        return called.attr
    if isinstance(called, ast.Name):
        return called.id
    raise ValueError("no name")


def _value(node: ast.AST) -> Any:
    """A plain number, truth value, known word, or a short list of numbers; else ValueError."""
    if isinstance(node, ast.Name) and node.id in _TEXTS:
        return node.id  # PyTorch prints padding=same
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
