"""Examples that stand for all: those in the middle of groups that k-means finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

ROUNDS, STILL = 20, 0.005  # of k-means at most; less than this share moves in the last
MOST_VALUES = 8_000_000  # of the examples among which groups are found, else of the first of them
_PART = 2000  # examples whose distances are computed at once


def medoids(
    x: np.ndarray, k: int, generator: np.random.Generator, between: Callable[[], object]
) -> np.ndarray:
    """Indices of k rows of x (n, d): of each group of Lloyd's k-means the one nearest to its
    middle, the largest group first; fewer where there are not so many different rows. Of rows with
    more than MOST_VALUES values together the first are looked at.

    Groups start as k-means++ has them (Arthur and Vassilvitskii 2007). between: called before each
    piece of work.
    """
    most = max(k, MOST_VALUES // x.shape[1])
    every = torch.from_numpy(np.ascontiguousarray(x[:most], np.float32))
    # Distances are differences of squares, which lose less the nearer they are to the middle.
    every = every - every.mean(0)
    squares = every.square().sum(1)
    middles = every[_first(every, squares, min(k, len(every)), generator, between)].clone()
    groups = _groups(every, middles, between)
    for _ in range(ROUNDS):
        sizes = torch.bincount(groups, minlength=len(middles))
        sums = torch.zeros_like(middles).index_add_(0, groups, every)
        # A group that lost all of its examples stays where it was.
        middles = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], middles)
        before, groups = groups, _groups(every, middles, between)
        if (before != groups).float().mean() < STILL:
            break
    off = (every - middles[groups]).square().sum(1).numpy()
    of = groups.numpy()
    inwards = np.lexsort((off, of))
    _, first, sizes = np.unique(of[inwards], return_index=True, return_counts=True)
    return inwards[first[np.argsort(-sizes, kind="stable")]]


def _first(
    every: Tensor,
    squares: Tensor,
    k: int,
    generator: np.random.Generator,
    between: Callable[[], object],
) -> list[int]:
    """k rows far from each other: each drawn by its squared distance to the nearest before it."""
    chosen = [int(generator.integers(len(every)))]
    far = torch.full_like(squares, torch.inf)
    while len(chosen) < k:
        between()
        last = every[chosen[-1]]
        distance = (squares - 2 * every @ last + last @ last).clamp_min_(0)
        distance[chosen[-1]] = 0
        far = torch.minimum(far, distance)
        weights = far.double().numpy().cumsum()
        if weights[-1] <= 0:  # all that is left is there already
            break
        at = np.searchsorted(weights, generator.random() * weights[-1], "right")
        chosen.append(int(min(at, len(every) - 1)))
    return chosen


def _groups(every: Tensor, middles: Tensor, between: Callable[[], object]) -> Tensor:
    """The nearest middle of each example, (n,)."""
    lengths, found = middles.square().sum(1), []
    for part in every.split(_PART):
        between()
        # Without the example's own length, which is the same for all middles.
        found.append(torch.addmm(lengths, part, middles.T, alpha=-2).argmin(1))
    return torch.cat(found)
