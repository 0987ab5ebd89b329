"""How unusual an example is beside those that are usual, and how well that tells them apart.

A score is a number an example, (n,), higher for what is less usual; units are the score's own.
"""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for, parts
from aecore.evaluation.neighbours import NEIGHBOURS
from aecore.machine import one_blas_thread
from aecore.models import LatentModel

_ROWS = 2000  # whose neighbours are looked for at a time
_RIDGE = 1e-8  # of the mean variance: numbers that never vary have no inverse


def auroc(usual: np.ndarray, strange: np.ndarray) -> float:
    """How often, in per cent, a strange example scores higher than a usual one; ties count half.

    The area under the ROC curve (Hanley and McNeil 1982); 50 is chance, below it is inverted.
    """
    ordered = np.sort(usual)
    below = np.searchsorted(ordered, strange, "left") + np.searchsorted(ordered, strange, "right")
    return float(100 * below.mean() / (2 * len(ordered)))


def alarms(
    chooses: np.ndarray, usual: np.ndarray, strange: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """What thresholds do: (3, len(shares)), the threshold, then in per cent the usual examples
    above it (false alarms) and the strange ones (found).

    Each threshold is that above which `shares` (0 to 1) of `chooses` lie, usual examples which
    neither trained the score nor are judged by it.
    """
    thresholds = np.quantile(chooses, 1 - shares)
    above = [100 * (some[:, None] > thresholds).mean(0) for some in (usual, strange)]
    return np.stack([thresholds, *above])


def neighbour_distances(
    known: np.ndarray, rows: np.ndarray, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """Mean distance of each of `rows`, (n, k), to the nearest of `known`, (m, k): (n,)."""
    from sklearn.neighbors import NearestNeighbors

    found = []
    near = NearestNeighbors(n_neighbors=min(neighbours, len(known)), algorithm="brute")
    with one_blas_thread():
        near.fit(known)
    for part in parts(len(rows), _ROWS):
        with one_blas_thread():
            found.append(near.kneighbors(rows[part])[0].mean(1))
    return np.concatenate(found)


def mahalanobis(known: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Distance of each of `rows`, (n, k), from the middle of `known`, (m, k), in standard
    deviations of `known` that way (Mahalanobis 1936): (n,)."""
    known = known.astype(np.float64)
    middle = known.mean(0)
    covariance = np.atleast_2d(np.cov(known, rowvar=False))
    covariance += _RIDGE * max(np.trace(covariance) / len(covariance), 1e-12) * np.eye(len(middle))
    off = rows.astype(np.float64) - middle
    return np.sqrt(np.einsum("nk,nk->n", off @ np.linalg.inv(covariance), off))


@torch.inference_mode()
def negative_elbos(model: LatentModel, split: Split, seed: int) -> np.ndarray:
    """Loss of each example of a variational model, (n,), one z each drawn from seed: nats where the
    loss is cross-entropy (then it is the negative ELBO), else summed squared error plus KL."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    found = []
    for part in parts(len(split), batch_for(model)):
        x, labels = split.batch(part).to(device), labels_for(model, split, part)
        terms = model.loss_terms(x, generator, labels)
        assert terms.kl is not None
        found.append(terms.reconstruction + terms.kl.sum(1))
    return torch.cat(found).cpu().numpy()
