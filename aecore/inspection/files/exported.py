"""Files of torch.export (.pt2), read from their JSON and raw values; nothing is run.

An archive holds models/NAME.json (the graph), data/weights/ and data/constants/ (raw values, and a
JSON that says the type, shape and place of each). Before torch 2.7 it held one JSON and the values
as files of torch.save, which are read as those are: weights only.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.archive import Archive
from aecore.inspection.files.aten import add_node
from aecore.inspection.files.aten_node import Node, Ref
from aecore.inspection.files.aten_running import AtenCheck
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.header import parse_json
from aecore.inspection.files.limits import MAX_DIMS, MAX_HEADER_BYTES, MAX_TENSOR_BYTES, Budget
from aecore.inspection.files.running import Entry
from aecore.inspection.files.steps import Graph, Shape, said_place
from aecore.inspection.files.torch_file import load_zip
from aecore.wording import short

#: torch._export.serde.schema.ScalarType
_DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
_WHOLE = {1, 2, 3, 4, 5}
_OLD = "serialized_exported_program.json"
_STUMBLES = (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration)


def is_exported(names: Iterable[str]) -> bool:
    """Whether an archive's files are those of torch.export.save, in any version."""
    return any(n == _OLD or (n.startswith("models/") and n.endswith(".json")) for n in names)


def read_exported(archive: Archive) -> Contents:
    """Read an open archive; raises CheckpointError with one sentence."""
    names = archive.names()
    models = sorted(n for n in names if n.startswith("models/") and n.endswith(".json"))
    if _OLD in names:
        models = [_OLD]
    if len(models) > 1:
        raise CheckpointError(
            f"The file holds {len(models)} exported programs; save each in a file of its own."
        )
    if "byteorder" in names and archive.read("byteorder", 16).strip() != b"little":
        raise CheckpointError(
            "The file was written by a machine that orders the bytes of numbers the other way; "
            "save the weights there as .safetensors."
        )
    model = models[0].removeprefix("models/").removesuffix(".json")
    try:
        program = parse_json(archive.read(models[0], MAX_HEADER_BYTES), "graph")
        budget = Budget()
        if _OLD in names:
            tensors = _old_values(archive, budget)
        else:
            tensors = _values(archive, "weights", model, budget)
            tensors |= _values(archive, "constants", model, budget)
        return _contents(program, tensors, budget)
    except _STUMBLES as error:
        raise CheckpointError(
            "The file is damaged, or of a version of torch.export that is not known here; export "
            "it again, or save model.state_dict()."
        ) from error


def _contents(program: dict, tensors: dict[str, Tensor], budget: Budget) -> Contents:
    module = program["graph_module"]
    graph, signature = module["graph"], module["signature"]
    called: dict[str, str] = {}
    entries: list[Entry] = []
    for spec in signature["input_specs"]:
        (kind, body), *_ = spec.items()
        arg = body.get("arg", {})
        if kind == "user_input":
            if "as_tensor" in arg:
                name = arg["as_tensor"]["name"]
                meta = graph["tensor_values"][name]
                entries.append(Entry(name, tuple(_shape(meta)), meta["dtype"] in _WHOLE))
            continue
        names = (f"{kind}_name", "buffer_name", "tensor_constant_name")
        target = next(body[n] for n in names if n in body)
        if target in tensors:
            called[arg["name"]] = target
    if not entries:
        raise CheckpointError(
            "The exported program takes no tensor, so it is no autoencoder; export the model with "
            "an example of its input."
        )
    shapes: dict[str, Shape] = {name: _shape(meta) for name, meta in graph["tensor_values"].items()}
    lone = all(len(e.shape) == 1 for e in entries) and not any(e.whole for e in entries)
    # The reading changes tensors as it goes; the graph itself keeps those of the file.
    weights = {name: tensors[target] for name, target in called.items()}
    check = AtenCheck(graph, weights, entries, {}, called, lone)
    main, *others = entries[::-1] if check.label_first else entries
    if lone:
        shapes = {name: [1, *shape] for name, shape in shapes.items()}
    g = Graph(tensors, called, shapes, main.name, others[0].name if others else "")
    for place, node in enumerate(graph["nodes"], 1):
        g.at = said_place(str(node.get("name") or ""), place, len(graph["nodes"]))
        add_node(g, _node(node))
    outputs = [
        body["arg"]["as_tensor"]["name"]
        for spec in signature["output_specs"]
        for kind, body in spec.items()
        if kind == "user_output" and "as_tensor" in body["arg"]
    ]
    operations, final = g.finish(outputs)
    check.names = dict(zip(final, outputs, strict=True))
    notes = list(budget.notes)
    if len(entries) > 2:
        notes.append(f"The network takes {len(entries)} inputs; {short(main.name)!r} is the first.")
    facts: dict[str, Any] = {}
    shape = shapes.get(main.name)
    if shape and None not in list(shape)[1:]:
        facts["input_shape"] = list(shape)[1:]
    if isinstance(program.get("torch_version"), str):
        facts["torch_version"] = short(program["torch_version"])
    return Contents(
        "torch.export",
        g.tensors,
        True,
        facts,
        operations,
        final,
        tuple(notes),
        check=check,
        sizes=g.known_sizes(),
    )


