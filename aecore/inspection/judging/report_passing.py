"""A report on its way out of the workshop: plain values and arrays, each checked on arrival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.figures.examples import frame_of
from aecore.inspection.judging.drawn import HISTOGRAM, MAP, SAMPLES, SHOWN, WORST
from aecore.inspection.judging.findings import LEVELS, Figure, Finding
from aecore.inspection.judging.generation import MOST_DIMENSIONS
from aecore.inspection.judging.report import Report
from aecore.wording import printable
from aecore.workshop import Made
from aecore.writing import json_ready

MOST_ROWS, LONGEST = 5000, 2000
_LARGE = 1e30  # in place of what overflowed, where a number is drawn

#: Sizes of arrays by name: a number is the most, a letter means the same number everywhere, "x" an
#: example's own shape.
_ARRAYS: dict[str, tuple[str | int, ...]] = {
    "shown_index": ("s",),
    "shown_x": ("s", "x"),
    "shown_x_hat": ("s", "x"),
    "shown_pca": ("s", "x"),
    "shown_mse": ("s",),
    "worst_index": ("w",),
    "worst_x": ("w", "x"),
    "worst_x_hat": ("w", "x"),
    "worst_pca": ("w", "x"),
    "worst_mse": ("w",),
    "map": ("m", 2),
    "map_labels": ("m",),
    "error_edges": ("e",),
    "errors_held_out": ("h",),
    "errors_training": ("h",),
    "samples": ("n", "x"),
    "traversals": ("d", "t", "x"),
    "traversal_dimensions": ("d",),
    "traversal_ends": ("d", 2),
}
_MOST = {"s": SHOWN, "w": WORST, "m": MAP, "e": HISTOGRAM + 1, "h": HISTOGRAM, "n": SAMPLES}
_MOST |= {"d": MOST_DIMENSIONS, "t": 64}
_NEED_NOT_BE = {"map_labels"}
_WHOLE = {"shown_index", "worst_index", "map_labels", "traversal_dimensions"}


class _Doubt(Exception):
    """Something is not as a report is."""


def pack(report: Report) -> Made:
    """A report for the way: what overflowed becomes a large number, or None where none is drawn."""
    rows = [{k: _drawable(v) for k, v in row.items()} for row in report.dimensions]
    arrays = {
        name: np.nan_to_num(a, posinf=_LARGE, neginf=-_LARGE) if a.dtype.kind == "f" else a
        for name, a in report.arrays.items()
    }
    told = report.to_json() | {"dimensions": rows}
    return Made(told, arrays)


def _drawable(value: Any) -> Any:
    if isinstance(value, float):
        return float(np.nan_to_num(value, posinf=_LARGE, neginf=-_LARGE))
    return json_ready(value)


def unpack(made: Made, data: Dataset) -> Report:
    """The report of a model of these data. Raises InspectionError where anything is odd."""
    try:
        told = made.about
        dimensions = _rows(told["dimensions"], _DIMENSION)
        arrays = _arrays(made.arrays, data.spec.shape) if made.arrays else {}
        known = {row["dimension"] for row in dimensions}
        if arrays and not set(arrays["traversal_dimensions"].tolist()) <= known:
            raise _Doubt("a traversal of no dimension")
        return Report(
            tuple(Finding(**row) for row in _rows(told["findings"], _FINDING)),
            tuple(Figure(**row) for row in _rows(told["figures"], _FIGURE)),
            _row(told["about"], _ABOUT),
            dimensions,
            _rows(told["layers"], _LAYER),
            arrays,
            frame_of(data),
            data.class_names,
            _truth(told["understood"]),
            _truth(told["sure"]),
        )
    except (_Doubt, KeyError, TypeError, ValueError) as error:
        raise InspectionError(
            "The model could not be examined: the process that did it answered nonsense, so "
            "nothing of it is shown; try again, or open the file anew."
        ) from error


# -- plain values ----------------------------------------------------------------------------------

Check = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Doubt("no text")
    return printable(value)[:LONGEST]


def _level(value: Any) -> str:
    return LEVELS[LEVELS.index(value)]


def _number(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise _Doubt("no number")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise _Doubt("no count")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Doubt("no truth value")
    return value


def _sizes(value: Any) -> list[int]:
    if not isinstance(value, list) or not 1 <= len(value) <= 4:
        raise _Doubt("no shape")
    return [_count(n) for n in value]


def _perhaps(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


_FINDING = {"level": _level, "name": _text, "title": _text, "evidence": _text}
_FIGURE = {
    **dict.fromkeys(("key", "group", "name", "unit", "better", "about"), _text),
    "value": _perhaps(_number),
}
_DIMENSION = {
    "dimension": _count,
    "mean": _number,
    "std": _number,
    **dict.fromkeys(("kl", "own_std", "change"), _perhaps(_number)),
}
_LAYER = {
    **dict.fromkeys(("part", "line"), _text),
    **dict.fromkeys(("weights", "units", "dead"), _perhaps(_count)),
    **dict.fromkeys(("scale", "rms"), _perhaps(_number)),
    "number": _count,
    "fresh": _text,
}
_ABOUT = {
    **dict.fromkeys(("family", "title", "dataset", "data_title", "fingerprint"), _text),
    **dict.fromkeys(("kind", "samples_from"), _text),
    **dict.fromkeys(("latent_dim", "training_examples", "held_out_examples", "seed"), _count),
    **dict.fromkeys(("held_out_looked_at", "training_looked_at", "pca_k"), _count),
    "label_said": _perhaps(_count),
    **dict.fromkeys(("variational", "encoder_made_here"), _truth),
    "shape": _sizes,
}


def _row(value: Any, checks: dict[str, Check]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Doubt("no row")
    return {name: checks[name](one) for name, one in value.items()}


def _rows(values: Any, checks: dict[str, Check]) -> tuple[dict[str, Any], ...]:
    if not isinstance(values, list) or len(values) > MOST_ROWS:
        raise _Doubt("no rows")
    return tuple(_row(value, checks) for value in values)


# -- arrays ----------------------------------------------------------------------------------------


def _arrays(given: dict[str, np.ndarray], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    if not _ARRAYS.keys() - _NEED_NOT_BE <= given.keys() <= _ARRAYS.keys():
        raise _Doubt("other arrays than a report has")
    met: dict[str, int] = {}
    for name, array in given.items():
        wanted = _ARRAYS[name]
        tail = shape if wanted[-1] == "x" else ()
        heads = wanted[:-1] if tail else wanted
        if array.shape[len(heads) :] != tail or array.ndim != len(heads) + len(tail):
            raise _Doubt(f"{name} has shape {array.shape}")
        for head, size in zip(heads, array.shape, strict=False):
            same = size == head if isinstance(head, int) else met.setdefault(head, size) == size
            if not same or not (isinstance(head, int) or 1 <= size <= _MOST[head]):
                raise _Doubt(f"{name} has shape {array.shape}")
        if array.dtype.kind != ("i" if name in _WHOLE else "f"):
            raise _Doubt(f"{name} is of type {array.dtype}")
        if not np.isfinite(array).all() or (name in _WHOLE and array.min() < 0):
            raise _Doubt(f"{name} holds what is no number or index")
    return given
