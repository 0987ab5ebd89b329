"""How well single latent numbers tell the factors that data were generated from."""

from __future__ import annotations

import numpy as np

DEGREE = 5
_RIDGE = 1e-6


def factor_r2(
    codes: np.ndarray, factors: np.ndarray, periods: tuple[float, ...] = ()
) -> np.ndarray:
    """Share of each factor's variance that each latent dimension predicts by itself.

    codes (n, k), factors (n, f), row for row. periods: as in datasets.Factors, 0 for a factor on a
    line; a periodic factor is predicted as its cosine and sine together. Returns (k, f) in [0, 1]:
    R² of a polynomial of degree 5, fitted on one half of the rows and measured on the other, both
    ways, so that it is not flattered by what it was fitted on. A dimension or a factor that does
    not vary gives 0. Raises ValueError for arrays that do not fit.
    """
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors, np.float64)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < 20:
        raise ValueError(
            "Codes and factors must be two tables with the same rows, at least 20; they were "
            f"{codes.shape} and {factors.shape}."
        )
    if periods and len(periods) != factors.shape[1]:
        raise ValueError(f"There are {factors.shape[1]} factors and {len(periods)} periods.")
    periods = periods or (0.0,) * factors.shape[1]
    targets = [_targets(factors[:, i], period) for i, period in enumerate(periods)]
    stacked = np.concatenate(targets, axis=1)
    owner = np.repeat(np.arange(len(targets)), [t.shape[1] for t in targets])
    # Rows may come sorted; the halves must not differ by more than chance.
    order = np.random.default_rng(0).permutation(len(codes))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    r2 = np.zeros((codes.shape[1], factors.shape[1]))
    for dimension in range(codes.shape[1]):
        error, spread = np.zeros(len(owner)), np.zeros(len(owner))
        for fit, held in (halves, halves[::-1]):
            predicted = _predict(codes[fit, dimension], stacked[fit], codes[held, dimension])
            error += ((stacked[held] - predicted) ** 2).sum(0)
            # Against the mean of the fitted half: what one would say without the code.
            spread += ((stacked[held] - stacked[fit].mean(0)) ** 2).sum(0)
        for factor in range(factors.shape[1]):
            mine = owner == factor
            if spread[mine].sum() > 1e-12 * len(codes):
                r2[dimension, factor] = 1 - error[mine].sum() / spread[mine].sum()
    return np.clip(r2, 0, 1)


def best_assignment(r2: np.ndarray) -> list[tuple[int, int, float]]:
    """Give each factor a dimension of its own so that the sum of R² is the largest.

    r2 (k, f) from factor_r2. Returns (dimension, factor, R²), in the order of the factors; with
    fewer dimensions than factors some factors get none.
    """
    from scipy.optimize import linear_sum_assignment

    r2 = np.asarray(r2)
    dimensions, factors = linear_sum_assignment(r2, maximize=True)
    found = [(int(d), int(f), float(r2[d, f])) for d, f in zip(dimensions, factors, strict=True)]
    return sorted(found, key=lambda item: item[1])


def _targets(factor: np.ndarray, period: float) -> np.ndarray:
    if period:
        angle = 2 * np.pi * factor / period
        return np.stack([np.cos(angle), np.sin(angle)], 1)
    # In units of its own spread, so that what counts as constant does not depend on the unit.
    spread = factor.std()
    tiny = spread <= 1e-9 * max(1.0, float(np.abs(factor).max()))
    return ((factor - factor.mean()) / (1.0 if tiny else spread) * (not tiny))[:, None]


def _predict(z: np.ndarray, y: np.ndarray, z_new: np.ndarray) -> np.ndarray:
    """Ridge regression of y (n, t) on Legendre polynomials of z (n,), evaluated at z_new."""
    low, high = z.min(), z.max()
    if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
        return np.broadcast_to(y.mean(0), (len(z_new), y.shape[1]))

    def features(values: np.ndarray) -> np.ndarray:
        # No further than what was fitted: a polynomial runs away outside.
        scaled = np.clip(2 * (values - low) / (high - low) - 1, -1, 1)
        return np.polynomial.legendre.legvander(scaled, DEGREE)

    a = features(z)
    weights = np.linalg.solve(a.T @ a + _RIDGE * len(z) * np.eye(a.shape[1]), a.T @ y)
    return features(z_new) @ weights
