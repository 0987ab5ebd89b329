"""R² of single dimensions, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.evaluation.factors import best_assignment, factor_r2

RNG = np.random.default_rng(0)
N = 4000
F = RNG.uniform(-1, 1, (N, 3))


def test_a_copy_a_curve_and_noise():
    codes = np.stack([2 * F[:, 1] - 5, np.tanh(2 * F[:, 0]), RNG.normal(size=N)], 1)
    r2 = factor_r2(codes, F)
    want = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert np.allclose(r2, want, atol=0.02)
    assert best_assignment(r2)[:2] == [(1, 0, r2[1, 0]), (0, 1, r2[0, 1])]


def test_a_half_noisy_factor_gives_a_half():
    z = F[:, :1] + RNG.normal(0, F[:, 0].std(), (N, 1))
    # Of two independent parts of equal variance one is the factor: R² is near 0.5.
    assert factor_r2(z, F[:, :1])[0, 0] == pytest.approx(0.5, abs=0.04)


def test_it_is_held_out():
    """Few rows and no relation: an R² on the fitted rows would be about 0.2."""
    r2 = factor_r2(RNG.normal(size=(60, 30)), RNG.normal(size=(60, 5)))
    assert r2.mean() < 0.05


def test_what_folds_is_not_told_back():
    """z = |f| tells the size of f and not its sign."""
    assert factor_r2(np.abs(F[:, :1]), F[:, :1])[0, 0] < 0.02
    assert factor_r2(F[:, :1], np.abs(F[:, :1]))[0, 0] > 0.97


def test_an_angle_is_no_line():
    angle = RNG.uniform(0, 2 * np.pi, (N, 1))
    # Turned by half a turn, the angle jumps in the middle of its range.
    turned = (angle + np.pi) % (2 * np.pi)
    assert factor_r2(angle, turned)[0, 0] < 0.9
    assert factor_r2(angle, turned, (2 * np.pi,))[0, 0] > 0.98
    # Its cosine alone is half of it.
    assert factor_r2(np.cos(angle), angle, (2 * np.pi,))[0, 0] == pytest.approx(0.5, abs=0.03)


def test_what_does_not_vary_gives_nothing():
    codes = np.stack([np.full(N, 3.0), F[:, 0]], 1)
    factors = np.stack([F[:, 0], np.full(N, 1e6)], 1)
    assert np.allclose(factor_r2(codes, factors), [[0, 0], [1, 0]], atol=1e-3)


def test_units_do_not_matter():
    a = factor_r2(F[:, :2], F)
    assert np.allclose(factor_r2(F[:, :2] * 1e5 + 7, F * 1e-5 + 3), a, atol=1e-6)


def test_the_best_assignment_is_of_all_not_of_each():
    r2 = np.array([[0.9, 0.8], [0.8, 0.1], [0.0, 0.0]])
    assert best_assignment(r2) == [(1, 0, 0.8), (0, 1, 0.8)]
    assert best_assignment(r2[:1]) == [(0, 0, 0.9)]
    assert best_assignment(np.zeros((0, 2))) == []


@pytest.mark.parametrize(
    ("codes", "factors", "periods"),
    [
        (F[:, 0], F, ()),
        (F, F[:-1], ()),
        (F[:5], F[:5], ()),
        (F, F, (0.0,)),
    ],
)
def test_arrays_that_do_not_fit(codes, factors, periods):
    with pytest.raises(ValueError, match=r"rows|periods"):
        factor_r2(codes, factors, periods)
