"""Classes by the nearest neighbours' vote: what codes know of a class without being taught."""

from __future__ import annotations

import numpy as np

from aecore.evaluation.batches import parts
from aecore.machine import one_blas_thread

NEIGHBOURS = 5
_PART = 200  # others that are voted on at once


def knn_accuracy(
    voters: np.ndarray,
    classes: np.ndarray,
    others: np.ndarray,
    their_classes: np.ndarray,
    neighbours: int = NEIGHBOURS,
) -> float:
    """Share of `others`, (m, k), whose class, (m,), most of their nearest voters have.

    voters: (n, k), with their classes (n,); fewer than `neighbours` all vote.
    """
    from sklearn.neighbors import KNeighborsClassifier

    with one_blas_thread():
        voter = KNeighborsClassifier(min(neighbours, len(voters))).fit(voters, classes)
        # In parts, between which whoever asked may be stopped.
        right = [
            voter.predict(others[part]) == their_classes[part] for part in parts(len(others), _PART)
        ]
    return float(np.concatenate(right).mean())
