"""Curves that a file writes out as arithmetic, recognised by what they give.

SiLU is written as x sigmoid(x), GELU with erf or tanh, ELU with a comparison. Instead of every way
to write each, the arithmetic is done on a grid of values and compared with the curves there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.inspection.files.contents import Operation

_GRID = torch.linspace(-6.0, 6.0, 49, dtype=torch.float64)
_CLOSE = 2e-5  # GELU's two forms differ by 5e-4, rounded constants by less than 1e-6
_WRITTEN_OUT = ("Other", "Divide", "Scale", "Power")
_MOST_SOURCES = 6  # values of which one and the same value is told as a curve

#: Settings of each kind of curve on the grid, from the values that were found.
_CURVES: tuple[tuple[str, Callable[[Tensor], dict | None], Callable[[Tensor, dict], Tensor]], ...]
_CURVES = (
    ("ReLU", lambda y: {}, lambda x, s: F.relu(x)),
    ("Tanh", lambda y: {}, lambda x, s: x.tanh()),
    ("Sigmoid", lambda y: {}, lambda x, s: x.sigmoid()),
    ("SiLU", lambda y: {}, lambda x, s: F.silu(x)),
    ("GELU", lambda y: {"approximate": "none"}, lambda x, s: F.gelu(x)),
    (
        "GELU",
        lambda y: {"approximate": "tanh"},
        lambda x, s: F.gelu(x, approximate="tanh"),
    ),
    ("Mish", lambda y: {}, lambda x, s: F.mish(x)),
    ("Softplus", lambda y: {}, lambda x, s: F.softplus(x)),
    ("LogSigmoid", lambda y: {}, lambda x, s: F.logsigmoid(x)),
    ("Softsign", lambda y: {}, lambda x, s: F.softsign(x)),
    ("Hardswish", lambda y: {}, lambda x, s: F.hardswish(x)),
    ("Hardsigmoid", lambda y: {}, lambda x, s: F.hardsigmoid(x)),
    ("ReLU6", lambda y: {}, lambda x, s: F.relu6(x)),
    ("SELU", lambda y: {}, lambda x, s: F.selu(x)),
    (
        "LeakyReLU",
        lambda y: {"negative_slope": round(float(-y[0] / 6), 6)},
        lambda x, s: F.leaky_relu(x, s["negative_slope"]),
    ),
    (
        "ELU",
        lambda y: {"alpha": round(float(y[0] / torch.expm1(_GRID[0])), 5)},
        lambda x, s: F.elu(x, s["alpha"]),
    ),
)
_SIMPLE: dict[str, Callable[[Operation, Sequence[Tensor]], Tensor]] = {
    "Multiply": lambda o, i: i[0] * i[1],
    "Add": lambda o, i: i[0] + i[1],
    "Divide": lambda o, i: i[0] / i[1],
    "Scale": lambda o, i: i[0] * o.settings["factor"] + o.settings["shift"],
    "Power": lambda o, i: i[0] ** o.settings["exponent"],
    "Exp": lambda o, i: i[0].exp(),
    "Sigmoid": lambda o, i: i[0].sigmoid(),
    "Tanh": lambda o, i: i[0].tanh(),
    "ReLU": lambda o, i: i[0].relu(),
    "ReLU6": lambda o, i: F.relu6(i[0]),
    "Clamp": lambda o, i: i[0].clamp(o.settings["low"], o.settings["high"]),
    "Hardsigmoid": lambda o, i: F.hardsigmoid(i[0]),
    "Softplus": lambda o, i: F.softplus(
        i[0], o.settings.get("beta", 1.0), o.settings.get("threshold", 20.0)
    ),
}
#: What has no kind of its own, by what ONNX and ATen call it.
_CALLED: dict[str, Callable[[Operation, Sequence[Tensor]], Tensor]] = {
    "erf": lambda o, i: torch.erf(i[0]),
    "abs": lambda o, i: i[0].abs(),
    "log": lambda o, i: i[0].log(),
    "log1p": lambda o, i: i[0].log1p(),
    "expm1": lambda o, i: i[0].expm1(),
    **dict.fromkeys(("greater", "gt", "ge", "greaterorequal"), lambda o, i: _above(o, i[0])),
    **dict.fromkeys(("less", "lt", "le", "lessorequal"), lambda o, i: 1 - _above(o, i[0])),
    "where": lambda o, i: torch.where(i[0] > 0.5, i[1], i[2]),
}


def _above(o: Operation, x: Tensor) -> Tensor:
    return (x > o.settings["than"]).double()


def named_curves(operations: Sequence[Operation], outputs: Sequence[str]) -> list[Operation]:
    """The operations with every group that is a curve as that one; the rest of it may stay."""
    uses = Counter(x for o in operations for x in o.inputs)
    uses.update(outputs)
    told: dict[str, dict[str, Tensor]] = {}
    found = []
    for operation in operations:
        values = _response(operation, told, uses)
        if values:
            told[operation.output] = values
        if len(set(operation.inputs)) > 1 or operation.kind in _WRITTEN_OUT:
            operation = _named(operation, values)
        found.append(operation)
    return found


def _response(
    operation: Operation, told: dict[str, dict[str, Tensor]], uses: Counter[str]
) -> dict[str, Tensor]:
    """What an operation gives on the grid, as a curve of each value that alone decides it."""
    called = operation.said.removeprefix("aten.").split(".")[0].lower()
    simple = _SIMPLE.get(operation.kind) if not operation.weights else None
    other = _CALLED.get(called) if operation.kind == "Other" else None
    if not operation.inputs or (simple is None and other is None):
        return {}
    given = []
    for name in operation.inputs:
        known = dict(told.get(name, {}))
        if not known or uses[name] > 1:
            known = {**known, name: _GRID}
        given.append(known)
    common = set(given[0]).intersection(*given[1:])
    found: dict[str, Tensor] = {}
    for source in [s for s in given[0] if s in common][-_MOST_SOURCES:]:
        values = [known[source] for known in given]
        try:
            found[source] = (simple or other or _none)(operation, values)
        except (KeyError, IndexError, TypeError, RuntimeError):
            return {}
    return found


def _none(operation: Operation, values: Sequence[Tensor]) -> Tensor:
    raise TypeError


def _named(operation: Operation, values: dict[str, Tensor]) -> Operation:
    for source, y in values.items():
        if not bool(y.isfinite().all()):
            continue
        for kind, settings_of, compute in _CURVES:
            settings = settings_of(y)
            if settings is not None and float((compute(_GRID, settings) - y).abs().max()) < _CLOSE:
                if kind == "LeakyReLU" and settings["negative_slope"] == 1.0:
                    continue  # nothing at all
                return replace(
                    operation, kind=kind, inputs=(source,), settings=settings, weights={}
                )
    return operation
