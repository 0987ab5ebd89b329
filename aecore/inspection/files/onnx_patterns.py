"""Layer norms that old opsets write out in nine nodes, made one node again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from torch import Tensor

from aecore.inspection.files.limits import Budget
from aecore.inspection.files.onnx_node import Node


def with_layer_norms(
    nodes: Sequence[Node], tensors: Mapping[str, Tensor], outputs: Sequence[str], budget: Budget
) -> list[Node]:
    """The nodes, each quotient that ends a written-out layer norm replaced by the norm itself.

    What then nobody uses stays, and is left out later.
    """
    if any(n.said == "LayerNormalization" for n in nodes):
        return list(nodes)
    found = _Nodes(nodes, tensors, outputs)
    swapped: dict[str, Node] = {}
    gone: set[str] = set()
    for node in nodes:
        norm = found.norm(node) if node.said == "Div" else None
        if norm is None:
            continue
        x, axes, eps = norm
        last, weight, bias = node, None, None
        for said in ("Mul", "Add"):
            after = found.only_user(last.out, said)
            if after is None:
                continue
            other = next((i for i in after.inputs if i and i != last.out), None)
            if other is None or found.number_of_dims(other) != len(axes):
                continue
            if said == "Mul":
                weight = other
            elif weight is not None:
                bias = other
            else:
                continue
            gone.add(last.out)
            last = after
        inputs = [x, weight or "", bias or ""]
        proto = onnx.helper.make_node(
            "LayerNormalization", inputs, [last.out], node.name, axis=-len(axes), epsilon=eps
        )
        made = Node(proto, budget, node.opset)
        made.at = node.at
        swapped[last.out] = made
    return [swapped.get(n.outputs[0], n) if n.outputs else n for n in nodes if not _in(n, gone)]


def _in(node: Node, names: set[str]) -> bool:
    return bool(node.outputs) and node.outputs[0] in names


class _Nodes:
    def __init__(
        self, nodes: Sequence[Node], tensors: Mapping[str, Tensor], outputs: Sequence[str]
    ):
        self.made = {output: n for n in nodes for output in n.outputs}
        self.uses = Counter(x for n in nodes for x in n.inputs if x)
        self.uses.update(outputs)
        self.users = {x: n for n in nodes for x in n.inputs if x}
        self.tensors = tensors

    def maker(self, name: str | None, *said: str) -> Node | None:
        node = self.made.get(name) if name else None
        return node if node is not None and node.said in said else None

    def only_user(self, name: str, said: str) -> Node | None:
        node = self.users.get(name)
        return node if self.uses[name] == 1 and node and node.said == said else None

    def constant(self, name: str | None) -> Tensor | None:
        if name is not None and name in self.tensors:
            return self.tensors[name]
        node = self.maker(name, "Constant", "Identity")
        if node is not None and node.said == "Identity":  # two weights that are one
            return self.tensors.get(node.x)
        value = node.attributes.get("value") if node else None
        return value if isinstance(value, Tensor) else None

    def number_of_dims(self, name: str) -> int | None:
        value = self.constant(name)
        return None if value is None or value.numel() == 1 else value.dim()

    def norm(self, quotient: Node) -> tuple[str, list[int], float] | None:
        """What is normalised, over which axes, and eps, if a node is the end of a norm."""
        apart = self.maker(quotient.input(0), "Sub")
        root = self.maker(quotient.input(1), "Sqrt")
        shifted = self.maker(root.input(0), "Add") if root else None
        if not apart or not shifted:
            return None
        first = self.constant(shifted.input(0)) is not None
        eps = self.constant(shifted.input(0 if first else 1))
        variance = self.maker(shifted.input(1 if first else 0), "ReduceMean")
        mean = self.maker(apart.input(1), "ReduceMean")
        if eps is None or eps.numel() != 1 or not variance or not mean:
            return None
        square = self.maker(variance.input(0), "Pow", "Mul")
        if square is None or not self._is_square(square, apart):
            return None
        axes = self._axes(mean)
        if mean.input(0) != apart.input(0) or not axes or axes != self._axes(variance):
            return None
        if axes != list(range(-len(axes), 0)):
            return None
        return apart.x, axes, float(np.float32(eps.reshape(()).item()))

    def _is_square(self, square: Node, apart: Node) -> bool:
        if square.said == "Mul":
            same = square.input(0) == square.input(1)
        else:
            exponent = self.constant(square.input(1))
            same = exponent is not None and exponent.numel() == 1 and float(exponent) == 2
        other = self.maker(square.input(0), "Sub", "Cast")
        if other is not None and other.said == "Cast":
            other = self.maker(other.input(0), "Sub")
        return bool(same and other is not None and other.inputs == apart.inputs)

    def _axes(self, mean: Node) -> list[int]:
        axes = mean.attributes.get("axes")
        if axes is None:
            given = self.constant(mean.input(1))
            axes = [] if given is None else [int(a) for a in given.reshape(-1)]
        return sorted(axes)
