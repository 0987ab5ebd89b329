"""Loss terms against torch.distributions and against autograd's own composition."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from aecore.datasets import Split
from aecore.evaluation.metrics import entropy_floor, evaluate
from aecore.models import build
from aecore.models.losses import (
    LossTerms,
    bernoulli_floor,
    bernoulli_nats,
    objective,
    squared_error,
    total_correlation,
)
from aecore.types import DataSpec, ModelSpec


@pytest.fixture
def x(generator) -> torch.Tensor:
    return torch.rand(6, 1, 5, 4, generator=generator)


@pytest.fixture
def x_logits(generator) -> torch.Tensor:
    return 4 * torch.randn(6, 1, 5, 4, generator=generator)


def test_bernoulli_of_black_and_white_is_the_likelihood(x, x_logits):
    binary = (x > 0.5).float()
    expected = -Bernoulli(logits=x_logits).log_prob(binary).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli_nats(x_logits, binary), expected)


def test_bernoulli_of_grey_is_the_cross_entropy(x, x_logits):
    p = x_logits.double().sigmoid()
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli_nats(x_logits, x), expected.float())


def test_bernoulli_stays_finite_where_the_sigmoid_saturates():
    x_logits = torch.tensor([[200.0, -200.0]])
    assert bernoulli_nats(x_logits, torch.tensor([[0.0, 1.0]])).item() == 400
    assert bernoulli_nats(x_logits, torch.tensor([[1.0, 0.0]])).item() == 0


def test_floor_is_reached_by_the_perfect_reconstruction(x):
    torch.testing.assert_close(bernoulli_floor(x), bernoulli_nats(torch.logit(x), x))
    torch.testing.assert_close(bernoulli_floor(x), Bernoulli(x).entropy().flatten(1).sum(1))


def test_floor_of_mnist(mnist):
    assert entropy_floor(mnist.test) == pytest.approx(45.5, abs=0.1)


def test_squared_error_is_the_sum(x, x_logits):
    expected = F.mse_loss(x_logits, x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(squared_error(x_logits, x), expected)


def test_squared_error_gradient(x, x_logits, generator):
    """Against autograd's own composition, each example weighted differently."""
    own, composed = (x_logits.double().requires_grad_() for _ in range(2))
    weights = torch.rand(6, generator=generator).double()
    (squared_error(own, x.double()) * weights).sum().backward()
    ((composed - x.double()).square().flatten(1).sum(1) * weights).sum().backward()
    torch.testing.assert_close(own.grad, composed.grad)


def test_squared_error_leaves_its_inputs_alone(x, x_logits):
    """The gradient takes the place of an inner buffer: nobody else may see that."""
    x_hat = x_logits.clone().requires_grad_()
    other = x_logits.clone().requires_grad_()
    output, x_before = torch.sigmoid(x_hat), x.clone()
    kept = output.detach().clone()
    squared_error(output, x).mean().backward()
    ((torch.sigmoid(other) - x) ** 2).flatten(1).sum(1).mean().backward()
    torch.testing.assert_close(x_hat.grad, other.grad)
    assert torch.equal(output, kept)
    assert torch.equal(x, x_before)


@pytest.mark.parametrize("kl_weight", [0.0, 0.25, 1.0, 4.0])
def test_objective(kl_weight, generator):
    terms = LossTerms(
        torch.rand(8, generator=generator),
        torch.rand(8, 3, generator=generator),
        torch.rand(8, generator=generator),
    )
    expected = (terms.reconstruction + kl_weight * terms.kl.sum(1) + terms.penalty).mean()
    torch.testing.assert_close(objective(terms, kl_weight), expected)


def test_free_bits_take_the_pressure_off_small_dimensions():
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]], requires_grad=True)  # batch means 0.2 and 3
    loss = objective(LossTerms(torch.zeros(2), kl), kl_weight=2.0, free_bits=0.5)
    assert loss.item() == pytest.approx(2 * (0.5 + 3.0))
    loss.backward()
    assert kl.grad.tolist() == [[0, 1], [0, 1]]


def test_total_correlation_against_torch(generator):
    """Mixtures of the batch's posteriors, as torch.distributions has them."""
    mu, logvar, z = (torch.randn(6, 3, generator=generator) for _ in range(3))
    std = torch.exp(0.5 * logvar)
    expected = []
    for draw in z:
        log_q = torch.distributions.Normal(mu, std).log_prob(draw)
        expected.append(log_q.sum(1).logsumexp(0) - log_q.logsumexp(0).sum())
    torch.testing.assert_close(total_correlation(z, mu, logvar), torch.stack(expected))


class Largest(TorchFunctionMode):
    """How many numbers the largest tensor has that is made meanwhile."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.numbers = max(self.numbers, made.numel())
        return made


def test_total_correlation_of_many_takes_a_few_rows_at_a_time(generator):
    """520 * 520 * 64 numbers would be 69 MB in each of its tensors; the gradient is the same."""
    given = [torch.randn(520, 64, generator=generator).requires_grad_() for _ in range(3)]
    with Largest() as largest:
        total_correlation(*given).sum().backward()
    assert largest.numbers <= 2**24
    z, mu, logvar = (v.detach().double().requires_grad_() for v in given)
    log_q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).log_prob(z.unsqueeze(1))
    (log_q.sum(2).logsumexp(1) - log_q.logsumexp(1).sum(1)).sum().backward()
    for found, expected in zip(given, (z, mu, logvar), strict=True):
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=1e-3, atol=1e-3)


def test_a_held_out_look_does_not_pay_for_what_only_steers_training(generator):
    spec = ModelSpec("dense-vae", DataSpec((1, 8, 8)), 32, {"hidden": (8,), "independence": 30.0})
    with Largest() as largest:
        evaluate(build(spec, 0).eval(), Split(torch.rand(1000, 1, 8, 8, generator=generator)))
    assert largest.numbers <= 1000 * 64
