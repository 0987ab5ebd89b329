"""Nodes of an ONNX graph that compute with weights alone: worked out, so that a weight is left.

A weight norm, a kernel that is turned or put together from parts, a factor out of two numbers.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from aecore.inspection.files.limits import MAX_TENSOR_BYTES
from aecore.inspection.files.onnx_node import Node
from aecore.inspection.files.steps import Graph

#: None of them gives more values than enter it, but for those that broadcast.
_WORDS = """
Add Sub Mul Div Sqrt Pow Exp Neg Abs Reciprocal Max Min ReduceSum ReduceL2 ReduceMean
ReduceSumSquare Concat Slice Squeeze Mod Gather Unsqueeze Reshape Transpose Softplus Clip Cast
Flatten
"""
_KNOWN = frozenset(_WORDS.split())


def worked_out(g: Graph, node: Node) -> bool:
    """Work out a node whose inputs are all weights; whether it was one."""
    given = [x for x in node.inputs if x]
    if node.said not in _KNOWN or not given or len(node.outputs) != 1:
        return False
    if not all(g.is_weight(x) or x in g.sizes for x in given) or not any(map(g.is_weight, given)):
        return False
    if node.said == "Transpose" and node.attributes.get("perm", [1, 0]) == [1, 0]:
        return False  # kept as the weight that it is
    from onnx.reference import ReferenceEvaluator

    values = {}
    for name in given:
        tensor = g.constant(name)
        if tensor is None and np.isnan(g.sizes[name]).any():
            raise ValueError("sizes that the batch decides")
        values[name] = g.sizes[name].astype(np.int64) if tensor is None else tensor.numpy()
    shapes = [value.shape for value in values.values()]
    if node.said in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"):
        total = math.prod(np.broadcast_shapes(*shapes))
        if total * 4 > MAX_TENSOR_BYTES:
            raise ValueError("a weight that is too large")
    try:
        # A node alone is of the newest opset, whose axes are inputs: given as they are.
        found = ReferenceEvaluator(node.proto, opsets={"": node.opset}).run(None, values)
    except Exception as error:  # a node that contradicts itself, in one of many classes
        raise ValueError("a computation with weights that does not fit") from error
    found = np.asarray(next(iter(found)))
    if found.dtype.kind not in "biuf" or found.nbytes > MAX_TENSOR_BYTES:
        raise ValueError("a weight of another kind")
    kind = torch.float32 if found.dtype.kind == "f" else torch.int64
    for name in given:
        if g.is_weight(name):
            g.spend(name)
    g.constant_of_graph(node.out, torch.from_numpy(np.array(found)).to(kind).contiguous())
    return True
