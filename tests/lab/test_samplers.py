"""Samplers beside their formulas and scikit-learn's; a flow on shapes that one knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from aecore.errors import Interrupted
from aecore.evaluation.latent import interpolation
from aecore.lab.control import LabControl
from aecore.lab.flow import Flow
from aecore.lab.once import end_of
from aecore.lab.samplers import (
    ABOUT_MEAN,
    ROUND,
    ROUNDS,
    STRAIGHT,
    between,
    from_gaussian,
    from_mixture,
    from_prior,
)


def moons(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = make_moons(n, noise=0.06, random_state=seed)
    return x.astype(np.float32), y


def far_from(known: np.ndarray, some: np.ndarray) -> np.ndarray:
    return NearestNeighbors(n_neighbors=1).fit(known).kneighbors(some)[0][:, 0]


def learnt(classes: int) -> Flow:
    """A flow on two moons, the moon as its class where there are classes."""
    x, y = moons(4000, 0)
    found = Flow(x.mean(0), x.std(0), classes, torch.Generator().manual_seed(0))
    codes = torch.from_numpy(x)
    for _ in found.train(lambda rows: codes[rows], len(x), y, 700, LabControl()):
        pass
    return found


@pytest.fixture(scope="module")
def flow() -> Flow:
    return learnt(0)


@pytest.fixture(scope="module")
def told() -> Flow:
    return learnt(2)


def test_a_gaussian_has_the_codes_mean_and_covariance():
    rng = np.random.default_rng(0)
    codes = (rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 3)) + 4).astype(np.float32)
    drawn = from_gaussian(codes)(200_000, np.random.default_rng(1))
    assert drawn.mean(0) == pytest.approx(codes.mean(0), abs=0.03)
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.05)
    # A number that never varies stays what it is.
    still = np.concatenate([codes, np.full((3000, 1), 2, np.float32)], 1)
    assert from_gaussian(still)(100, rng)[:, 3] == pytest.approx(2, abs=0.05)
    assert from_gaussian(codes[:, :1])(5, rng).shape == (5, 1)
    assert from_prior(4)(100_000, rng).std(0) == pytest.approx(1, abs=0.02)


def test_a_mixture_fitted_round_by_round_is_scikit_learns():
    x, _ = moons(2000, 0)
    drawn = end_of(from_mixture(x, 8, 0))(8000, np.random.default_rng(0))
    # The same examples in the same order and scale, fitted in one go.
    mean, spread = x.mean(0), x.std(0).max()
    rows = np.random.default_rng(0).permutation(len(x))
    theirs = GaussianMixture(8, random_state=0).fit((x[rows] - mean) / spread)
    scaled = (drawn - mean) / spread
    assert theirs.score(scaled) == pytest.approx(theirs.score(theirs.sample(8000)[0]), abs=0.06)
    assert np.cov(scaled.T) == pytest.approx(np.cov(theirs.sample(8000)[0].T), abs=0.06)
    one = (from_gaussian(x)(4000, np.random.default_rng(0)) - mean) / spread
    assert theirs.score(one) < theirs.score(scaled) - 0.5


def test_a_mixture_says_its_rounds_and_settles():
    rounds = list(from_mixture(moons(2000, 0)[0], 8, 0))
    assert rounds == list(range(1, len(rounds) + 1))
    assert 2 < len(rounds) < ROUNDS


def test_ways_between_are_those_of_the_latent_page():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 20, 5)).astype(np.float32)
    b[0] = 2 * a[0]  # one direction: there is no arc
    mean = rng.normal(size=5).astype(np.float32)
    for t in (0.0, 0.25, 0.5, 1.0):
        for i in range(20):
            for how in (STRAIGHT, ROUND):
                way = interpolation(a[i], b[i], 5, how == ROUND)
                assert between(a, b, t, how, mean)[i] == pytest.approx(way[int(4 * t)], abs=1e-4)
            about = interpolation(a[i] - mean, b[i] - mean, 5, True)[int(4 * t)] + mean
            assert between(a, b, t, ABOUT_MEAN, mean)[i] == pytest.approx(about, abs=1e-4)


def test_a_flow_brings_noise_to_two_moons(flow):
    known, _ = moons(4000, 0)
    noise = from_prior(2)(1000, np.random.default_rng(0))
    drawn = flow.draw(noise, None, LabControl())
    held_out, _ = moons(1000, 9)
    one = from_gaussian(known)(1000, np.random.default_rng(0))
    assert np.median(far_from(known, drawn)) < 3 * np.median(far_from(known, held_out))
    assert far_from(known, drawn).mean() < 0.5 * far_from(known, one).mean()
    # And it covers them: no part of the moons is far from all samples.
    assert np.quantile(far_from(drawn, held_out), 0.99) < 0.35


def test_its_condition_says_which_moon(told):
    known, moon = moons(4000, 0)
    noise = from_prior(2)(600, np.random.default_rng(1))
    wanted = np.arange(600) % 2
    nearest = NearestNeighbors(n_neighbors=1).fit(known)

    def obeyed(guidance: float) -> float:
        drawn = told.draw(noise, wanted, LabControl(), guidance=guidance)
        return float((moon[nearest.kneighbors(drawn)[1][:, 0]] == wanted).mean())

    assert obeyed(0) == pytest.approx(0.5, abs=0.08)
    assert obeyed(1) > 0.95
    assert obeyed(2) >= obeyed(1) - 0.01
    # Guidance 0 does not listen; and no class said is the same.
    deaf = told.draw(noise, wanted, LabControl(), guidance=0)
    assert deaf == pytest.approx(told.draw(noise, None, LabControl()), abs=1e-4)


def test_a_path_begins_at_the_noise_and_ends_at_the_sample(flow):
    x, _ = moons(4000, 0)
    noise = from_prior(2)(3000, np.random.default_rng(2))  # more than are carried at once
    path = flow.path(noise, None, LabControl(), steps=4)
    assert path.shape == (5, 3000, 2)
    assert path[0] == pytest.approx(noise * x.std(0) + x.mean(0), abs=1e-5)
    assert np.array_equal(path[-1], flow.draw(noise, None, LabControl(), steps=4))
    far = [float(far_from(x, path[i][:500]).mean()) for i in range(5)]
    assert far[4] < far[2] < far[0]


def test_a_flow_to_one_gaussian_is_the_known_one():
    """Noise N(0, 1) to codes N(m, s²): the mean velocity is known in closed form at any time."""
    m, s = 3.0, 0.5
    codes = torch.from_numpy(np.random.default_rng(0).normal(m, s, (20_000, 1)).astype(np.float32))
    found = Flow(np.array([0.0]), np.array([1.0]), 0, torch.Generator().manual_seed(1))
    for _ in found.train(lambda rows: codes[rows], len(codes), None, 700, LabControl()):
        pass
    noise = np.array([[-1.0], [0.0], [1.0]], np.float32)
    drawn = found.draw(noise, None, LabControl(), steps=100)
    # It carries quantiles to quantiles.
    assert drawn == pytest.approx(m + s * noise, abs=0.12)


def test_a_flow_stops():
    control = LabControl()
    x, _ = moons(100, 0)
    flow = Flow(x.mean(0), x.std(0), 0, torch.Generator().manual_seed(0))
    codes = torch.from_numpy(x)
    steps = flow.train(lambda rows: codes[rows], 100, None, 50, control)
    next(steps)
    control.stop()
    with pytest.raises(Interrupted):
        next(steps)
