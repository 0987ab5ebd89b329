"""Many examples in pieces, and the labels that a piece's model wants to be told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from torch import Tensor

from aecore.datasets import Split
from aecore.models import LatentModel
from aecore.models.sizes import sizes_of

EVALUATION_BATCH = 250  # what a network makes of more no longer fits the cache
CACHE_BYTES = 10 << 20  # of what is between the layers, as far as that is quick
BATCH_BYTES = 512 << 20  # of what is between the layers while a batch goes through a model


def batch_for(model: LatentModel, most: int = EVALUATION_BATCH) -> int:
    """How many examples a model is asked about at once: `most`, or fewer where they are large."""
    return min(most, sizes_of(model).examples_within(BATCH_BYTES))


def large_batch_for(model: LatentModel) -> int:
    """The same where a thousand examples at once are welcome: more than EVALUATION_BATCH of a
    network whose layers are small, since each call of a product costs more than its share."""
    small = sizes_of(model).examples_within(CACHE_BYTES)
    return batch_for(model, max(EVALUATION_BATCH, min(4 * EVALUATION_BATCH, small)))


_here = threading.local()


@contextlib.contextmanager
def between_parts(call: Callable[[], object]) -> Iterator[None]:
    """Have something called, by this thread alone, before each of the `parts` that it goes through
    meanwhile."""
    _here.between = call
    try:
        yield
    finally:
        _here.between = None


def parts(n: int, size: int = EVALUATION_BATCH) -> Iterator[slice]:
    """n examples in pieces of `size`, by default that in which a model is best asked about many."""
    for i in range(0, n, size):
        between = getattr(_here, "between", None)
        if between is not None:
            between()
        yield slice(i, i + size)


def labels_for(model: LatentModel, split: Split, part: slice | Tensor) -> Tensor | None:
    """The labels of some examples if the model wants to be told them, on its device."""
    if not model.conditional or split.labels is None:
        return None
    return split.labels[part].to(next(model.parameters()).device)
