"""How much of a file from outside is read, and the plain form in which its tensors go on."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.wording import count, short

# A training program's file holds Adam's memory too, twice its weights, which are left out at once;
# the network's own weights are held about five times over while a file is understood.
MAX_FILE_BYTES = 256 << 20  # of a file as it comes
MAX_ONNX_BYTES = 64 << 20  # onnx holds a file twice while it parses it
MAX_TENSOR_BYTES = 96 << 20  # of all tensors as they are handed on
MAX_TENSORS = 10_000
MAX_DIMS = 8
MAX_NAME = 300  # characters of a tensor's name
MAX_DEPTH = 32  # dictionaries and lists within each other
MAX_VALUES = 1_000_000  # numbers and texts beside the tensors
MAX_HEADER_BYTES = 16 << 20  # of a header, a graph or a pickle: the parts that are parsed
MAX_ENTRIES = 30_000  # files in an archive
MAX_OPERATIONS = 5_000
MAX_FACTS = 64
MAX_TEXT = 200  # characters of a fact
MAX_NOTES = 40

_WHOLE = {torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool}
_WHOLE |= {torch.uint16, torch.uint32, torch.uint64}


@dataclass
class Budget:
    """What may still be taken out of a file; `tensor` draws on it before memory is touched."""

    tensors: int = 0
    nbytes: int = 0
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, shape: tuple[int, ...], itemsize: int = 4) -> None:
        """Count one tensor of a shape; raises CheckpointError beyond a limit.

        itemsize: bytes of one value as it is handed on.
        """
        if len(name) > MAX_NAME:
            raise CheckpointError(
                f"A tensor's name may have {MAX_NAME} characters, and {short(name)!r} has "
                f"{len(name):,}; save the weights again under shorter names."
            )
        if len(shape) > MAX_DIMS:
            raise CheckpointError(
                f"The tensor {short(name)!r} has {len(shape)} dimensions, and at most {MAX_DIMS} "
                "are read; this is not a network's weight."
            )
        numel = 1
        for size in shape:
            numel *= size
        self.tensors += 1
        self.nbytes += numel * itemsize
        if self.tensors > MAX_TENSORS:
            raise CheckpointError(
                f"The file holds more than {MAX_TENSORS:,} tensors, which is more than are read; "
                "save the autoencoder alone."
            )
        if self.nbytes > MAX_TENSOR_BYTES:
            raise CheckpointError(
                f"The weights would take more than {MAX_TENSOR_BYTES >> 20} MB of memory (the "
                f"tensor {short(name)!r} alone has {count(numel, 'value')}); choose a smaller "
                "model or save only its weights."
            )

    def tensor(self, name: str, value: Tensor) -> Tensor | None:
        """A tensor as it is handed on: float32 or int64, contiguous, on the CPU, without history.

        None, with a note, for one that cannot be (sparse, quantised, complex, without values).
        Raises CheckpointError beyond a limit; a view is counted as large as it would become.
        """
        reason = _odd(value)
        if reason:
            self.notes.append(f"The tensor {short(name)!r} was left out because it is {reason}.")
            return None
        whole = value.dtype in _WHOLE
        self.take(name, tuple(value.shape), 8 if whole else 4)
        kind = torch.int64 if whole else torch.float32
        return value.detach().to(kind).contiguous()


def _odd(value: Tensor) -> str:
    """Why a tensor has no plain numbers, or an empty text."""
    if value.is_nested or value.layout != torch.strided:
        return "sparse"
    if value.is_quantized:
        return "quantised"
    if value.is_meta or value.device.type != "cpu":
        return "without values"
    if value.is_complex():
        return "complex"
    if not value.is_floating_point() and value.dtype not in _WHOLE:
        return f"of the type {str(value.dtype).removeprefix('torch.')}"
    return ""
