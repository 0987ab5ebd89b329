"""What a child says to the app: frames through a pipe; results as a safetensors blob with JSON.

The child has worked on a hostile file, so everything that it says is checked when it arrives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from aecore.wording import nesting, printable
from aecore.workshop.task import LONGEST_WHAT, Made

Write = Callable[[bytes | memoryview], object]

PROGRESS, RESULT = b"p", b"r"
MAX_HEADER = 16 << 20
MAX_DIMS = 8
MAX_ARRAYS = 20_000
MAX_DEPTH = 64
LONGEST_SENTENCE = 600
_LENGTH = 8
_CHUNK = 1 << 20
_MAX_PROGRESS = 2048
_TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "BOOL": np.dtype("bool"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


class Nonsense(Exception):
    """What arrived is not what a child would send."""


# -- the child's side ------------------------------------------------------------------------------


def send_progress(share: float, what: str, write: Write) -> None:
    """Tell how far the work is."""
    text = json.dumps([float(share), printable(str(what))[:LONGEST_WHAT]]).encode()
    write(PROGRESS + len(text).to_bytes(_LENGTH, "little") + text)


def send_error(kind: list[str], sentence: str, details: dict[str, str], write: Write) -> None:
    """Say why there is no result. kind: names of the error's class and of those above it."""
    told = {"kind": kind, "sentence": sentence[:LONGEST_SENTENCE], "details": details}
    _send({"error": json.dumps(told)}, {}, write)


def send(made: Made, write: Write) -> None:
    """Write a result piece by piece, so that it is not in memory twice.

    Raises TypeError or ValueError for what is no plain JSON, or an array of another type.
    """
    about = json.dumps(made.about, allow_nan=False)
    _send({"about": about}, made.arrays, write)


def _send(texts: dict[str, str], arrays: dict[str, np.ndarray], write: Write) -> None:
    # Wide types stand first, so that every array begins at a multiple of its own size.
    ordered = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    entries, place = {}, 0
    for name, array in ordered:
        little = array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype
        if little not in _NAMES:
            raise TypeError(f"An array of type {array.dtype} cannot be handed on.")
        size = array.size * array.dtype.itemsize
        entries[name] = {
            "dtype": _NAMES[little],
            "shape": list(array.shape),
            "data_offsets": [place, place + size],
        }
        place += size
    head = json.dumps({"__metadata__": texts, **entries}).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > MAX_HEADER:
        raise ValueError("The result says more than can be handed on.")
    write(RESULT + (_LENGTH + len(head) + place).to_bytes(_LENGTH, "little"))
    write(len(head).to_bytes(_LENGTH, "little") + head)
    for _, array in ordered:
        if not array.size:
            continue
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        values = memoryview(plain.reshape(-1).data).cast("B")
        for start in range(0, len(values), _CHUNK):
            write(values[start : start + _CHUNK])


# -- the app's side --------------------------------------------------------------------------------


class Frames:
    """Takes what arrives in pieces. progress: the last that was told; result: the blob, once whole.

    most: bytes that the result may have. Raises Nonsense.
    """

    def __init__(self, most: int):
        self.most = most + MAX_HEADER + _LENGTH
        self.progress: tuple[float, str] | None = None
        self.result: bytearray | None = None
        self._data = bytearray()
        self._wanted: int | None = None  # bytes of the result, once its frame has begun

    def feed(self, piece: bytes) -> None:
        """Take some more bytes, or none."""
        if not piece:
            return
        if self.result is not None:
            raise Nonsense("more after the result")
        self._data += piece
        while self._wanted is None and len(self._data) > _LENGTH:
            kind, length = self._data[:1], int.from_bytes(self._data[1 : 1 + _LENGTH], "little")
            if kind == RESULT and length <= self.most:
                del self._data[: 1 + _LENGTH]
                self._wanted = length
            elif kind == PROGRESS and length <= _MAX_PROGRESS:
                end = 1 + _LENGTH + length
                if len(self._data) < end:
                    return
                self.progress = _progress(bytes(self._data[1 + _LENGTH : end]))
                del self._data[:end]
            else:
                raise Nonsense("a frame of another kind or length")
        if self._wanted is not None and len(self._data) >= self._wanted:
            if len(self._data) > self._wanted:
                raise Nonsense("more after the result")
            self.result, self._data = self._data, bytearray()


def _progress(text: bytes) -> tuple[float, str]:
    match _json(text):
        case [int() | float() as share, str() as what] if math.isfinite(share):
            return min(max(float(share), 0.0), 1.0), printable(what)[:LONGEST_WHAT]
    raise Nonsense("progress that is not a share and a text")


def receive(blob: bytearray) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The texts and arrays of a blob, which the arrays share. Raises Nonsense."""
    length = int.from_bytes(blob[:_LENGTH], "little")
    begin = _LENGTH + length
    if length > min(MAX_HEADER, len(blob) - _LENGTH):
        raise Nonsense("a header longer than the blob")
    header = _json(bytes(blob[_LENGTH:begin]))
    if not isinstance(header, dict) or len(header) > MAX_ARRAYS:
        raise Nonsense("no header")
    texts = header.pop("__metadata__", None)
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise Nonsense("no texts")
    arrays, end = {}, begin
    for name, entry in header.items():
        match entry:
            case {"dtype": str() as kind, "shape": list() as shape, "data_offsets": [start, stop]}:
                pass
            case _:
                raise Nonsense("an array that is not described")
        sizes = [start, stop, *shape]
        whole = all(type(n) is int and 0 <= n <= len(blob) for n in sizes)
        if kind not in _TYPES or not whole or len(shape) > MAX_DIMS or start + begin != end:
            raise Nonsense("an array of an impossible type, shape or place")
        dtype, size = _TYPES[kind], math.prod(shape)
        end = begin + stop
        if size * dtype.itemsize != stop - start or end > len(blob):
            raise Nonsense("an array that lies about its size")
        if kind == "BOOL":  # any other byte would be neither true nor false
            raw = np.frombuffer(blob, np.uint8, size, begin + start)
            if size and raw.max() > 1:
                raise Nonsense("truth values that are neither")
        array = np.frombuffer(blob, dtype, size, begin + start) if size else np.empty(0, dtype)
        arrays[name] = array.reshape(shape)
    if end != len(blob):
        raise Nonsense("bytes that belong to no array")
    return texts, arrays


def parse(text: str) -> dict[str, Any]:
    """A JSON object of finite numbers. Raises Nonsense."""
    value = _json(text.encode())
    if not isinstance(value, dict):
        raise Nonsense("no object")
    return value


def _json(text: bytes) -> Any:
    if nesting(text) > MAX_DEPTH:
        raise Nonsense("nested too deep")
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Nonsense("no JSON") from error


def _no_number(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
