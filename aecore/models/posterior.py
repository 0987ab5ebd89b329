"""What an encoder says about z: a diagonal Gaussian, or a single point."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def kl_to_prior(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, I)) of each latent dimension in nats, in the arguments' shape.

    Kingma and Welling 2014, 'Auto-encoding variational Bayes', appendix B. The one place that
    writes the formula down: exported scripts carry this function's own line.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


@dataclass(frozen=True)
class Posterior:
    """q(z|x) = N(mu, diag(exp(logvar))); logvar None means the point mu.

    mu and logvar: (B, latent_dim).
    """

    mu: Tensor
    logvar: Tensor | None = None

    @property
    def std(self) -> Tensor:
        """Standard deviation, (B, latent_dim); zeros for a point."""
        if self.logvar is None:
            return torch.zeros_like(self.mu)
        return torch.exp(0.5 * self.logvar)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Reparameterised draw z = mu + std * eps, (B, latent_dim); mu itself for a point."""
        if self.logvar is None:
            return self.mu
        eps = torch.empty_like(self.mu).normal_(generator=generator)
        return self.mu + self.std * eps

    def kl(self) -> Tensor:
        """KL(q(z|x) || N(0, I)) of each dimension in nats, (B, latent_dim); zeros for a point."""
        if self.logvar is None:
            return torch.zeros_like(self.mu)
        return kl_to_prior(self.mu, self.logvar)
