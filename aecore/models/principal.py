"""Principal components of a dataset, found the way that its numbers of examples and values allow.

Few values: from the covariance matrix. Few examples: from their inner products, the Gram matrix,
which has the same eigenvalues. Many of both: the first components alone, by subspace iteration
(Halko, Martinsson and Tropp 2011). Examples become float32 some at a time, so that the data may be
larger than what memory holds of them as floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError, Interrupted

#: Components that are fitted where nobody asks for more: what pages show at most of large data.
USUAL = 256
# Values, and else examples, up to which all is exact: a matrix of so many has its eigenvalues found
# in a second, or a few.
EXACT_VALUES = 1500
EXACT_EXAMPLES = 3000
BLOCK_BYTES = 32 << 20  # of examples that are float32 at a time
SPARE = 64  # directions of the iterated subspace beyond the components that are kept
SAMPLE = 2048  # examples that the first rounds look at; the last ones look at all
ROUNDS, LAST_ROUNDS = 2, 2
# Of few examples products are taken twice as precisely, so that all that they span is found. A
# direction with less variance than this share of the largest is rounding.
_FEW = 1500
_NOTHING = {torch.float64: 1e-10, torch.float32: 1e-7}

Stop = Callable[[], bool]


@dataclass(frozen=True)
class PCABasis:
    """The components of a training split, and how well any number of them does.

    mean (D,), components (n, D) float32, most variance first; explained_variance_ratio (n,).
    test_mse (n + 1,): held-out squared error per value with the first k components, unclipped;
    entry 0 is the mean image alone. rank: components that the data have; n is smaller where only
    the first were fitted.
    """

    mean: np.ndarray
    components: np.ndarray
    explained_variance_ratio: np.ndarray
    test_mse: np.ndarray
    rank: int

    def at(self, k: int) -> int:
        """How many components stand for k: k itself, or all that the data have if that is fewer.

        Raises ConfigError for more than were fitted.
        """
        fitted = len(self.components)
        if fitted < min(k, self.rank):
            raise ConfigError(
                f"PCA of these data was fitted for its first {fitted} of {self.rank} components, "
                f"and {k} are needed; ask for the basis with {k} components."
            )
        return min(k, fitted)

    def encode(self, x: np.ndarray, k: int) -> np.ndarray:
        """Scores on the first k components: (B, D) -> (B, k). k above the rank uses all."""
        return (x - self.mean) @ self.components[: self.at(k)].T

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Unclipped reconstruction from scores: (B, k) -> (B, D)."""
        return scores @ self.components[: scores.shape[1]] + self.mean

    def reconstruct(self, x: np.ndarray, k: int) -> np.ndarray:
        """Unclipped reconstruction at k: (B, D) -> (B, D). k above the rank uses all."""
        return self.decode(self.encode(x, k))

    def mse(self, k: int) -> float:
        """Held-out squared error per value at k, unclipped."""
        return float(self.test_mse[self.at(k)])

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        arrays = (self.mean, self.components, self.explained_variance_ratio, self.test_mse)
        return sum(array.nbytes for array in arrays)


def fit_basis(data: Dataset, components: int = 0, stop: Stop | None = None) -> PCABasis:
    """Fit the principal components of data.train, by the cheapest way that is right.

    components: how many are needed; where fitting all is cheap, all are. stop: asked between
    blocks of examples. Raises ConfigError for a single example, Interrupted when told to stop.
    """
    rows = _Rows(data.train, stop)
    n, size = rows.n, rows.size
    if n < 2:
        raise ConfigError(f"PCA needs at least 2 training examples; there is {n}.")
    few = min(n, size)
    wanted = few if size <= EXACT_VALUES else min(max(components, USUAL), few)
    nearly_all = few < 2 * (wanted + SPARE)
    if n <= size and (n <= EXACT_EXAMPLES or nearly_all):
        variances, vectors, rank = _from_gram(rows, wanted)
    elif size <= EXACT_VALUES or nearly_all:
        variances, vectors, rank = _from_covariance(rows, wanted)
    else:
        variances, vectors, rank = _first(rows, wanted)
    # A component and its negative are as good: as in scikit-learn, the largest entry is positive.
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = torch.where(largest < 0, -vectors, vectors).to(torch.float32)
    ratio = variances / rows.variance if rows.variance > 0 else torch.zeros_like(variances)
    mean = rows.mean.to(torch.float32)
    mse = _held_out(_Rows(data.test, stop, mean), vectors)
    return PCABasis(mean.numpy(), vectors.numpy().copy(), ratio.numpy(), mse, rank)


