"""What an encoder says about z: a diagonal Gaussian, or a single point."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
        """KL(q(z|x) || N(0, I)) of each dimension in nats, (B, latent_dim); zeros for a point.

        Kingma and Welling 2014, 'Auto-encoding variational Bayes', appendix B.
        """
        if self.logvar is None:
            return torch.zeros_like(self.mu)
        return 0.5 * (self.mu.square() + self.logvar.exp() - 1 - self.logvar)
