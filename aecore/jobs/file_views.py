"""A file of compressed examples, read back wherever its model is."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from aecore.datasets import load
from aecore.errors import AecoreError, CheckpointError
from aecore.evaluation.batches import parts
from aecore.jobs.in_hand import InHand
from aecore.lab import code_file
from aecore.lab.layer_activity import mark_of
from aecore.models import LatentModel
from aecore.runs import checkpoints
from aecore.types import DataSpec

SHOWN = 16  # examples that are drawn
SHOWN_VALUES = 100_000  # of them together


@dataclass(frozen=True)
class ReadBack:
    """A file's examples, and what they err where the originals are here. model: who decoded it;
    codes: bytes of the file that are codes; x_hat: the first of n, (m, *shape). x: their originals,
    errors: of all n squared error per value, both None where the data are not here."""

    model: str
    spec: DataSpec
    size: int
    codes: int
    n: int
    x_hat: np.ndarray
    x: np.ndarray | None
    errors: np.ndarray | None


def read_back(held: InHand, content: bytes) -> ReadBack:
    """Decode a file by the model in hand or a shipped one, whichever wrote it.

    Raises CheckpointError with one sentence for a file that is none, is damaged, or is of a model
    that is not here.
    """
    file = code_file.from_bytes(content)
    model, name, dataset = _writer(held, file.mark)
    x_hat = code_file.read(file, model)
    shown = min(file.n, SHOWN, max(1, SHOWN_VALUES // model.spec.data.size))
    found = ReadBack(
        name, model.spec.data, len(content), len(file.codes), file.n, x_hat[:shown], None, None
    )
    try:
        data = held.data if held.data.fingerprint == file.fingerprint else load(dataset)
    except AecoreError:
        return found
    if data.fingerprint != file.fingerprint or len(data.test) < file.n:
        return found
    errors = np.empty(file.n)
    for part in parts(file.n):
        rows = slice(part.start, min(part.stop, file.n))
        x = data.test.batch(rows).numpy()
        errors[rows] = np.square(x_hat[rows] - x, dtype=np.float64).reshape(len(x), -1).mean(1)
    first = data.test.batch(slice(0, shown)).numpy()
    return dataclasses.replace(found, x=first, errors=errors)


def _writer(held: InHand, mark: str) -> tuple[LatentModel, str, str]:
    """The model with this mark, its name and its data's. Raises CheckpointError."""
    if mark_of(held.model) == mark:
        return held.model, held.card.name, held.data.name
    name = _shipped().get(mark)
    if name is None:
        raise CheckpointError(
            "This file was written with a model that is not in hand, nor one of those that ship: "
            "take the model that wrote it in hand, and open the file again."
        )
    known = checkpoints.load(checkpoints.shipped()[name])
    return known.model, known.card.name, known.card.dataset


@functools.cache
def _shipped() -> dict[str, str]:
    """The shipped models' names by their marks."""
    files = checkpoints.shipped()
    return {mark_of(checkpoints.load(path).model): name for name, path in files.items()}
