"""A layer's arguments as text, read from the layer as it now is."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from aecore.errors import ConfigError

#: Where a layer lies, and how it is computed, are no settings of it. Hardtanh has two names that it
#: no longer takes.
OF_NO_MATTER = ("device", "dtype", "inplace", "min_value", "max_value")


def arguments_of(
    layer: nn.Module,
    leave_out: Sequence[str] = (),
    quoted: Callable[[str], str] = json.dumps,
) -> list[str]:
    """What a layer's __init__ would have to be given, those at their default left out.

    leave_out: names of arguments that follow from the others. quoted: how a word is written. A
    layer keeps each argument under its name, as PyTorch's do. Raises ConfigError for an argument
    that it does not keep, or whose value is no number, truth value or word: written without it,
    the line would make another layer.
    """
    written, by_name = [], False
    for name, parameter in settings_of(type(layer)).items():
        if name in leave_out:
            by_name = True
            continue
        if not hasattr(layer, name):
            raise ConfigError(f"A {type(layer).__name__} does not keep its setting {name!r}.")
        value = getattr(layer, name)
        if name == "bias" or isinstance(value, Tensor):
            if value is None and getattr(layer, "weight", None) is None:
                continue  # without factors there are no shifts either
            value = value is not None
        value = one(value)
        text = plain(layer, name, value, quoted)
        if parameter.default is inspect.Parameter.empty and not by_name:
            written.append(text)
        elif parameter.default is inspect.Parameter.empty or value != one(parameter.default):
            written.append(f"{name}={text}")
            by_name = True
    return written


def settings_of(cls: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """Every argument that decides what a layer computes, or how it is trained."""
    found = list(inspect.signature(cls.__init__).parameters.items())[1:]
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # nn.Identity's
    return {k: p for k, p in found if k not in OF_NO_MATTER and p.kind not in variadic}


def plain(
    layer: nn.Module, name: str, value: Any, quoted: Callable[[str], str] = json.dumps
) -> str:
    """A value as text that reads back as it; raises ConfigError for any other."""
    items = value if isinstance(value, tuple | list) else (value,)
    known = all(item is None or isinstance(item, bool | int | float | str) for item in items)
    if not known or any(isinstance(item, float) and not math.isfinite(item) for item in items):
        raise ConfigError(
            f"The {name} of a {type(layer).__name__} is {str(value)[:60]}, which no line can say."
        )
    if isinstance(value, str):
        return quoted(value)
    return number(value) if isinstance(value, float) else repr(value)


def one(value: Any) -> Any:
    """(2, 2) as 2, which every layer that takes sizes understands."""
    same = isinstance(value, tuple) and value and all(v == value[0] for v in value)
    return value[0] if same else value


def number(value: float) -> str:
    """A number as short as it can be written without losing a digit."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
