"""What a browser asks of a network that it does not run, read with care: anybody may send it."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aecore.pad.served import Chosen

_Json = Mapping[str, Any]
_MOST_LINKS = 40  # into a layer
_MOST_SILENT = 20_000  # units, of all layers


@dataclass(frozen=True)
class Question:
    """What was chosen. entered: a held-out example; or what was drawn, a byte a value; or b"" for
    a code alone. token: tells it from the one before. matter: the stage of which it is asked how
    much each unit matters; None where it is asked what each layer gives."""

    entered: int | bytes
    chosen: Chosen
    token: str
    matter: int | None = None


def question_of(asked: Any, meta: Mapping[str, Any]) -> Question | None:
    """The question of a browser that shows a bundle with this meta; None for anything else."""
    network = meta.get("served")
    if not isinstance(asked, Mapping) or not network:
        return None
    try:
        return _read(asked, meta, network)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None


def _read(
    asked: Mapping[str, Any], meta: Mapping[str, Any], network: Mapping[str, Any]
) -> Question:
    k, stages, by = network["latent_dim"], network["stages"], asked["by"]
    if by not in ("mean", "sample", "hand"):
        raise ValueError("unknown way to a code")
    index = _whole(asked["index"], -2, meta["images"] - 1)
    entered: int | bytes = index
    if index < 0:
        entered = base64.b64decode(asked["drawn"], validate=True) if index == -1 else b""
        if index == -1 and len(entered) != meta["size"]:
            raise ValueError("another size")
    units = [_units(stage) for stage in stages]
    silent = set()
    for stage, unit in asked["silent"][:_MOST_SILENT]:
        stage = _whole(stage, 0, len(stages) - 1)
        silent.add((stage, _whole(unit, 0, units[stage] - 1)))
    held = {_whole(d, 0, k - 1): _number(value) for d, value in asked["held"]}
    opened = None
    if asked["open"] is not None:
        stage, unit = asked["open"]
        stage = _whole(stage, 0, len(stages) - 1)
        code = max(i for i, one in enumerate(stages) if one["part"] == "encoder")
        opened = stage, _whole(unit, -1, (k if stage == code else units[stage]) - 1)
    chosen = Chosen(
        by=by,
        z=_numbers(asked["z"], k) if by == "hand" else (),
        eps=_numbers(asked["eps"], k) if by == "sample" else (),
        silent=frozenset(silent),
        held=tuple(sorted(held.items())),
        open=opened,
        links=_whole(asked["links"], 0, _MOST_LINKS),
    )
    matter = asked.get("matter")
    if matter is not None:
        matter = _whole(matter, 0, len(stages) - 2)  # the last is what comes out
    return Question(entered, chosen, str(asked["token"]), matter)


def _units(stage: Mapping[str, Any]) -> int:
    shape = stage["shape"]
    return shape[0] if len(shape) == 3 else math.prod(shape)


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError("no such number")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _numbers(values: Any, k: int) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != k:
        raise ValueError("not as many numbers")
    return tuple(map(_number, values))
