"""ONNX files: initialisers as tensors, nodes as operations; nothing is run."""

from __future__ import annotations

import contextlib
from typing import Any, BinaryIO

import onnx
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.facts import plain_facts
from aecore.inspection.files.limits import MAX_ONNX_BYTES, MAX_OPERATIONS, Budget
from aecore.inspection.files.onnx_node import as_torch
from aecore.inspection.files.onnx_nodes import add_node
from aecore.inspection.files.steps import Graph, Shape
from aecore.wording import short

_KEPT_FOR_SHAPES = 64  # values of an initialiser that the sizes of others may depend on


def read_onnx(file: BinaryIO) -> Contents:
    """Read an open .onnx file; raises CheckpointError with one sentence."""
    content = file.read(MAX_ONNX_BYTES + 1)
    if len(content) > MAX_ONNX_BYTES:
        raise CheckpointError(
            f"An ONNX file may have {MAX_ONNX_BYTES >> 20} MB, and this one has more; export a "
            "smaller model, or save its weights as .safetensors."
        )
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own errors
        raise CheckpointError(
            "The file is a damaged ONNX file, or of another kind; export or download it again."
        ) from error
    del content
    graph = model.graph
    if not graph.node or not graph.input:
        raise CheckpointError(
            "The file holds no network that ONNX could describe; export the model again."
        )
    if len(graph.node) > MAX_OPERATIONS:
        raise CheckpointError(
            f"The file's network has {len(graph.node):,} operations, and at most "
            f"{MAX_OPERATIONS:,} are read; export the autoencoder alone."
        )
    _check_texts(model)
    budget = Budget()
    tensors = _initialisers(graph, budget)
    shapes = _shapes(model)
    inputs = [i.name for i in graph.input if i.name not in tensors]
    if not inputs:
        raise CheckpointError(
            "The ONNX network takes no input, so it is no autoencoder; export it again."
        )
    g = Graph(tensors, {name: name for name in tensors}, shapes, inputs[0])
    for node in graph.node:
        add_node(g, node, budget)
    operations, outputs = g.finish([o.name for o in graph.output])
    notes = list(budget.notes)
    if len(inputs) > 1:
        notes.append(f"The network takes {len(inputs)} inputs; {short(inputs[0])!r} is the first.")
    facts: dict[str, Any] = plain_facts({p.key: p.value for p in model.metadata_props})
    if model.producer_name:
        facts["producer"] = short(f"{model.producer_name} {model.producer_version}")
    shape = g.shape(inputs[0])
    if shape and None not in list(shape)[1:]:
        facts["input_shape"] = list(shape)[1:]
    return Contents("onnx", g.tensors, True, facts, operations, outputs, tuple(notes))


def _check_texts(model: Any) -> None:
    """Raise CheckpointError for a name that is no text: protobuf hands it on as bytes."""
    graph = model.graph
    texts = [model.producer_name, model.producer_version]
    texts += [text for pair in model.metadata_props for text in (pair.key, pair.value)]
    for value in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        texts.append(value.name)
    for node in graph.node:
        texts += [node.name, node.op_type, node.domain, *node.input, *node.output]
        texts += [attribute.name for attribute in node.attribute]
    if not all(isinstance(text, str) for text in texts):
        raise CheckpointError(
            "The ONNX file is damaged: a name in it is no text; export or download it again."
        )


def _initialisers(graph: Any, budget: Budget) -> dict[str, Tensor]:
    if graph.sparse_initializer:
        raise CheckpointError(
            "The ONNX file holds sparse weights, which are not read; export the model with dense "
            "weights."
        )
    tensors = {}
    for entry in graph.initializer:
        if entry.name in tensors:
            raise CheckpointError(
                f"The file is damaged: it names {short(entry.name)!r} twice, and only one could be "
                "meant."
            )
        value = as_torch(entry, budget)
        if value is not None:
            tensors[entry.name] = value
    return tensors


def _shapes(model: Any) -> dict[str, Shape]:
    """The shapes of values as far as ONNX can tell them; None for sizes that stay open."""
    # Only short initialisers decide about shapes; without the others the model is copied cheaply.
    for entry in model.graph.initializer:
        size = 1
        for dim in entry.dims:
            size *= dim
        if size > _KEPT_FOR_SHAPES:
            for data in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                entry.ClearField(data)
    # A graph that contradicts itself is read without its shapes.
    with contextlib.suppress(onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            shapes[value.name] = [
                int(d.dim_value) if d.HasField("dim_value") and d.dim_value > 0 else None
                for d in kind.shape.dim
            ]
    return shapes
