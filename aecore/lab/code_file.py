"""Compressed examples as one file: codes through the range coder, and the tables that read them.

A .safetensors file, never unpickled: the coder's stream, its counts and means, the turn of the
axes, and beside them which model and data they are of, by hashes alone. The decoder is not in it:
it is the model's own, its weights rounded to eight bits. Read one back with

    python -m aecore read-back codes.safetensors --model model.safetensors

or, in Python, `read(from_bytes(content), model)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from aecore.errors import CheckpointError, ConfigError
from aecore.evaluation.latent import decode_array
from aecore.lab.coding import MOST_SYMBOLS, Coder, Turn, in_eight_bits
from aecore.lab.layer_activity import mark_of
from aecore.models import LatentModel

KEY, ENDING = "aecore_codes", ".safetensors"
MOST_BYTES = 8 << 20
MOST_VALUES = 1 << 23  # of all examples that come back
MOST_NUMBERS = 4096  # of a code
_MOST_TEXT = 64 << 10
_DAMAGED = "This is no file of compressed examples, or it is damaged."
_WRONG = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
_ARRAYS: dict[str, type] = {
    "codes": np.uint8,
    "low": np.int64,
    "sizes": np.int32,
    "counts": np.uint32,
    "means": np.float32,
    "middle": np.float32,
    "back": np.float32,
}


@dataclass(frozen=True)
class CodeMade:
    """What is written: symbols (n, k) of a coder, on the axes of a turn."""

    coder: Coder
    turn: Turn
    symbols: np.ndarray


@dataclass(frozen=True)
class CodeFile:
    """mark: of the model's weights (`mark_of`). fingerprint: of the data. shape: of an example.
    codes: as `Coder.write` gives them; n: examples in it. turn: of the axes, to go back by."""

    mark: str
    fingerprint: str
    shape: tuple[int, ...]
    coder: Coder
    turn: Turn
    codes: bytes
    n: int


def to_bytes(mark: str, fingerprint: str, shape: tuple[int, ...], made: CodeMade) -> bytes:
    """The bytes of the file."""
    coder, turn = made.coder, made.turn
    k = len(coder.low)
    values: dict[str, Any] = {
        "codes": np.frombuffer(coder.write(made.symbols), np.uint8),
        "low": coder.low,
        "sizes": [len(some) for some in coder.counts],
        "counts": np.concatenate(coder.counts),
        "means": np.concatenate(coder.means),
        "middle": turn.middle,
        "back": np.zeros((0, k)) if turn.b is None else turn.b,
    }
    arrays = {
        name: np.ascontiguousarray(values[name], dtype=kind) for name, kind in _ARRAYS.items()
    }
    said = {"mark": mark, "fingerprint": fingerprint, "shape": list(shape), "step": coder.step}
    return save_arrays(arrays, {KEY: json.dumps(said)})


def from_bytes(content: bytes) -> CodeFile:
    """Read a file, its tables checked, its codes not decoded yet. Raises CheckpointError with one
    sentence for whatever `to_bytes` did not give."""
    if len(content) > MOST_BYTES:
        raise CheckpointError(
            f"A file of compressed examples has at most {MOST_BYTES / 1e6:.0f} MB, this one "
            f"{len(content) / 1e6:,.1f} MB."
        )
    try:
        said = _said_in(content)
        arrays = load_arrays(content)
        found = _checked(said, {name: arrays[name] for name in _ARRAYS})
    except (SafetensorError, ConfigError, *_WRONG) as error:
        raise CheckpointError(_DAMAGED) from error
    if found.n * prod(found.shape) > MOST_VALUES:
        raise CheckpointError(
            f"This file says that it holds {found.n:,} examples of {prod(found.shape):,} values: "
            "more than are read back at a time."
        )
    return found


def _said_in(content: bytes) -> Mapping[str, Any]:
    length = int.from_bytes(content[:8], "little")
    if length > _MOST_TEXT or length > len(content):
        raise ValueError("the header is too long")
    header = json.loads(content[8 : 8 + length])
    return json.loads(header["__metadata__"][KEY])


def _checked(said: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> CodeFile:
    """Raises ValueError, KeyError, TypeError where anything does not fit."""
    for name, kind in _ARRAYS.items():
        if arrays[name].dtype != kind:
            raise TypeError(f"{name} has another kind")
        if kind is np.float32 and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not finite")
    low, sizes, middle, back = (arrays[name] for name in ("low", "sizes", "middle", "back"))
    k = len(low)
    shape, step = tuple(said["shape"]), float(said["step"])
    one = all(arrays[name].ndim == 1 for name in _ARRAYS if name != "back")
    if not one or not 0 < k <= MOST_NUMBERS or sizes.shape != (k,) or middle.shape != (k,):
        raise ValueError("the tables are not of one size")
    if back.shape not in ((0, k), (k, k)):
        raise ValueError("the axes are not those of the numbers")
    if sizes.min() < 1 or sizes.max() > MOST_SYMBOLS or np.abs(low).max() > 2**31:
        raise ValueError("a number has too many values")
    total = int(sizes.astype(np.int64).sum())
    if arrays["counts"].shape != (total,) or arrays["means"].shape != (total,):
        raise ValueError("the counts are not those of the numbers")
    whole = all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in shape)
    if not whole or not 1 <= len(shape) <= 4 or not 1e-30 < step < 1e30:
        raise ValueError("no example has this shape")
    ends = np.cumsum(sizes)[:-1]
    counts, means = (
        tuple(np.split(arrays[name].astype(kind), ends))
        for name, kind in (("counts", np.int64), ("means", np.float64))
    )
    turn = Turn(middle, None, None if not len(back) else back)
    codes = arrays["codes"].tobytes()
    coder = Coder(step, low, counts, means)
    mark, fingerprint = str(said["mark"]), str(said["fingerprint"])
    return CodeFile(mark, fingerprint, shape, coder, turn, codes, coder.examples_in(codes))


def read(file: CodeFile, model: LatentModel) -> np.ndarray:
    """What comes back, (n, *shape). Raises CheckpointError for another model's file, or where the
    codes are damaged."""
    if mark_of(model) != file.mark:
        raise CheckpointError(
            "This file was written with another model: only the one that wrote it can decode it."
        )
    spec = model.spec
    if len(file.coder.low) != spec.latent_dim or file.shape != tuple(spec.data.shape):
        raise CheckpointError(_DAMAGED)
    try:
        symbols = file.coder.read(file.codes)
    except ConfigError as error:
        raise CheckpointError(_DAMAGED) from error
    small, _ = in_eight_bits(model)
    with np.errstate(over="ignore", invalid="ignore"):  # of tables that nobody wrote
        z = file.turn.back(file.coder.values(symbols))
    x_hat = decode_array(small, z)
    if not np.isfinite(x_hat).all():
        raise CheckpointError(_DAMAGED)
    return x_hat.reshape(file.n, *file.shape)
