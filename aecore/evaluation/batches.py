"""Many examples in pieces, and the labels that a piece's model wants to be told."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from aecore.datasets import Split
from aecore.models import LatentModel
from aecore.models.sizes import sizes_of

EVALUATION_BATCH = 500  # what convolutions make of more no longer fits the cache
BATCH_BYTES = 512 << 20  # of what is between the layers while a batch goes through a model


def batch_for(model: LatentModel, most: int = EVALUATION_BATCH) -> int:
    """How many examples a model is asked about at once: `most`, or fewer where they are large."""
    return min(most, sizes_of(model).examples_within(BATCH_BYTES))


def parts(n: int, size: int = EVALUATION_BATCH) -> Iterator[slice]:
    """n examples in pieces of `size`, by default that in which a model is best asked about many."""
    return (slice(i, i + size) for i in range(0, n, size))


def labels_for(model: LatentModel, split: Split, part: slice | Tensor) -> Tensor | None:
    """The labels of some examples if the model wants to be told them, on its device."""
    if not model.conditional or split.labels is None:
        return None
    return split.labels[part].to(next(model.parameters()).device)
