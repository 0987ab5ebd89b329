"""Weights from a bare .safetensors file, or from one of this app with its card."""

from __future__ import annotations

import mmap
from typing import Any, BinaryIO

import torch

from aecore.checkpoints import CARD_KEY
from aecore.inspection.contents import Contents
from aecore.inspection.facts import plain_facts
from aecore.inspection.header import Entry, read_header
from aecore.inspection.limits import Budget
from aecore.inspection.tidy import tidy


def read_safetensors(file: BinaryIO) -> Contents:
    """Read an open .safetensors file; raises CheckpointError with one sentence."""
    # Mapped, not read: the values are in memory once, as they are handed on.
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            texts, entries = read_header(view)
            card = texts.pop(CARD_KEY, None)
            budget = Budget()
            tensors = {}
            for name, entry in entries.items():
                value = budget.tensor(name, _values(view, entry))
                if value is not None:
                    tensors[name] = value
        finally:
            view.release()
    if card is not None:
        return Contents("safetensors", tensors, ordered=False, card=card)
    facts: dict[str, Any] = plain_facts(texts)
    tensors, notes = tidy(tensors)
    return Contents(
        "safetensors", tensors, ordered=False, facts=facts, notes=(*budget.notes, *notes)
    )


def _values(view: memoryview, entry: Entry) -> torch.Tensor:
    # A copy of one tensor at a time: torch warns of memory that it may not write to.
    values = bytearray(view[entry.start : entry.stop])
    if not values:
        return torch.empty(entry.shape, dtype=entry.dtype)
    return torch.frombuffer(values, dtype=entry.dtype).reshape(entry.shape)
