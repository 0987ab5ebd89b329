"""Dropout autoencoders: part of the code is dropped while they learn, and no noise is added.

A newcomer: this one file is all that adds the family. It is written as a stranger might, without
`from __future__ import annotations`.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from aecore.models import fields
from aecore.models.declared import Constant, Figure, LossSource
from aecore.models.families.dense import DenseModel
from aecore.models.losses import LossTerms
from aecore.models.presets import Preset
from aecore.types import TrainConfig

CALM = 0.01


@dataclass(frozen=True)
class DropoutOptions(fields.NetworkOptions):
    """Choices of a dropout autoencoder."""

    dropout: float = fields.number(
        0.2, (0.0, 0.9), "Dropout", "The share of an example's latent numbers that are set to 0."
    )
    calm: bool = fields.flag(True, "Short codes", "Adds the squared length of a code to the loss.")
    hidden: tuple[int, ...] = fields.hidden((64,))
    init: str = fields.init()


def squared_length(z: Tensor) -> Tensor:
    """Of each code: (n, LATENT_DIM) -> (n,)."""
    return z.square().sum(1)


class DropoutAE(DenseModel):
    """Latent numbers are dropped at random while it learns (Srivastava et al. 2014)."""

    family: ClassVar[str] = "newcomer-dropout"
    title: ClassVar[str] = "Dropout autoencoder"
    Options: ClassVar[type] = DropoutOptions
    stochastic: ClassVar[bool] = True
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("code_length", "A code is **{:.2f}** long.", "Euclidean norm"),
    )
    inside: ClassVar[tuple[str, ...]] = ("figures",)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        z = self.encode(x).mu
        kept = torch.rand(z.shape, generator=generator, device=x.device) >= self.options.dropout
        x_hat = self.decoder(z * kept / (1 - self.options.dropout))
        penalty = CALM * squared_length(z) if self.options.calm else None
        return LossTerms(self.compare(x_hat, x), penalty=penalty)

    def extra_metrics(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """code_length: Euclidean norm of the code of an example."""
        return {"code_length": self.encode(x).mu.norm(dim=1)}

    def loss_source(self) -> LossSource:
        calm = self.options.calm
        return LossSource(
            constants=(
                Constant("DROPOUT", self.options.dropout, "share of latent numbers set to 0"),
                Constant("CALM", CALM * calm, "weight of a code's squared length"),
            ),
            functions=(squared_length,),
            whole=(
                "z = model.encode(x)",
                "kept = torch.rand(z.shape, generator=generator, device=x.device) >= DROPOUT",
                "x_hat = model.decode(z * kept / (1 - DROPOUT))",
                'reconstruction = F.mse_loss(x_hat, x, reduction="sum") / len(x)',
                "return reconstruction + CALM * squared_length(z).mean()",
            ),
            about=", a part of the code dropped, and the length of codes",
        )


PRESETS = (
    Preset(
        "newcomer-half",
        "Half the code dropped",
        "Every latent number has to manage without half of the others.",
        "newcomer-dropout",
        16,
        {"dropout": 0.5, "hidden": (128,)},
        TrainConfig(epochs=10, learning_rate=1e-3),
    ),
)
