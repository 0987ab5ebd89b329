"""Sizes that ONNX exporters compute in the graph: worked out, so that only layers are left."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aecore.inspection.graph import Graph
from aecore.inspection.onnx_node import Node

_OF_FIRST = {"Gather", "Slice", "Cast", "Squeeze", "Unsqueeze", "Identity"}
_OF_ALL = {"Concat", "Add", "Sub", "Mul", "Div"}


def sizes_only(g: Graph, n: Node) -> bool:
    """Work out a node that computes sizes: whole numbers, NaN where the batch decides."""
    known = g.sizes
    if n.said == "Shape":
        shape = g.shape(n.x)
        if shape is None:
            return True
        sizes = [math.nan if s is None else float(s) for s in shape]
        known[n.out] = sizes[n.attributes.get("start", 0) : n.attributes.get("end")]
        return True
    if n.said == "Constant":
        return _constant(g, n)
    given = n.inputs if n.said in _OF_ALL else n.inputs[:1] if n.said in _OF_FIRST else []
    if not any(x in known for x in given if x):
        return False
    values = [None if x is None else known.get(x) or g.peek(x) for x in n.inputs]
    if any(v is None for v in values):
        return True
    a, b = values[0], values[1] if len(values) > 1 else []
    if n.said == "Gather":
        result = [a[int(i)] for i in b]
    elif n.said == "Concat":
        result = [v for part in values for v in part]
    elif n.said == "Slice":
        result = a[int(b[0]) : int(min(values[2][0], len(a)))]
    elif n.said in ("Add", "Sub", "Mul", "Div"):
        result = [_arithmetic_of(n.said, p, b[i % len(b)]) for i, p in enumerate(a)]
    else:
        result = a
    known[n.out] = result
    return True


def _arithmetic_of(how: str, a: float, b: float) -> float:
    if how == "Div":
        return math.nan if math.isnan(a) or math.isnan(b) or not b else float(a // b)
    return a + b if how == "Add" else a - b if how == "Sub" else a * b


def _constant(g: Graph, n: Node) -> bool:
    value = n.attributes.get("value")
    for key in ("value_float", "value_int", "value_floats", "value_ints"):
        if key in n.attributes:
            value = torch.tensor(n.attributes[key])
    if not isinstance(value, Tensor):
        raise ValueError("a constant that is no tensor")
    g.constant_of_graph(n.out, value)
    return True


def whole(g: Graph, name: str | None) -> list[int | None] | None:
    """Sizes or axes that an input gives; None within for those that the batch decides."""
    if name is None:
        return None
    if name in g.sizes:
        return [None if math.isnan(v) else int(v) for v in g.sizes[name]]
    return g.numbers(name)
