"""Where new codes come from: the prior, Gaussians fitted to codes, and ways between two codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator

import numpy as np

from aecore.machine import one_blas_thread

STRAIGHT, ROUND, ABOUT_MEAN = "straight", "spherical", "about the mean"
ROUNDS = 100  # of fitting a mixture, at most
FITTED = 20_000  # codes that it is fitted to; more of them make it no better, only slower
_NEARLY = 1e-4  # of the angle, below which a way round is a straight one
_FLOOR = 1e-6  # added to variances, beside the largest: a number that never varies stays itself

#: n and a generator -> codes (n, k).
Draw = Callable[[int, np.random.Generator], np.ndarray]


def from_prior(k: int) -> Draw:
    """Codes of k numbers from N(0, I)."""
    return lambda n, rng: rng.standard_normal((n, k), dtype=np.float32)


def from_gaussian(codes: np.ndarray) -> Draw:
    """From the Gaussian with the mean and covariance of codes (m, k)."""
    mean, cov = codes.mean(0), np.cov(codes, rowvar=False).reshape(2 * (codes.shape[1],))
    cov[np.diag_indices_from(cov)] += _FLOOR * cov.diagonal().max() + 1e-12
    root = np.linalg.cholesky(cov).T.astype(np.float32)
    return lambda n, rng: mean + rng.standard_normal((n, len(mean)), dtype=np.float32) @ root


def from_mixture(codes: np.ndarray, components: int, seed: int) -> Generator[int, None, Draw]:
    """From scikit-learn's mixture of Gaussians, fitted to codes (m, k) by expectation and
    maximisation until it stands still; yields how many rounds are done, after each of them."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mean, spread = codes.mean(0), codes.std(0).max() + 1e-12
    rows = np.random.default_rng(seed).permutation(len(codes))[:FITTED]
    x = ((codes[rows] - mean) / spread).astype(np.float64)
    # A round at a time, each from where the last one came to: so it can be stopped.
    mixture = GaussianMixture(
        min(components, max(1, len(x) // 4)),
        max_iter=1,
        warm_start=True,
        random_state=seed,
    )
    for i in range(ROUNDS):
        with one_blas_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(x)
        yield i + 1
        if mixture.converged_:
            break
    weights, means = np.asarray(mixture.weights_), np.asarray(mixture.means_)
    roots = np.linalg.cholesky(np.asarray(mixture.covariances_))

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        which = rng.choice(len(weights), n, p=weights)
        noise = rng.standard_normal((n, x.shape[1]))
        drawn = means[which] + np.einsum("nij,nj->ni", roots[which], noise)
        return (drawn * spread + mean).astype(np.float32)

    return draw


def between(a: np.ndarray, b: np.ndarray, t: float, how: str, mean: np.ndarray) -> np.ndarray:
    """Codes at a share t of the way from a to b, (n, k) each. how: STRAIGHT; ROUND, on the arc
    about 0 (Shoemake 1985), lengths interpolated; ABOUT_MEAN, the same about `mean` (k,)."""
    if how == ABOUT_MEAN:
        return between(a - mean, b - mean, t, ROUND, mean) + mean
    straight = (1 - t) * a + t * b
    if how == STRAIGHT:
        return straight
    long_a, long_b = (np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    cosine = (a * b).sum(1, keepdims=True) / np.maximum(long_a * long_b, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    flat = sine < _NEARLY
    safe = np.where(flat, 1, sine)
    direction = (
        np.sin((1 - t) * angle) * a / np.maximum(long_a, 1e-12)
        + np.sin(t * angle) * b / np.maximum(long_b, 1e-12)
    ) / safe
    arc = direction * ((1 - t) * long_a + t * long_b)
    return np.where(flat, straight, arc).astype(np.float32)