class _Rows:
    """The examples of a split as centred rows of float32, in blocks; asks whether to stop.

    mean: (D,), by default the split's own, float64. variance: the sum of all variances.
    """

    def __init__(self, split: Split, stop: Stop | None, mean: Tensor | None = None):
        self._split, self._stop = split, stop
        self.n, self.size = len(split), split.x[0].numel() if len(split) else 0
        self.step = max(1, BLOCK_BYTES // (4 * max(self.size, 1)))
        if mean is None:
            self.mean = torch.zeros(self.size)
            total = torch.zeros(self.size, dtype=torch.float64)
            for _, x in self.blocks():
                total += x.sum(0, dtype=torch.float64)
            mean = total / max(self.n, 1)
        self.mean = mean
        self.variance = 0.0  # known once somebody has gone through all rows

    def blocks(self, most: int | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Where a block stands, and the block (b, D); most: go through this many rows only."""
        mean = self.mean.to(torch.float32)
        n = self.n if most is None else min(self.n, most)
        for start in range(0, n, self.step):
            if self._stop is not None and self._stop():
                raise Interrupted("PCA was stopped before it was fitted.")
            part = slice(start, min(start + self.step, n))
            yield part, self._split.batch(part).flatten(1) - mean


def _from_covariance(rows: _Rows, wanted: int) -> tuple[Tensor, Tensor, int]:
    """The first `wanted` components of few values: their variances, vectors (wanted, D), rank."""
    covariance = torch.zeros(rows.size, rows.size, dtype=torch.float64)
    for _, x in rows.blocks():
        covariance += x.T @ x
    rows.variance = float(covariance.trace()) / (rows.n - 1)
    values, vectors = torch.linalg.eigh(covariance / (rows.n - 1))
    return values.flip(0).clamp_min(0)[:wanted], vectors.T.flip(0)[:wanted], rows.size


def _from_gram(rows: _Rows, wanted: int) -> tuple[Tensor, Tensor, int]:
    """The first `wanted` components of few examples, from the (n, n) of their inner products."""
    exact = torch.float64 if rows.n <= _FEW else torch.float32
    gram = torch.zeros(rows.n, rows.n, dtype=torch.float64)
    for here, x in rows.blocks():
        x = x.to(exact)
        for there, y in rows.blocks(here.stop):
            products = (x @ y.to(exact).T).double()
            gram[here, there], gram[there, here] = products, products.T
    rows.variance = float(gram.trace()) / (rows.n - 1)
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(gram))
    # Centred examples have at least one direction fewer than they are.
    rank = max(1, int((values > _NOTHING[exact] * values[0]).sum()))
    values, vectors = values[: min(rank, wanted)], vectors[:, : min(rank, wanted)]
    found = torch.zeros(len(values), rows.size)
    for part, x in rows.blocks():
        found += vectors[part].to(torch.float32).T @ x
    # Rounding tilts the weakest ones: they are made orthogonal to those before.
    return values.clamp_min(0) / (rows.n - 1), torch.linalg.qr(found.T)[0].T, rank


def _first(rows: _Rows, wanted: int) -> tuple[Tensor, Tensor, int]:
    """The first `wanted` components of many examples with many values."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(rows.size, wanted + SPARE, generator=generator)
    for most in [SAMPLE] * ROUNDS + [rows.n] * LAST_ROUNDS:
        image = torch.zeros_like(q)
        for _, x in rows.blocks(most):
            image += x.T @ (x @ q)
        q = torch.linalg.qr(image)[0]
    inner = torch.zeros(q.shape[1], q.shape[1], dtype=torch.float64)
    total = 0.0
    for _, x in rows.blocks():
        scores = x @ q
        inner += scores.T @ scores
        total += float(x.square().sum(dtype=torch.float64))
    rows.variance = total / (rows.n - 1)
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(inner / (rows.n - 1)))
    found = (q @ vectors[:, :wanted].to(torch.float32)).T
    return values[:wanted].clamp_min(0), found, min(rows.n - 1, rows.size)


def _held_out(rows: _Rows, components: Tensor) -> np.ndarray:
    """Squared error per value of held-out rows with the first k components: (n + 1,)."""
    captured = torch.zeros(len(components), dtype=torch.float64)
    energy = 0.0
    for _, x in rows.blocks():
        captured += (x @ components.T).square().sum(0, dtype=torch.float64)
        energy += float(x.square().sum(dtype=torch.float64))
    left = energy - torch.cat([torch.zeros(1, dtype=torch.float64), captured.cumsum(0)])
    return (left.clamp_min(0) / max(rows.n * rows.size, 1)).numpy()
