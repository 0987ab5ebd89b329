"""ONNX files: initialisers as tensors, nodes as operations; nothing is run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import onnx
import onnx.inliner
import torch
from torch import Tensor

from aecore.errors import CheckpointError, InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.facts import plain_facts
from aecore.inspection.files.limits import (
    MAX_ONNX_BYTES,
    MAX_OPERATIONS,
    MAX_TENSOR_BYTES,
    Budget,
)
from aecore.inspection.files.onnx_node import INTEGER, Node, as_torch, location, second_file
from aecore.inspection.files.onnx_nodes import add_node
from aecore.inspection.files.onnx_patterns import with_layer_norms
from aecore.inspection.files.onnx_running import OnnxCheck
from aecore.inspection.files.running import Entry
from aecore.inspection.files.steps import Graph, Shape, said_place
from aecore.wording import short

_SOME = 2  # examples that a graph is run with to learn its values' shapes
_MOST_RUN = 1000  # nodes of such a graph
_ASKING = {"Reshape", "Shape", "Squeeze", "Split", "Slice", "Gather", "Concat", "Resize"}
_KEPT_FOR_SHAPES = 64  # values of an initialiser that the sizes of others may depend on


def read_onnx(file: BinaryIO, beside: Mapping[str, bytes] | None = None) -> Contents:
    """Read an open .onnx file; raises CheckpointError with one sentence.

    beside: files that were brought together with it, by name, for weights that lie outside.
    """
    content = file.read(MAX_ONNX_BYTES + 1)
    if len(content) > MAX_ONNX_BYTES:
        raise CheckpointError(
            f"An ONNX file may have {MAX_ONNX_BYTES >> 20} MB, and this one has more; export a "
            "smaller model, or save its weights as .safetensors."
        )
    model = _parsed(content)
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
    if taken_in(graph, beside or {}):
        content = model.SerializeToString()
    budget = Budget()
    tensors = _initialisers(graph, budget)
    shapes: dict[str, Shape] = _shapes(model)
    entries = [_entry(i) for i in graph.input if i.name not in tensors]
    if not entries:
        raise CheckpointError(
            "The ONNX network takes no input, so it is no autoencoder; export it again."
        )
    lone = all(len(e.shape) == 1 for e in entries) and not any(e.whole for e in entries)
    check = OnnxCheck(content, entries, {}, lone)
    main, *others = entries[::-1] if check.label_first else entries
    if lone:
        shapes = {name: [1, *shape] for name, shape in shapes.items()}
    shapes = shapes if lone or len(entries) > 2 else _filled_in(shapes, graph, check)
    told = others[0].name if others else ""
    g = Graph(tensors, {name: name for name in tensors}, shapes, main.name, told)
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    nodes = [Node(proto, budget, opset) for proto in graph.node]
    for place, node in enumerate(nodes, 1):
        node.at = said_place(node.name or next(iter(node.outputs), ""), place, len(nodes))
    for node in with_layer_norms(nodes, tensors, [o.name for o in graph.output], budget):
        g.at = node.at
        add_node(g, node)
    given = [o.name for o in graph.output]
    operations, outputs = g.finish(given)
    check.names = dict(zip(outputs, given, strict=True))
    notes = list(budget.notes)
    if len(entries) > 2:
        notes.append(f"The network takes {len(entries)} inputs; {short(main.name)!r} is the first.")
    facts: dict[str, Any] = plain_facts({p.key: p.value for p in model.metadata_props})
    if model.producer_name:
        facts["producer"] = short(f"{model.producer_name} {model.producer_version}")
    shape = g.shape(main.name)
    if shape and None not in list(shape)[1:]:
        facts["input_shape"] = list(shape)[1:]
    return Contents(
        "onnx",
        g.tensors,
        True,
        facts,
        operations,
        outputs,
        tuple(notes),
        check=check,
        sizes=g.known_sizes(),
    )


def _parsed(content: bytes) -> Any:
    try:
        model = onnx.load_from_string(content)
        return onnx.inliner.inline_local_functions(model) if model.functions else model
    except Exception as error:  # protobuf's own errors
        raise CheckpointError(
            "The file is a damaged ONNX file, or of another kind; export or download it again."
        ) from error


def _entry(value: Any) -> Entry:
    kind = value.type.tensor_type
    shape = tuple(
        int(d.dim_value) if d.HasField("dim_value") and d.dim_value > 0 else None
        for d in kind.shape.dim
    )
    return Entry(value.name, shape, kind.elem_type in INTEGER)


def taken_in(graph: Any, beside: Mapping[str, bytes]) -> bool:
    """Put values from files that were brought along into the graph; whether there were any.

    Raises CheckpointError for a file that was not brought, or has fewer bytes than are asked for.
    """
    outside = [e for e in graph.initializer if e.data_location == 1 or e.external_data]
    for entry in outside:
        told = {pair.key: pair.value for pair in entry.external_data}
        data = beside.get(told.get("location", ""))
        if data is None:
            raise second_file(entry)
        try:
            start = int(told.get("offset", 0))
            length = int(told.get("length", len(data) - start))
        except ValueError:
            start = length = -1
        if min(start, length) < 0 or start + length > len(data) or length > MAX_TENSOR_BYTES:
            raise CheckpointError(
                f"The second file {short(location(entry))!r} has {len(data):,} bytes, which is not "
                f"what the ONNX file says of the tensor {short(entry.name)!r}; bring the two files "
                "that were exported together."
            )
        entry.raw_data = data[start : start + length]
        entry.ClearField("external_data")
        entry.ClearField("data_location")
    return bool(outside)


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
    return _inferred(model)


def _inferred(model: Any) -> dict[str, Shape]:
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


def _filled_in(shapes: dict[str, Shape], graph: Any, check: OnnxCheck) -> dict[str, Shape]:
    """Shapes that ONNX does not tell, from running the graph once, where a change of shape asks."""
    asking = {x for n in graph.node if n.op_type in _ASKING for x in (*n.input[:1], *n.output)}
    unknown = [x for x in asking if not shapes.get(x) or None in list(shapes[x])[1:]]
    if (
        not unknown
        or len(graph.node) > _MOST_RUN
        or any(None in e.shape[1:] for e in check.entries)
    ):
        return shapes
    given = [torch.zeros(_SOME, *[size or 1 for size in e.shape[1:]]) for e in check.entries]
    names = [x for n in graph.node for x in n.output if x]
    try:
        made = check.compute(*(given[::-1] if check.label_first else given), also=names, only=True)
    except InspectionError:
        return shapes
    found = dict(shapes)
    for name, value in made.items():
        if value.dim() < 2:
            continue
        if not found.get(name) or None in list(found[name])[1:]:
            found[name] = [None if i == 0 else n for i, n in enumerate(value.shape)]
    return found