# -- values ----------------------------------------------------------------------------------------


def _values(archive: Archive, kind: str, model: str, budget: Budget) -> dict[str, Tensor]:
    """The tensors of data/weights or data/constants by name."""
    listing = f"data/{kind}/{model}_{kind}_config.json"
    if kind == "constants" and listing not in archive.names():
        return {}
    config = parse_json(archive.read(listing, MAX_HEADER_BYTES), "list of weights")["config"]
    found = {}
    for name, entry in config.items():
        meta = entry.get("tensor_meta")
        if entry.get("use_pickle") or meta is None:
            budget.notes.append(f"The value {short(name)!r} is pickled and was left out.")
            continue
        dtype = _DTYPES.get(meta["dtype"])
        if dtype is None:
            budget.notes.append(f"The tensor {short(name)!r} is of an unknown type, so left out.")
            continue
        sizes, strides = (_ints(meta[key]) for key in ("sizes", "strides"))
        offset = _int(meta["storage_offset"])
        raw = archive.read(f"data/{kind}/{entry['path_name']}", MAX_TENSOR_BYTES)
        value = budget.tensor(name, _strided(name, raw, dtype, sizes, strides, offset))
        if value is not None:
            found[name] = value
    return found


def _old_values(archive: Archive, budget: Budget) -> dict[str, Tensor]:
    """The tensors of files before torch 2.7: two files of torch.save within the archive."""
    found = {}
    for part in ("serialized_state_dict.pt", "serialized_constants.pt"):
        if part not in archive.names() or not archive.size(part):
            continue
        file = io.BytesIO(archive.read(part, MAX_TENSOR_BYTES))
        for name, value in load_zip(file, Archive(file)).items():
            plain = budget.tensor(name, value) if isinstance(value, Tensor) else None
            if plain is not None:
                found[name] = plain
    return found


def _strided(
    name: str, raw: bytes, dtype: torch.dtype, sizes: list[int], strides: list[int], offset: int
) -> Tensor:
    """A view of raw values, checked to lie within them."""
    if (
        len(sizes) != len(strides)
        or len(sizes) > MAX_DIMS
        or min([*sizes, *strides, offset, 0]) < 0
    ):
        raise ValueError("sizes and strides that do not fit")
    if 0 in sizes:
        return torch.empty(sizes if max(sizes) < 1 << 31 else [0], dtype=dtype)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if (last + 1) * dtype.itemsize > len(raw):
        raise CheckpointError(
            f"The file's list of weights lies: the tensor {short(name)!r} needs "
            f"{(last + 1) * dtype.itemsize:,} bytes and is given {len(raw):,}."
        )
    flat = torch.frombuffer(bytearray(raw), dtype=dtype, count=len(raw) // dtype.itemsize)
    return torch.as_strided(flat, sizes, strides, offset)


# -- the graph -------------------------------------------------------------------------------------


def _node(node: dict) -> Node:
    args = {i["name"]: _argument(i["arg"]) for i in node["inputs"]}
    outputs = [name for o in node["outputs"] for name in _names(o)]
    return Node(str(node["target"]), args, outputs)


def _argument(arg: dict) -> Any:
    """The value of an argument: a Ref, a number, a text, None where it is open, or a list."""
    (kind, value), *_ = arg.items()
    if kind == "as_tensor":
        return Ref(value["name"])
    if kind == "as_tensors":
        return [Ref(v["name"]) for v in value]
    if kind == "as_optional_tensors":
        return [_argument(v) for v in value]
    if kind in ("as_sym_int", "as_sym_float"):
        return value.get("as_int", value.get("as_float"))
    if kind == "as_sym_ints":
        return [v.get("as_int") for v in value]
    if kind in ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools"):
        return value
    return None


def _names(output: dict) -> list[str]:
    if "as_tensor" in output:
        return [output["as_tensor"]["name"]]
    return [v["name"] for v in output.get("as_tensors", [])]


def _shape(meta: dict) -> Shape:
    return [size.get("as_int") for size in meta["sizes"]]


def _ints(values: list[dict]) -> list[int]:
    return [_int(v) for v in values]


def _int(value: dict) -> int:
    number = value["as_int"]
    if type(number) is not int or abs(number) >= 1 << 62:
        raise ValueError("not a size")
    return number
