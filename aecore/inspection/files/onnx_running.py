"""An ONNX graph run by onnxruntime, on one thread, in the process that reads the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor

from aecore.errors import InspectionError
from aecore.inspection.files.running import MAX_RUN_VALUES, Entry, GraphCheck
from aecore.wording import short

_NORMAL = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"}
#: What computes something else each time in another way, or runs other graphs, again and again.
_REFUSED = {"If", "Loop", "Scan", "SequenceMap", "Multinomial", "Bernoulli", "Optional"}
_DOMAINS = {"", "ai.onnx", "com.microsoft"}
_OLDEST = 7  # the first opset that onnxruntime computes


class OnnxCheck(GraphCheck):
    """content: the model's bytes, weights inside."""

    def __init__(
        self, content: bytes, entries: Sequence[Entry], names: dict[str, str], lone: bool = False
    ):
        super().__init__(entries, names, lone)
        self.content = content

    def _run(
        self, given: Sequence[Tensor], wanted: set[str], noise: float, still: frozenset[str]
    ) -> dict[str, Tensor]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 4
        try:
            content, names = _prepared(self.content, sorted(wanted), noise, still)
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            del content
            fed = {e.name: value.numpy() for e, value in zip(self.entries, given, strict=True)}
            found = session.run(names, fed)
        except InspectionError:
            raise
        except Exception as error:  # onnxruntime's own classes share no other parent
            reason = short(str(error).splitlines()[0] if str(error) else type(error).__name__)
            raise InspectionError(
                f"The file's graph could not be run beside the reading ({reason})."
            ) from error
        return {name: torch.from_numpy(value) for name, value in zip(names, found, strict=True)}


def _prepared(
    content: bytes, wanted: list[str], noise: float, still: frozenset[str]
) -> tuple[bytes, list[str]]:
    """The model with its random values fixed and the wanted values, if it has them, its outputs."""
    model = onnx.load_from_string(content)
    graph = model.graph
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    if version < _OLDEST:
        model = onnx.version_converter.convert_version(model, 13)
        graph = model.graph
    made = {name for node in graph.node for name in node.output}
    made |= {value.name for value in (*graph.input, *graph.initializer)}
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type in _REFUSED or node.domain not in _DOMAINS:
            raise InspectionError(
                f"The file's graph has an operation that is not run here, {short(node.op_type)!r} "
                f"({short(node.name or node.output[0])!r})."
            )
        if node.op_type in _NORMAL:
            nodes += _fixed(node, noise)
        elif node.op_type == "Constant" and node.output[0] in still:
            nodes += _held(node, noise)
        else:
            nodes.append(node)
    nodes = _needed(nodes, wanted)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {x for node in nodes for x in node.input}
    kept = [e for e in graph.initializer if e.name in read]
    if len(kept) < len(graph.initializer):
        del graph.initializer[:]
        graph.initializer.extend(kept)
    for entry in graph.initializer:
        if entry.name in still:
            value = onnx.numpy_helper.to_array(entry)
            same = value * 0 + value.dtype.type(noise)
            entry.CopyFrom(onnx.numpy_helper.from_array(same, entry.name))
    del graph.output[:]
    names = [name for name in wanted if name in made]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return model.SerializeToString(), names


def _needed(nodes: Sequence[Any], wanted: Sequence[str]) -> list[Any]:
    """The nodes that the wanted values need, in order."""
    names, kept = set(wanted), []
    for node in reversed(nodes):
        if names.intersection(node.output):
            names.update(node.input)
            kept.append(node)
    return kept[::-1]


def _fixed(node: Any, noise: float) -> list[Any]:
    """A random node as one that gives the same value everywhere."""
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [noise])
    output = node.output[0]
    if node.op_type.endswith("Like"):
        sizes = f"{output}.sizes"
        first = helper.make_node("Shape", [node.input[0]], [sizes])
    else:
        sizes = f"{output}.sizes"
        shape = next(list(a.ints) for a in node.attribute if a.name == "shape")
        total = 1
        for size in shape:
            total *= size
        if total > MAX_RUN_VALUES:
            raise InspectionError("The file's graph draws more random values than are computed.")
        given = helper.make_tensor("value", TensorProto.INT64, [len(shape)], shape)
        first = helper.make_node("Constant", [], [sizes], value=given)
    return [first, helper.make_node("ConstantOfShape", [sizes], [output], value=value)]


def _held(node: Any, noise: float) -> list[Any]:
    """A constant with all its values the same."""
    value = next(onnx.numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value")
    same = onnx.numpy_helper.from_array(value * 0 + value.dtype.type(noise))
    return [helper.make_node("Constant", [], list(node.output), value=same)]
