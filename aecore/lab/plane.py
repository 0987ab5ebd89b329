"""Where a plane of codes is empty, how far codes are from N(0, I), and whether codes come back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from aecore.evaluation.batches import parts
from aecore.evaluation.latent import decode_array
from aecore.models import LatentModel
from aecore.models.posterior import Posterior

CELL = 37.5  # codes to a cell, on average; by it the plane is cut
LEAST_CELLS, MOST_CELLS = 6, 40  # along each side
COMPONENTS = 5_000  # posteriors whose mixture stands for all of them
DRAWS = 2_000
_PART = 200


@dataclass(frozen=True)
class Plane:
    """The bounding box of codes (n, 2), cut into cells. low, high: (2,). there: (side, side) bool,
    whether any code lies in a cell, first number first."""

    low: np.ndarray
    high: np.ndarray
    there: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray) -> Plane:
        low, high = codes.min(0).astype(np.float32), codes.max(0).astype(np.float32)
        high = np.maximum(high, low + 1e-6)
        side = int(np.clip(round(math.sqrt(len(codes) / CELL)), LEAST_CELLS, MOST_CELLS))
        counts, _, _ = np.histogram2d(
            codes[:, 0], codes[:, 1], side, [(low[0], high[0]), (low[1], high[1])]
        )
        return cls(low, high, counts > 0)

    @property
    def side(self) -> int:
        return len(self.there)

    @property
    def empty(self) -> float:
        """Per cent of the cells in which no code lies."""
        return 100 * float((~self.there).mean())

    def hole_at(self, z: np.ndarray) -> np.ndarray:
        """Whether points (n, 2) lie in a hole, or outside of the box, (n,)."""
        share = (z - self.low) / (self.high - self.low)
        at = np.clip((share * self.side).astype(np.int64), 0, self.side - 1)
        outside = ((share < 0) | (share > 1)).any(1)
        return outside | ~self.there[at[:, 0], at[:, 1]]

    def drawn(self, n: int, holes: bool, rng: np.random.Generator) -> np.ndarray:
        """n points spread evenly over the holes, or over what is none, (n, 2); none where there is
        no such cell."""
        cells = np.argwhere(self.there != holes)
        if not len(cells):
            return np.empty((0, 2), np.float32)
        chosen = cells[rng.integers(len(cells), size=n)]
        share = (chosen + rng.random((n, 2))) / self.side
        return (self.low + share * (self.high - self.low)).astype(np.float32)

    def grid(self, side: int) -> np.ndarray:
        """A side x side grid of points over the box, rows from the top down, (side * side, 2)."""
        middles = (np.arange(side) + 0.5) / side
        first, second = np.meshgrid(middles, middles[::-1])
        share = np.stack([first, second], -1).reshape(-1, 2)
        return (self.low + share * (self.high - self.low)).astype(np.float32)


def kl_of_gaussian(mu: np.ndarray, logvar: np.ndarray | None) -> float:
    """KL(N(m, S) || N(0, I)) in nats, with the mean m and covariance S of the aggregate posterior:
    of codes mu (n, k), spread by exp(logvar), (n, k) or None for points."""
    k = mu.shape[1]
    mean, cov = mu.mean(0).astype(np.float64), np.cov(mu, rowvar=False).reshape(k, k)
    if logvar is not None:
        cov = cov + np.diag(np.exp(logvar).mean(0))
    _, logdet = np.linalg.slogdet(cov + 1e-12 * np.eye(k))
    return 0.5 * float(np.trace(cov) + mean @ mean - k - logdet)


def kl_of_mixture(mu: np.ndarray, logvar: np.ndarray, rng: np.random.Generator) -> float:
    """KL(q(z) || N(0, I)) in nats of the aggregate posterior itself, q(z) = mean of q(z|x) over
    examples, (n, k) each: a Monte Carlo estimate from DRAWS draws, with COMPONENTS examples.

    Of too few examples it is too high, for each draw lies near one of them.
    """
    rows = rng.permutation(len(mu))[:COMPONENTS]
    q = Posterior(torch.from_numpy(mu[rows]).double(), torch.from_numpy(logvar[rows]).double())
    which = torch.from_numpy(rng.integers(len(rows), size=DRAWS))
    noise = torch.from_numpy(rng.standard_normal((DRAWS, mu.shape[1])))
    assert q.logvar is not None
    z = q.mu[which] + q.std[which] * noise
    found = []
    for part in parts(DRAWS, _PART):
        off = (z[part, None] - q.mu) / q.std
        each = -0.5 * (off.square() + q.logvar).sum(2)
        found.append(each.logsumexp(1) - math.log(len(rows)))
    log_q, log_p = torch.cat(found), -0.5 * z.square().sum(1)  # both without log(2 pi) k / 2
    return float((log_q - log_p).mean())


@torch.inference_mode()
def cycle_error(model: LatentModel, z: np.ndarray, spread: np.ndarray) -> float:
    """How far decoded codes z (n, k) are from where they were when they are encoded again: root of
    the mean square over numbers, each in units of its deviation (k,); median over codes. 1 is as
    far as codes are from their mean."""
    x = torch.from_numpy(decode_array(model, z))
    again = torch.cat([model.encode(x[part]).mu for part in parts(len(x))]).numpy()
    off = (again - z) / np.maximum(spread, 1e-12)
    return float(np.median(np.sqrt(np.square(off).mean(1))))
