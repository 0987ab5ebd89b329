"""A decoder whose encoder did not come with it: what it draws can be explored, not judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.models import fields
from aecore.models.families.described import DescribedModel
from aecore.models.sizes import sizes_of

DRAWN = 2048  # codes that the regression is made from, at least; and 4 for each number of a code
BYTES = 64 << 20  # of what lies between layers while they are drawn
RIDGE = 1e-4  # of the mean variance of what is drawn: many of its values say the same


@dataclass(frozen=True)
class DecoderAloneOptions(fields.NetworkOptions):
    """The layers of the decoder; an empty list stands for one linear layer."""

    decoder: tuple[str, ...] = fields.layer_lines(
        "Decoder", "One layer a line, from the code to the data, the output curve included."
    )
    loss: str = fields.loss()
    init: str = fields.init()

    @property
    def encoder(self) -> tuple[str, ...]:
        """None came with it."""
        return ()


class DecoderAlone(DescribedModel):
    """A decoder, and in place of its encoder a linear regression of codes on what it draws of them.

    The encoder finds a code near that of a given example, for a point to start from. It says
    nothing about how well the model reconstructs.
    """

    family: ClassVar[str] = "decoder-alone"
    title: ClassVar[str] = "Decoder from a file"
    Options: ClassVar[type] = DecoderAloneOptions
    encodes: ClassVar[bool] = False

    @torch.no_grad()
    def fit_encoder(self, generator: torch.Generator) -> None:
        """Make the encoder from the decoder's own drawings of codes from N(0, I).

        Least squares with a small ridge, so that values that are always the same have no say.
        """
        n = max(DRAWN, 4 * self.spec.latent_dim)
        z = self.sample_prior(n, generator)
        step = max(1, BYTES // max(1, sizes_of(self).nbytes))
        x = torch.cat([self.decode(part).flatten(1).cpu().double() for part in z.split(step)])
        weight, bias = _regression(x, z.cpu().double())
        layer = self.encoder[1]
        assert isinstance(layer, nn.Linear)
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


def _regression(x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (k, D) and bias (k,) that give z (n, k) of x (n, D) as nearly as a linear map can."""
    mean, centre = x.mean(0), z.mean(0)
    x, z = x - mean, z - centre
    ridge = RIDGE * float(x.square().sum()) / max(1, min(x.shape)) + 1e-12
    if x.shape[1] <= x.shape[0]:
        gram = x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype)
        weight = torch.linalg.solve(gram, x.T @ z).T
    else:  # as many equations as drawings: the same answer, for less
        gram = x @ x.T + ridge * torch.eye(x.shape[0], dtype=x.dtype)
        weight = (x.T @ torch.linalg.solve(gram, z)).T
    return weight, centre - weight @ mean
