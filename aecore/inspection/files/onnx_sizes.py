"""Sizes that ONNX exporters compute in the graph: worked out, so that only layers are left."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from aecore.inspection.files.onnx_node import Node
from aecore.inspection.files.steps import Graph

_OF_FIRST = {"Gather", "Slice", "Cast", "Squeeze", "Unsqueeze", "Identity", "Reshape", "Transpose"}
_OF_FIRST |= {"ConstantOfShape"}
_OF_ALL = {"Concat", "Add", "Sub", "Mul", "Div"}
_MOST = 64  # sizes in one array


def sizes_only(g: Graph, n: Node) -> bool:
    """Work out a node that computes sizes: whole numbers, NaN where the batch decides.

    Whether it was one; what cannot be worked out is missing later, where a layer needs it.
    """
    if n.said == "Shape":
        shape = g.shape(n.x)
        if shape is not None:
            sizes = np.array([math.nan if s is None else s for s in shape], float)
            g.sizes[n.out] = sizes[n.attributes.get("start", 0) : n.attributes.get("end")]
        return True
    if n.said == "Constant":
        return _constant(g, n)
    given = n.inputs if n.said in _OF_ALL else n.inputs[:1] if n.said in _OF_FIRST else []
    if not any(_is_size(g, x, n.said in _OF_FIRST) for x in given if x):
        return False
    values = [_sizes(g, x) for x in n.inputs if x]
    known_values = [v for v in values if v is not None]
    if len(known_values) == len(values):
        result = _result(n, known_values)
        if result.size <= _MOST:
            g.sizes[n.out] = result
    return True


def _is_size(g: Graph, name: str, alone: bool) -> bool:
    """Whether a value is sizes; alone: also whole numbers that the file gives."""
    if name in g.sizes:
        return True
    tensor = g.constant(name) if alone else None
    return tensor is not None and not tensor.is_floating_point() and tensor.numel() <= _MOST


def _sizes(g: Graph, name: str) -> np.ndarray | None:
    if name in g.sizes:
        return g.sizes[name]
    tensor = g.constant(name)
    if tensor is None or tensor.numel() > _MOST:
        return None
    return tensor.double().numpy()


def _result(n: Node, values: list[np.ndarray]) -> np.ndarray:
    a, *others = values
    if n.said in ("Add", "Sub", "Mul", "Div"):
        how = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.floor_divide}
        return how[n.said](a, others[0])
    if n.said == "Concat":
        return np.concatenate(values, n.attributes.get("axis", 0))
    if n.said == "Gather":
        return np.take(a, others[0].astype(int), n.attributes.get("axis", 0))
    if n.said == "Reshape":
        return a.reshape(others[0].astype(int))
    if n.said == "Transpose":
        return a.transpose(n.attributes.get("perm"))
    if n.said == "Unsqueeze":
        return np.atleast_1d(a)
    if n.said == "Squeeze":
        return a.squeeze()
    if n.said == "ConstantOfShape":
        fill = n.attributes.get("value")
        return np.full(min(int(a.prod()), _MOST + 1), 0.0 if fill is None else float(fill))
    if n.said == "Slice":
        start, stop = int(others[0][0]), int(others[1][0])
        axis = int(others[2][0]) if len(others) > 2 else 0
        step = int(others[3][0]) if len(others) > 3 else 1
        stop = None if stop < -a.shape[axis] else stop
        return np.moveaxis(np.moveaxis(a, axis, 0)[start:stop:step], 0, axis)
    return a


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
        return [None if math.isnan(v) else int(v) for v in g.sizes[name].reshape(-1)]
    found = g.numbers(name)
    return None if found is None else list(found)


def known(g: Graph, name: str | None) -> list[int]:
    """The same where none may be open or missing. Raises ValueError."""
    found = whole(g, name)
    sizes = [] if found is None else [v for v in found if v is not None]
    if found is None or len(sizes) != len(found):
        raise ValueError("sizes that the file does not give")
    return sizes
