"""What a file says of its model beside the weights, as plain JSON values of bounded size."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from aecore.inspection.files.limits import MAX_FACTS, MAX_TEXT
from aecore.wording import printable

_LEVELS = 3  # of dictionaries within each other: hyper_parameters, and their own groups


def plain_facts(values: Mapping) -> dict[str, Any]:
    """The numbers, texts and short lists of a mapping; at most MAX_FACTS, the rest is dropped."""
    return _mapping(values, [MAX_FACTS], _LEVELS) or {}


def _mapping(values: Mapping, left: list[int], levels: int) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if left[0] <= 0:
            break
        plain = _plain(value, left, levels)
        if plain is not None:
            found[_text(key)] = plain
            left[0] -= 1
    return found or None


def _plain(value: Any, left: list[int], levels: int) -> Any:
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, Tensor | np.ndarray | np.generic):
        value = _number(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str | bytes):
        return _text(value)
    if isinstance(value, Mapping):
        return _mapping(value, left, levels - 1) if levels > 1 else None
    if isinstance(value, list | tuple):
        items = [_plain(v, left, 0) for v in value[:16]]
        simple = all(isinstance(v, bool | int | float | str) for v in items)
        return items if simple and len(value) <= 16 else None
    return None


def _number(value: Tensor | np.ndarray | np.generic) -> Any:
    """The value of a 0-dimensional array or a strided tensor of one value, else None."""
    if isinstance(value, Tensor):
        usable = value.numel() == 1 and not value.is_meta and not value.is_quantized
        return value.item() if usable and not value.is_complex() else None
    number = value.item() if value.size == 1 and value.dtype.kind in "biufSU" else None
    return number


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)[:10_000]
    text = printable(text[: 4 * MAX_TEXT])
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
