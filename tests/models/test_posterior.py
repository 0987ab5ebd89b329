"""The posterior against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aecore.models import Posterior


@pytest.fixture
def posterior(generator) -> Posterior:
    mu = 3 * torch.randn(50, 7, generator=generator)
    return Posterior(mu, 2 * torch.randn(50, 7, generator=generator))


def test_kl_is_the_distributions(posterior):
    q = Normal(posterior.mu, (0.5 * posterior.logvar).exp())
    expected = kl_divergence(q, Normal(torch.zeros(7), torch.ones(7)))
    torch.testing.assert_close(posterior.kl(), expected, rtol=1e-5, atol=1e-5)


def test_kl_is_zero_only_at_the_prior():
    zero = torch.zeros(1, 4)
    assert torch.equal(Posterior(zero, zero).kl(), zero)
    assert (Posterior(zero + 0.1, zero).kl() > 0).all()
    assert (Posterior(zero, zero - 0.1).kl() > 0).all()


def test_samples_are_the_distributions(generator):
    """Kolmogorov and Smirnov's distance of 100,000 draws from the distribution function."""
    n = 100_000
    mu, logvar = torch.full((n, 1), 1.5), torch.full((n, 1), -0.8)
    z = Posterior(mu, logvar).sample(generator).flatten().sort().values.double()
    q = Normal(torch.tensor(1.5).double(), torch.tensor(-0.4).double().exp())
    distance = (q.cdf(z) - torch.arange(n) / n).abs().max()
    assert distance < 1.95 / n**0.5  # one chance in a thousand, and the seed is fixed


def test_gradients_go_through_the_sample(posterior):
    mu, logvar = (t.clone().requires_grad_() for t in (posterior.mu, posterior.logvar))
    z = Posterior(mu, logvar).sample(torch.Generator().manual_seed(1))
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones_like(mu))
    torch.testing.assert_close(logvar.grad, 0.5 * (z - mu).detach(), rtol=1e-4, atol=1e-4)


def test_a_point_has_no_spread(posterior):
    point = Posterior(posterior.mu)
    assert torch.equal(point.sample(), posterior.mu)
    assert not point.std.any()
    assert not point.kl().any()
