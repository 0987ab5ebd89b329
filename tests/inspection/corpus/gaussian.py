"""What the variational networks of the corpus share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: What a second head may be, as a standard deviation.
DEVIATIONS = {
    "log-variance": lambda s: (0.5 * s).exp(),
    "log-deviation": torch.exp,
    "deviation": torch.abs,  # its sign makes no difference to mu + s * eps
    "softplus deviation": F.softplus,
}


class Gaussian(nn.Module):
    """What VAEs share. second: of DEVIATIONS. Drawn from while it is trained; otherwise z is the
    mean, or what `eps` (B, k) says, or, with `drawing`, drawn as in an exported program."""

    second = "log-variance"
    eps: Tensor | None = None
    drawing = False

    def deviation(self, second: Tensor) -> Tensor:
        """Standard deviation of q(z|x), of what the second head gives."""
        return DEVIATIONS[self.second](second)

    def draw(self, mu: Tensor, second: Tensor) -> Tensor:
        if self.eps is not None:
            return mu + self.eps.view_as(mu) * self.deviation(second)
        if self.training or self.drawing:
            return mu + torch.randn_like(mu) * self.deviation(second)
        return mu
