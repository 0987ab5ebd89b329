"""The figures that losses and posteriors give, each against a sum written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aecore.models import Posterior
from aecore.models.losses import (
    LossTerms,
    objective,
    squared_error,
    squared_error_per_value,
    total_correlation,
)


@pytest.fixture
def pair(generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of images that differ, also in how they lie in memory."""
    x_hat = torch.rand(4, 2, 3, 5, generator=generator)
    return x_hat, torch.rand(4, 2, 5, 3, generator=generator).transpose(2, 3)


@pytest.fixture
def terms() -> LossTerms:
    """Of three examples with two latent numbers; the KL's batch means are 0.5 and 3."""
    return LossTerms(
        torch.tensor([10.0, 20.0, 60.0]),
        torch.tensor([[0.2, 1.0], [0.4, 2.0], [0.9, 6.0]]),
        torch.tensor([1.0, 2.0, 6.0]),
    )


# Errors


def test_squared_error_per_value_is_the_mean_of_each_example(pair):
    x_hat, x = pair
    expected = [np.mean((a - b) ** 2) for a, b in zip(x_hat.numpy(), x.numpy(), strict=True)]
    found = squared_error_per_value(x_hat, x)
    assert found.shape == (4,)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_sum_and_the_mean_of_squares_are_of_one_thing(pair):
    torch.testing.assert_close(squared_error(*pair), 30 * squared_error_per_value(*pair))


# The objective


def test_objective_by_default_is_the_sum_of_its_terms(terms):
    """Weight 1, nothing free, no capacity: for a plain VAE that is the negative ELBO."""
    assert objective(terms).item() == pytest.approx(30 + (0.5 + 3) + 3)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (("reconstruction",), 30),
        (("reconstruction", "kl"), 33.5),
        (("reconstruction", "penalty"), 33),
    ],
)
def test_objective_of_families_without_some_terms(kept, expected, terms):
    some = LossTerms(**{name: getattr(terms, name) for name in kept})
    assert objective(some).item() == pytest.approx(expected)


@pytest.mark.parametrize(("capacity", "distance"), [(0.0, 3.5), (2.0, 1.5), (3.5, 0.0), (9.0, 5.5)])
def test_capacity_costs_by_the_distance_from_it(capacity, distance, terms):
    """Burgess et al. 2018, equation 8; 0 nats is a capacity like any other."""
    found = objective(terms, kl_weight=4.0, capacity=capacity)
    assert found.item() == pytest.approx(30 + 4 * distance + 3)


@pytest.mark.parametrize(("capacity", "direction"), [(2.0, 1), (9.0, -1)])
def test_capacity_pulls_the_kl_from_both_sides(capacity, direction):
    kl = torch.tensor([[1.0, 2.0], [1.0, 3.0]], requires_grad=True)  # 3.5 nats
    objective(LossTerms(torch.zeros(2), kl), kl_weight=3.0, capacity=capacity).backward()
    torch.testing.assert_close(kl.grad, torch.full((2, 2), 1.5 * direction))


def test_free_bits_and_capacity_together(terms):
    """Free bits are of each latent number, the capacity is of all that they then cost."""
    found = objective(terms, kl_weight=2.0, free_bits=1.0, capacity=6.0)
    assert found.item() == pytest.approx(30 + 2 * abs((1 + 3) - 6) + 3)


def test_free_bits_look_at_the_batch_mean_not_at_each_example():
    kl = torch.tensor([[0.0], [4.0]])
    assert objective(LossTerms(torch.zeros(2), kl), free_bits=1.0).item() == pytest.approx(2)


def test_without_free_bits_an_estimate_below_zero_counts():
    """A KL estimated from draws may come out negative in a batch: that must not be cut off."""
    kl = torch.tensor([[-0.3], [0.1]])
    assert objective(LossTerms(torch.zeros(2), kl)).item() == pytest.approx(-0.1)


# Total correlation


def test_total_correlation_of_codes_that_tell_all_and_nothing():
    """Points far apart, each known for sure: n equal pairs share log n nats, a grid shares none.

    The estimate leaves out (k - 1) log n, which depends on the number of examples only.
    """
    n, log_n = 9, math.log(9)
    line = 100 * torch.arange(3, dtype=torch.float32)
    codes = {
        "equal": (100 * torch.arange(n, dtype=torch.float32).unsqueeze(1).repeat(1, 2), log_n),
        "grid": (torch.cartesian_prod(line, line), 0.0),
    }
    for name, (z, nats) in codes.items():
        found = total_correlation(z, z, torch.full((n, 2), -4.0)) + log_n
        np.testing.assert_allclose(found, np.full(n, nats), atol=1e-4, err_msg=name)


# The posterior


@pytest.fixture
def posterior(generator) -> Posterior:
    draws = torch.randn(2, 30, 4, generator=generator)
    return Posterior(draws[0], draws[1])


def test_std_is_the_root_of_the_variance(posterior):
    np.testing.assert_allclose(posterior.std, np.sqrt(np.exp(posterior.logvar.numpy())), rtol=1e-6)


def test_a_draw_is_mu_and_std_times_the_generators_noise(posterior):
    eps = torch.empty(30, 4).normal_(generator=torch.Generator().manual_seed(5))
    found = posterior.sample(torch.Generator().manual_seed(5))
    expected = posterior.mu.numpy() + np.exp(0.5 * posterior.logvar.numpy()) * eps.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_draw_from_a_generator_leaves_the_global_numbers_alone(posterior, generator):
    before = torch.random.get_rng_state()
    first, second = posterior.sample(generator), posterior.sample(generator)
    assert not torch.equal(first, second)  # the generator went on
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_draw_without_a_generator_is_torchs_own(posterior):
    torch.manual_seed(11)
    first = posterior.sample()
    torch.manual_seed(11)
    assert torch.equal(posterior.sample(), first)
    assert not torch.equal(posterior.sample(), first)
