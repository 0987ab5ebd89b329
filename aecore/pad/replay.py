"""Run a network that was exported for the browser, here, from its list of operations.

The same list that the browser's engine runs, in torch: to find out what a file that holds such a
network really draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from aecore.errors import ExportError
from aecore.models.layers.operation import Description, key_of
from aecore.models.layers.registry import operations


@torch.inference_mode()
def replay(ops: Sequence[Description], weights: np.ndarray, x: Tensor) -> Tensor:
    """Run operations on examples (n, ...) -> (n, values). weights: float32, as ops point into it.

    Raises ExportError for an operation that is not known here.
    """
    known = operations()
    held, h = torch.from_numpy(np.ascontiguousarray(weights, np.float32)), x.flatten(1)
    pile: list[Tensor] = []
    for op in ops:
        if key_of(op) not in known:
            raise ExportError(f"The exported network has an unknown operation, {key_of(op)!r}.")
        h = known[key_of(op)](op, held, h, pile).flatten(1)
    return h
