"""Working with codes: encoding in bulk, statistics per dimension, traversals and paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for, parts
from aecore.models import LatentModel
from aecore.models.posterior import kl_to_prior


@dataclass(frozen=True)
class Codes:
    """Codes of a split's examples. mu (n, k) float32; logvar (n, k) float32 or None."""

    mu: np.ndarray
    logvar: np.ndarray | None

    def order(self) -> np.ndarray:
        """Dimensions, most informative first: by mean KL for a VAE, else by variance."""
        return np.argsort(-self.informativeness(), kind="stable")

    def informativeness(self) -> np.ndarray:
        """(k,): mean KL in nats for a VAE, variance of the code otherwise."""
        if self.logvar is None:
            return self.mu.var(0)
        return mean_kl(self.mu, self.logvar)

    def ranges(self, share: float = 0.99) -> np.ndarray:
        """(k, 2): the interval of each dimension that holds this share of the codes."""
        tail = (1 - share) / 2
        low, high = np.quantile(self.mu, [tail, 1 - tail], axis=0)
        # A dead dimension still needs a slider that moves.
        narrow = high - low < 1e-3
        return np.stack([np.where(narrow, low - 1, low), np.where(narrow, high + 1, high)], 1)


def mean_kl(mu: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Mean over examples of each dimension's KL to the prior in nats: (n, k) twice -> (k,)."""
    return kl_to_prior(torch.from_numpy(mu), torch.from_numpy(logvar)).numpy().mean(0)


@torch.inference_mode()
def encode_split(model: LatentModel, split: Split) -> Codes:
    """Encode every example of a split, in batches, in evaluation mode."""
    device = next(model.parameters()).device
    found = [
        model.encode(split.batch(part).to(device), labels_for(model, split, part))
        for part in parts(len(split), batch_for(model))
    ]
    mu = torch.cat([q.mu for q in found]).cpu().numpy()
    logvars = [q.logvar for q in found if q.logvar is not None]
    return Codes(mu, torch.cat(logvars).cpu().numpy() if logvars else None)


@torch.inference_mode()
def decode_array(model: LatentModel, z: np.ndarray) -> np.ndarray:
    """Decode codes (n, k) -> (n, *shape) float32, in batches, no label said."""
    z_all = torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32))
    size = batch_for(model)
    return torch.cat([model.decode(z_all[part]) for part in parts(len(z_all), size)]).numpy()


def traversal(z: np.ndarray, dimension: int, low: float, high: float, steps: int) -> np.ndarray:
    """Codes along one dimension through z (k,): (steps, k)."""
    out = np.repeat(z[None], steps, 0)
    out[:, dimension] = np.linspace(low, high, steps)
    return out


def interpolation(a: np.ndarray, b: np.ndarray, steps: int, spherical: bool = False) -> np.ndarray:
    """Codes from a to b (k,): (steps, k), both ends included.

    Spherical keeps to the arc between the two directions (Shoemake 1985), lengths interpolated,
    which stays where a Gaussian prior has its mass; nearly parallel codes fall back to linear.
    """
    t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    if spherical and min(length_a, length_b) > 1e-6:
        cosine = float(np.clip(a @ b / (length_a * length_b), -1, 1))
        angle = np.arccos(cosine)
        if np.sin(angle) > 1e-4:
            direction = (
                np.sin((1 - t) * angle) * (a / length_a) + np.sin(t * angle) * (b / length_b)
            ) / np.sin(angle)
            return (direction * ((1 - t) * length_a + t * length_b)).astype(np.float32)
    return ((1 - t) * a + t * b).astype(np.float32)


def manifold_codes(ranges: np.ndarray, side: int) -> np.ndarray:
    """A side x side grid over a 2-D code, (side * side, 2), rows from the top down."""
    (left, right), (bottom, top) = ranges[:2]
    first, second = np.linspace(left, right, side), np.linspace(bottom, top, side)[::-1]
    grid = np.stack(np.meshgrid(first, second), -1)
    return grid.reshape(-1, 2).astype(np.float32)


def plane_of(codes: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
    """Codes as points on a plane, (n, 2) float32, steady from call to call.

    One dimension is drawn against zero, two as they are, more by their two main directions. Those
    turn freely between calls, so they are rotated onto `previous` (orthogonal Procrustes,
    Schoenemann 1966) and points can be followed.
    """
    n, k = codes.shape
    if k == 1:
        return np.concatenate([codes, np.zeros_like(codes)], 1).astype(np.float32)
    if k == 2:
        return codes.astype(np.float32)
    # In torch, not NumPy: NumPy's own BLAS threads spin beside torch's and slow a training run.
    # In double: with many units that never fire, float32 finds no end.
    centred = torch.from_numpy(codes).double()
    centred = centred - centred.mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred / n)
    points = centred @ directions[:, [-1, -2]]
    if previous is not None and previous.shape == tuple(points.shape):
        u, _, vt = torch.linalg.svd(points.T @ torch.from_numpy(previous).double())
        points = points @ (u @ vt)
    return points.float().numpy()


def nearest(codes: np.ndarray, z: np.ndarray, n: int, skip: int | None = None) -> np.ndarray:
    """Indices of the n rows of codes (m, k) nearest to z (k,), nearest first, without `skip`."""
    distance = np.square(codes - z).sum(1)
    if skip is not None:
        distance[skip] = np.inf
    n = min(n, len(codes) - (skip is not None))
    part = np.argpartition(distance, n - 1)[:n]
    return part[np.argsort(distance[part])]


def neighbours_of(codes: np.ndarray, first: int, n: int) -> np.ndarray:
    """Of each of the `first` rows of codes (m, k) the n nearest others, nearest first:
    (first, n) int32, -1 where there are not so many."""
    every = torch.from_numpy(np.ascontiguousarray(codes, dtype=np.float32))
    first, most = min(first, len(every)), min(n + 1, len(every))
    squares = every.square().sum(1)
    found = np.full((first, n), -1, np.int32)
    for part in parts(first, 250):
        rows = torch.arange(first)[part]
        # Without the row's own length, which is the same for all of its neighbours.
        distance = squares - 2 * every[rows] @ every.T
        distance[torch.arange(len(rows)), rows] = -torch.inf
        near = distance.topk(most, largest=False).indices[:, 1:]
        found[part, : most - 1] = near.numpy()
    return found


def unturned(points: np.ndarray, like: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Points (n, 2), axes mirrored and swapped where that brings them nearer to `like` (n, 2), and
    which axis stands where.

    The sign of a principal component and of a latent number means nothing: points that go from one
    layout to the other need not cross for it. Nearness is by the axes' correlations.
    """
    ours, theirs = points - points.mean(0), like - like.mean(0)
    together = ours.T @ theirs / np.outer(ours.std(0) + 1e-12, theirs.std(0) + 1e-12)
    straight, crossed = np.abs(np.diag(together)).sum(), np.abs(np.diag(together[::-1])).sum()
    order = [1, 0] if crossed > straight else [0, 1]
    signs = np.where(together[order, [0, 1]] < 0, -1, 1)
    return (points[:, order] * signs).astype(np.float32), order


def turned(points: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Points (n, 2), turned or mirrored to lie as near to `like` (n, 2) as can be (orthogonal
    Procrustes, Schoenemann 1966), about their middle. For axes that mean nothing, as t-SNE's."""
    ours, theirs = points - points.mean(0), like - like.mean(0)
    u, _, vt = np.linalg.svd(ours.T @ theirs)
    return (ours @ (u @ vt)).astype(np.float32)
