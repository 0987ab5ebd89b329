"""Loss terms per example; the batch mean is taken once, last, in `objective`.

Units: squared error summed over the values of an example, or nats (sum over values).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class LossTerms:
    """reconstruction (B,), kl (B, latent_dim) in nats or None, penalty (B,) or None."""

    reconstruction: Tensor
    kl: Tensor | None = None
    penalty: Tensor | None = None


class _SquaredError(torch.autograd.Function):
    """Sum of squared differences per row, keeping one buffer: a third of the passes over memory
    that composing subtraction, square and sum would take, which shows at small batches."""

    @staticmethod
    def forward(ctx, x_hat: Tensor, x: Tensor) -> Tensor:
        ctx.difference = difference = x_hat - x
        # A third of the time of a dot product of each row, which would write all products first.
        return torch.linalg.vector_norm(difference, dim=1).square_()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        # The buffer is ours alone and used once, so the gradient takes its place.
        difference, ctx.difference = ctx.difference, None
        return difference.mul_((2 * gradient).unsqueeze(1)), None


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Squared error of each example, summed over its values: (B, *shape) twice -> (B,)."""
    return _SquaredError.apply(x_hat.flatten(1), x.flatten(1))


def squared_error_per_value(x_hat: Tensor, x: Tensor) -> Tensor:
    """Mean squared error of each example over its values: (B, *shape) twice -> (B,)."""
    difference = (x_hat - x).flatten(1)
    # In half of the time of squares and their mean: two passes over memory.
    return torch.linalg.vector_norm(difference, dim=1).square() / difference.shape[1]


class _BernoulliNats(torch.autograd.Function):
    """Cross-entropy on logits per row, log(1 + e^y) - x y, in a third of PyTorch's time.

    log(1 + e) differs from PyTorch's log1p(e) by less than 1e-7 nats a value.
    """

    @staticmethod
    def forward(ctx, y: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(y, x)
        nats = y.abs().neg_().exp_().add_(1).log_()
        return nats.add_(y.clamp(min=0)).addcmul_(y, x, value=-1).sum(1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        y, x = ctx.saved_tensors
        return y.sigmoid().sub_(x).mul_(gradient.unsqueeze(1)), None


def bernoulli_nats(x_logits: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy of each example in nats, summed over its values -> (B,).

    x in [0, 1] may be grey: then even a perfect reconstruction costs the entropy of x.
    """
    return _BernoulliNats.apply(x_logits.flatten(1), x.flatten(1))


def bernoulli_floor(x: Tensor) -> Tensor:
    """The least that `bernoulli_nats` can be for grey targets: their entropy in nats -> (B,)."""
    return F.binary_cross_entropy(x, x, reduction="none").flatten(1).sum(1)


def total_correlation(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """How much the latent numbers tell about each other: log q(z) - sum_d log q(z_d), -> (B,).

    z: one draw per example; mu, logvar: of q(z|x); all (B, latent_dim). q(z) is estimated from the
    batch (Chen et al. 2018, 'Isolating sources of disentanglement in VAEs', appendix C.2), up to a
    constant that depends on the numbers of examples only. Nats.
    """

    def of(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        # Each draw under each example's posterior, (some of B, B, k).
        apart = z.unsqueeze(1) - mu.unsqueeze(0)
        log_q = -0.5 * (apart.square() * torch.exp(-logvar) + logvar + math.log(2 * math.pi))
        return log_q.sum(2).logsumexp(1) - log_q.logsumexp(1).sum(1)

    some = z.split(max(1, 2**24 // mu.numel()))
    if len(some) == 1:
        return of(z, mu, logvar)
    # Of many examples a few rows at a time, and computed again for the gradient: all would take
    # B * B * k numbers, several times over.
    again = torch.utils.checkpoint.checkpoint
    return torch.cat([again(of, part, mu, logvar, use_reentrant=False) for part in some])


def objective(
    terms: LossTerms,
    kl_weight: float | Tensor = 1.0,
    free_bits: float = 0.0,
    capacity: float | Tensor | None = None,
) -> Tensor:
    """What training minimises: mean over the batch of reconstruction + kl_weight * KL + penalty.

    free_bits (nats): a latent dimension whose batch-mean KL is below it costs just free_bits
    (Kingma et al. 2016, 'Improving variational inference with inverse autoregressive flow',
    equation 15). capacity (nats): the KL costs by its distance from it, kl_weight * |KL -
    capacity| (Burgess et al. 2018, 'Understanding disentangling in beta-VAE', equation 8).
    With kl_weight other than 1, or a capacity, this is not the negative ELBO.
    """
    loss = terms.reconstruction.mean()
    if terms.kl is not None:
        kl = terms.kl.mean(0)
        if free_bits > 0:
            kl = kl.clamp(min=free_bits)
        total = kl.sum()
        loss = loss + kl_weight * (total if capacity is None else (total - capacity).abs())
    if terms.penalty is not None:
        loss = loss + terms.penalty.mean()
    return loss
