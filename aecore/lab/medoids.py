"""Examples that stand for all: those in the middle of groups that k-means finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

ROUNDS = 20  # of k-means: after them hardly an example changes its group
_PART = 2000  # examples whose distances are computed at once


def medoids(
    x: np.ndarray, k: int, generator: np.random.Generator, between: Callable[[], object]
) -> np.ndarray:
    """Indices of at most k rows of x (n, k'), the one nearest to the middle of each group of
    Lloyd's k-means, the largest group first.

    Groups start as k-means++ has them (Arthur and Vassilvitskii 2007). Two groups may have one
    example nearest to both; it is there once. between: called before each piece of work.
    """
    every = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    # Distances are differences of squares, which lose less the nearer they are to the middle.
    every = every - every.mean(0)
    squares = every.square().sum(1)
    middles = every[_first(every, squares, min(k, len(every)), generator, between)].clone()
    groups, _ = _nearest(every, squares, middles, between)
    for _ in range(ROUNDS):
        sizes = torch.bincount(groups, minlength=len(middles))
        sums = torch.zeros_like(middles).index_add_(0, groups, every)
        # A group that lost all of its examples stays where it was.
        middles = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], middles)
        before, (groups, _) = groups, _nearest(every, squares, middles, between)
        if torch.equal(before, groups):
            break
    _, near = _nearest(every, squares, middles, between)
    sizes = torch.bincount(groups, minlength=len(middles))
    ordered = near[sizes.argsort(descending=True, stable=True)].tolist()
    return np.array(list(dict.fromkeys(ordered)), np.int64)


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


def _nearest(
    every: Tensor, squares: Tensor, middles: Tensor, between: Callable[[], object]
) -> tuple[Tensor, Tensor]:
    """The nearest middle of each example, (n,), and the nearest example of each middle, (k,)."""
    lengths, groups = middles.square().sum(1), []
    best = torch.full((len(middles),), torch.inf)
    near = torch.zeros(len(middles), dtype=torch.int64)
    for start in range(0, len(every), _PART):
        between()
        part = slice(start, start + _PART)
        distance = lengths - 2 * every[part] @ middles.T
        groups.append(distance.argmin(1))
        least, which = (distance + squares[part, None]).min(0)
        near = torch.where(least < best, which + start, near)
        best = torch.minimum(best, least)
    return torch.cat(groups), near
