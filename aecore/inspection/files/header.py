"""The header of a .safetensors file, checked in full before anything is believed of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch

from aecore.errors import CheckpointError
from aecore.inspection.files.limits import MAX_DEPTH, MAX_DIMS, MAX_HEADER_BYTES, MAX_TENSORS
from aecore.wording import nesting, short

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_MAX_SIZE = 1 << 62


@dataclass(frozen=True)
class Entry:
    """One tensor of the file: its type, shape, and bytes start to stop of the whole file."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def numel(self) -> int:
        return (self.stop - self.start) // self.dtype.itemsize


def read_header(content: memoryview, size: int) -> tuple[dict[str, str], dict[str, Entry]]:
    """A file's texts about itself and its tensors by name, in the order of the header.

    content: the file's beginning, at least up to its values. size: bytes of the whole file. Raises
    CheckpointError with one sentence for anything that the format does not allow.
    """
    length = int.from_bytes(content[:8], "little")
    if size < 10 or length < 2 or length > size - 8:
        raise CheckpointError(
            f"The file is damaged: its header should have {length:,} bytes, and the file has "
            f"{size:,} in all; copy or download it again."
        )
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"The file's header has {length:,} bytes, and at most {MAX_HEADER_BYTES:,} are read; "
            "this is not a model's file."
        )
    header = parse_json(bytes(content[8 : 8 + length]), "header")
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise _damaged("what it says about itself is not a list of texts")
    if len(header) > MAX_TENSORS:
        raise CheckpointError(
            f"The file holds {len(header):,} tensors, and at most {MAX_TENSORS:,} are read; save "
            "the autoencoder alone."
        )
    entries = {name: _entry(name, value, 8 + length) for name, value in header.items()}
    _check_places(entries, 8 + length, size)
    return texts, entries


def parse_json(text: bytes, what: str) -> dict[str, Any]:
    """A JSON object without repeated names or deep nesting; raises CheckpointError."""
    deepest = nesting(text)
    if deepest > 4 * MAX_DEPTH:
        raise CheckpointError(
            f"The file's {what} is nested {deepest:,} levels deep, which no model's file is; it "
            "is damaged or a trap."
        )
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"its {what} is not valid JSON") from error
    if not isinstance(value, dict):
        raise _damaged(f"its {what} is not a list of names and values")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise CheckpointError(
            f"The file is damaged: it names {short(twice)!r} twice, and only one could be meant."
        )
    return found


def _entry(name: str, value: Any, begin: int) -> Entry:
    shown = repr(short(name))
    if not isinstance(value, dict):
        raise _damaged(f"the tensor {shown} is not described")
    kind = value.get("dtype")
    if not isinstance(kind, str) or kind not in DTYPES:
        raise CheckpointError(
            f"The tensor {shown} has the type {short(str(kind), 12)!r}, and only these can be "
            f"read: {', '.join(DTYPES)}."
        )
    shape, offsets = _sizes(value.get("shape")), _sizes(value.get("data_offsets"))
    if shape is None or len(shape) > MAX_DIMS:
        raise _damaged(f"the shape of the tensor {shown} is not a short list of sizes")
    if offsets is None or len(offsets) != 2:
        raise _damaged(f"the place of the tensor {shown} is not two numbers")
    numel = 1
    for size in shape:
        numel *= size
    if numel * DTYPES[kind].itemsize != offsets[1] - offsets[0]:
        raise CheckpointError(
            f"The file's header lies: the tensor {shown} of shape {short(str(shape))} needs "
            f"{numel * DTYPES[kind].itemsize:,} bytes and is given {offsets[1] - offsets[0]:,}."
        )
    return Entry(DTYPES[kind], tuple(shape), begin + offsets[0], begin + offsets[1])


def _sizes(value: Any) -> list[int] | None:
    """A list of sizes, None for anything else."""
    if not isinstance(value, list):
        return None
    return value if all(type(v) is int and 0 <= v < _MAX_SIZE for v in value) else None


def _check_places(entries: dict[str, Entry], begin: int, size: int) -> None:
    """The tensors lie one after the other, without gap or overlap, and end with the file."""
    place = begin
    for name, entry in sorted(entries.items(), key=lambda e: (e[1].start, e[1].stop)):
        if entry.stop > size:
            raise CheckpointError(
                f"The file is cut short or its header lies: the tensor {short(name)!r} ends at "
                f"byte {entry.stop:,}, and the file has {size:,}."
            )
        if entry.start < place:
            raise _damaged(f"the tensor {short(name)!r} overlaps another")
        if entry.start > place:
            raise _damaged(f"there is a gap before the tensor {short(name)!r}")
        place = entry.stop
    if place != size:
        raise _damaged(f"{size - place:,} bytes of it belong to no tensor")


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError(f"The file is damaged: {reason}; copy or download it again.")
