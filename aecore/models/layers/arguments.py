"""A layer's arguments as text, read from the layer as it now is."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

_OF_NO_MATTER = ("device", "dtype", "inplace")


def arguments_of(layer: nn.Module, leave_out: Sequence[str] = ()) -> list[str]:
    """What a layer's __init__ would have to be given, those at their default left out.

    leave_out: names of arguments that follow from the others. A layer keeps each argument under
    its name, as PyTorch's do.
    """
    written = []
    for name, parameter in list(inspect.signature(type(layer).__init__).parameters.items())[1:]:
        if name in _OF_NO_MATTER or name in leave_out or not hasattr(layer, name):
            continue
        value = getattr(layer, name)
        if name == "bias" or isinstance(value, Tensor):
            value = value is not None
        value = one(value)
        text = json.dumps(value) if isinstance(value, str) else repr(value)
        if parameter.default is inspect.Parameter.empty:
            written.append(text)
        elif value != one(parameter.default):
            written.append(f"{name}={text}")
    return written


def one(value: Any) -> Any:
    """(2, 2) as 2, which every layer that takes sizes understands."""
    same = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if same else value


def number(value: float) -> str:
    """A number as short as it can be written without losing a digit."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
