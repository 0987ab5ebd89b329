"""What the variational networks of the corpus share."""

from __future__ import annotations

import torch
from torch import nn


class Gaussian(nn.Module):
    """What VAEs share: sampling while training, the mean otherwise."""

    def draw(self, mu, logvar):
        return mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu
