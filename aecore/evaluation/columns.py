"""Tables by their columns: what is kept of each, and which latent number moves with which."""

from __future__ import annotations

import numpy as np


def kept(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    """Share of each column's variance that reconstructions keep: R², (D,), 1 at best.

    x, x_hat: (n, D), n >= 2. 0 is what the column's mean alone would give; below 0 is worse than
    that.
    """
    from sklearn.metrics import r2_score

    return np.asarray(r2_score(x, x_hat, multioutput="raw_values"))


def correlations(codes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each column with each latent number, (D, k), in [-1, 1].

    codes (n, k), x (n, D), row for row. 0 where a column or a number does not vary.
    """
    a, b = (_standardised(np.asarray(v, np.float64)) for v in (x, codes))
    return np.clip(a.T @ b / len(a), -1, 1)


def _standardised(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(0)
    spread = centred.std(0)
    varies = spread > 1e-9 * np.maximum(1.0, np.abs(values).max(0))
    return np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)
