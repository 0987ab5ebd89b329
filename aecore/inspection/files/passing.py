"""Contents on their way out of the sandbox: a safetensors blob with JSON, never a pickle.

The side that writes has parsed a hostile file, so the side that reads checks everything again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.files.header import read_header
from aecore.inspection.files.limits import (
    MAX_HEADER_BYTES,
    MAX_NAME,
    MAX_OPERATIONS,
    MAX_TENSOR_BYTES,
)
from aecore.models.layers import readable_layers
from aecore.wording import printable

MAX_BLOB = MAX_TENSOR_BYTES + MAX_HEADER_BYTES + 8
FORMS = ("safetensors", "torch", "lightning", "torch.export", "onnx")
OTHERS = {"Add", "Multiply", "Exp", "Random", "Reshape", "Split", "Other"}
_CHUNK = 1 << 20
_LONGEST_SENTENCE = 600


def send_sentence(sentence: str, write: Callable[[bytes], object]) -> None:
    """Write that a file was refused, and why."""
    write(_head({"sentence": sentence}, {}))


def send(contents: Contents, write: Callable[[bytes | memoryview], object]) -> None:
    """Write the contents piece by piece, so that they are not in memory twice."""
    about = {
        "form": contents.form,
        "names": list(contents.tensors),
        "ordered": contents.ordered,
        "facts": contents.facts,
        "operations": contents.operations
        and [
            [o.kind, o.inputs, o.output, o.settings, o.weights, o.said] for o in contents.operations
        ],
        "outputs": contents.outputs,
        "notes": contents.notes,
        "card": contents.card,
    }
    # Whole numbers (8 bytes) stand first, so that every tensor begins at a multiple of its size.
    tensors = sorted(enumerate(contents.tensors.values()), key=lambda t: t[1].is_floating_point())
    entries, place = {}, 0
    for index, tensor in tensors:
        kind = "F32" if tensor.is_floating_point() else "I64"
        entries[str(index)] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [place, place + tensor.nbytes],
        }
        place += tensor.nbytes
    write(_head({"contents": json.dumps(about, allow_nan=False)}, entries))
    for _, tensor in tensors:
        if not tensor.numel():
            continue
        values = memoryview(tensor.reshape(-1).numpy().data).cast("B")
        for start in range(0, len(values), _CHUNK):
            write(values[start : start + _CHUNK])


def _head(texts: dict[str, str], entries: dict[str, dict]) -> bytes:
    head = json.dumps({"__metadata__": texts, **entries}).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > MAX_HEADER_BYTES:
        raise CheckpointError(
            "The file says more about its model than can be handed on; save the weights alone."
        )
    return len(head).to_bytes(8, "little") + head


def receive(blob: bytearray) -> Contents:
    """The contents that were sent. Raises CheckpointError: what was sent instead, or a doubt."""
    try:
        texts, entries = read_header(memoryview(blob), len(blob))
    except CheckpointError as error:
        raise _doubt() from error
    if "sentence" in texts:
        raise CheckpointError(_one_line(texts["sentence"]))
    try:
        about = json.loads(texts["contents"])
        names = about["names"]
        if len(names) != len(entries) or len(set(names)) != len(names):
            raise _doubt()
        tensors = {}
        for index, name in enumerate(names):
            entry = entries[str(index)]
            if entry.dtype not in (torch.float32, torch.int64) or not _name(name):
                raise _doubt()
            flat = torch.empty(0, dtype=entry.dtype)
            if entry.numel:
                flat = torch.frombuffer(
                    blob, dtype=entry.dtype, count=entry.numel, offset=entry.start
                )
            tensors[name] = flat.reshape(entry.shape)
        operations = about["operations"]
        card = about["card"]
        return Contents(
            form=FORMS[FORMS.index(about["form"])],
            tensors=tensors,
            ordered=bool(about["ordered"]),
            facts=dict(about["facts"]),
            operations=None if operations is None else _operations(operations, tensors),
            outputs=tuple(map(str, about["outputs"])),
            notes=tuple(map(_one_line, about["notes"])),
            card=None if card is None else str(card),
        )
    except (ValueError, KeyError, TypeError, RecursionError, RuntimeError) as error:
        raise _doubt() from error


def _operations(values: list, tensors: dict) -> tuple[Operation, ...]:
    if len(values) > MAX_OPERATIONS:
        raise _doubt()
    made, kinds = [], {*readable_layers(), *OTHERS}
    for kind, inputs, output, settings, weights, said in values:
        plain = all(_name(k) and _plain(v) for k, v in settings.items())
        named = all(_name(n) for n in (*inputs, output, said, *weights))
        if kind not in kinds or not plain or not named or not set(weights.values()) <= set(tensors):
            raise _doubt()
        made.append(Operation(kind, tuple(inputs), output, settings, weights, said))
    return tuple(made)


def _name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 16 and all(isinstance(v, int | float) for v in value)
    return value is None or _name(value) or isinstance(value, bool | int | float)


def _one_line(sentence: Any) -> str:
    return printable(str(sentence))[:_LONGEST_SENTENCE]


def _doubt() -> CheckpointError:
    return CheckpointError(
        "The file could not be read: its reader was cut off or answered nonsense, so nothing of "
        "it was taken; save the weights again as .safetensors."
    )
