"""Holes: its measures beside closed forms and counts, its claim on small data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import distributions

from aecore import datasets
from aecore.lab.about import About, LabSubject
from aecore.lab.events import LabDone, LabFailed
from aecore.lab.experiments.holes import HolesOptions
from aecore.lab.plane import Plane, cycle_error, kl_of_gaussian, kl_of_mixture
from aecore.lab.registry import experiment
from aecore.lab.running import run
from aecore.models.registry import build

OPTIONS = HolesOptions(betas=(0, 100, 400), epochs=6)


@pytest.fixture(scope="module")
def found(digits):
    events = run(experiment("holes"), OPTIONS, LabSubject(digits))
    return {e.task: e.values for e in events if isinstance(e, LabDone)}


def test_a_ring_of_codes_leaves_its_middle_empty():
    rng = np.random.default_rng(0)
    angles, far = rng.uniform(0, 2 * math.pi, 60_000), rng.uniform(0.8, 1, 60_000)
    plane = Plane.of(np.stack([far * np.cos(angles), far * np.sin(angles)], 1))
    assert plane.side == 40
    # The ring's share of the square around it, but for the cells that it cuts.
    ring = 100 * math.pi * (1 - 0.8**2) / 4
    assert 100 - plane.empty == pytest.approx(ring, abs=12)
    middle, on, outside = np.array([[0.0, 0.0]]), np.array([[0.9, 0.0]]), np.array([[3.0, 0.0]])
    assert plane.hole_at(middle).all()
    assert not plane.hole_at(on).any()
    assert plane.hole_at(outside).all()
    for holes in (True, False):
        drawn = plane.drawn(3000, holes, rng)
        assert (plane.hole_at(drawn) == holes).mean() > 0.999
    inside = np.linalg.norm(plane.drawn(3000, True, rng), axis=1)
    corners = (inside > 1).mean()  # of all that is empty, as their areas are
    assert corners == pytest.approx((4 - math.pi) / (4 - math.pi * (1 - 0.8**2)), abs=0.1)


def test_codes_everywhere_leave_no_hole():
    plane = Plane.of(np.random.default_rng(0).random((60_000, 2)))
    assert plane.empty == 0
    assert len(plane.drawn(10, True, np.random.default_rng(0))) == 0
    grid = plane.grid(3)
    assert grid.shape == (9, 2)
    assert grid[0, 1] > grid[-1, 1]  # rows from the top down
    assert grid[4] == pytest.approx([0.5, 0.5], abs=0.01)


def test_kl_of_the_fitted_gaussian_is_torchs(generator):
    mu = torch.randn(4000, 3, generator=generator) @ torch.randn(3, 3, generator=generator) + 1
    logvar = torch.randn(4000, 3, generator=generator) - 1
    cov = torch.from_numpy(np.cov(mu.numpy(), rowvar=False)) + logvar.exp().mean(0).diag()
    q = distributions.MultivariateNormal(mu.mean(0).double(), cov.double())
    p = distributions.MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
    exact = float(distributions.kl_divergence(q, p))
    assert kl_of_gaussian(mu.numpy(), logvar.numpy()) == pytest.approx(exact, rel=1e-4)


def test_kl_of_a_mixture_of_one_is_that_gaussians():
    mu, logvar = np.array([[1.0, -2.0]] * 3), np.array([[-1.0, 0.5]] * 3)
    q = distributions.Normal(torch.tensor(mu[0]), torch.tensor(logvar[0]).mul(0.5).exp())
    exact = float(distributions.kl_divergence(q, distributions.Normal(0.0, 1.0)).sum())
    found = kl_of_mixture(mu, logvar, np.random.default_rng(0))
    assert found == pytest.approx(exact, abs=0.15)


def test_kl_of_a_mixture_that_makes_up_the_prior_is_nothing():
    """N(0, 1 - s²) means, spread by s: together N(0, 1)."""
    rng, s = np.random.default_rng(0), 0.6
    mu = rng.normal(0, math.sqrt(1 - s**2), (5000, 2))
    logvar = np.full((5000, 2), 2 * math.log(s))
    assert kl_of_mixture(mu, logvar, rng) == pytest.approx(0, abs=0.03)
    assert kl_of_gaussian(mu, logvar) == pytest.approx(0, abs=0.01)
    # Two far clouds: the Gaussian that fits sees no more than their spread.
    mu[:, 0] += np.where(np.arange(5000) % 2, 4, -4)
    assert kl_of_mixture(mu, logvar, rng) > 6
    mixed, fitted = kl_of_mixture(mu, logvar, rng), kl_of_gaussian(mu, logvar)
    # In one dimension 17 / 2 - ½ - ln 17 / 2 for the Gaussian, less ln 2 for each cloud's choice.
    assert fitted == pytest.approx(0.5 * (17 - 1 - math.log(17)), abs=0.2)
    assert mixed == pytest.approx(8 - math.log(2), abs=0.3)


def test_a_linear_pair_that_undoes_itself_has_no_cycle_error(tiny_ae, generator):
    model = build(tiny_ae)
    model.initialise(generator)
    z = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)

    class Doubles(type(model)):
        def decode(self, z, labels=None):
            return torch.nn.functional.pad(z, (0, 61)).view(-1, 1, 8, 8)

        def encode(self, x, labels=None):
            from aecore.models.posterior import Posterior

            return Posterior(x.flatten(1)[:, :3] + self.off)

    model.__class__ = Doubles
    model.off = torch.zeros(3)
    assert cycle_error(model, z, np.ones(3)) == 0
    model.off = torch.tensor([0.3, 0.0, 0.0])
    expected = 0.3 / 0.5 / math.sqrt(3)
    assert cycle_error(model, z, np.full(3, 0.5)) == pytest.approx(expected, rel=1e-3)


def test_the_price_draws_codes_to_the_prior(found):
    """On small data as on large: the higher beta, the nearer all codes to N(0, I)."""
    assert found["ae"]["kl_gaussian"] > found["beta-100"]["kl_gaussian"]
    assert found["beta-0"]["kl_gaussian"] > found["beta-100"]["kl_gaussian"]
    assert found["beta-0"]["rate"] > found["beta-100"]["rate"] > found["beta-400"]["rate"]
    assert found["beta-400"]["mse"] > found["beta-0"]["mse"]
    # A mixture is farther from the prior than the Gaussian that fits it (but for what both miss).
    assert found["beta-0"]["kl_mixture"] > found["beta-0"]["kl_gaussian"] - 0.1
    assert "kl_mixture" not in found["ae"]


def test_empty_cells_are_counted_again(found, digits):
    values = found["beta-100"]
    assert values["empty"] == pytest.approx(100 * (1 - np.asarray(values["there"]).mean()))
    assert values["there"].shape == (values["cells"],) * 2
    assert values["drawn"].shape == (15, 15, *digits.spec.shape)
    assert values["holes"].shape == (15, 15)


def test_it_is_told_with_planes_and_tinted_pictures(found, digits):
    about = About.of(LabSubject(digits))
    outcome = experiment("holes").tell(OPTIONS, about, found)
    assert [c.name for c in outcome.charts if c.kind == "plane"] == [
        "plane_ae",
        "plane_beta-0",
        "plane_beta-100",
        "plane_beta-400",
    ]
    shown = next(p for p in outcome.pictures if p.name == "drawn_ae")
    holes = np.asarray(found["ae"]["holes"])
    assert shown.images.shape == (15, 15, 3, 8, 8)
    same = (shown.images[..., 0, :, :] == shown.images[..., 2, :, :]).all((2, 3))
    blank = shown.images.max((2, 3, 4)) == 0
    assert (same == (~holes | blank)).all()
    assert "N(0, I)" in outcome.says


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_tables_have_planes_and_no_pictures(name):
    data, one = datasets.load(name), experiment("holes")
    about = About.of(LabSubject(data))
    events = list(run(one, one.quick(), LabSubject(data)))
    assert not [e for e in events if isinstance(e, LabFailed)]
    done = {e.task: e.values for e in events if isinstance(e, LabDone)}
    outcome = one.tell(one.quick(), about, done)
    assert not outcome.pictures
    assert outcome.figure("ae_empty") is not None
    assert (outcome.chart("sure") is not None) == about.labelled
