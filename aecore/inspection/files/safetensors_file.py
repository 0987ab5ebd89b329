"""Weights from a bare .safetensors file, or from one of this app with its card."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import torch

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.facts import plain_facts
from aecore.inspection.files.header import Entry, read_header
from aecore.inspection.files.limits import MAX_HEADER_BYTES, Budget
from aecore.inspection.files.tidy import tidy
from aecore.runs.checkpoints import CARD_KEY


def read_safetensors(file: BinaryIO) -> Contents:
    """Read an open .safetensors file; raises CheckpointError with one sentence."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    texts, entries = read_header(memoryview(file.read(8 + MAX_HEADER_BYTES)), size)
    card = texts.pop(CARD_KEY, None)
    budget = Budget()
    tensors = {}
    for name, entry in entries.items():
        value = budget.tensor(name, _values(file, entry))
        if value is not None:
            tensors[name] = value
    if card is not None:
        return Contents("safetensors", tensors, ordered=False, card=card)
    facts: dict[str, Any] = plain_facts(texts)
    tensors, notes = tidy(tensors)
    return Contents(
        "safetensors", tensors, ordered=False, facts=facts, notes=(*budget.notes, *notes)
    )


_CHUNK = 1 << 20


def _values(file: BinaryIO, entry: Entry) -> torch.Tensor:
    # One tensor at a time, straight into its own memory: the file is never there as a whole.
    values = bytearray(entry.stop - entry.start)
    if not values:
        return torch.empty(entry.shape, dtype=entry.dtype)
    file.seek(entry.start)
    place = memoryview(values)
    while place:
        piece = file.read(min(len(place), _CHUNK))
        if not piece:
            raise CheckpointError(
                "The file became shorter while it was read; wait until it is written and try again."
            )
        place[: len(piece)] = piece
        place = place[len(piece) :]
    return torch.frombuffer(values, dtype=entry.dtype).reshape(entry.shape)
