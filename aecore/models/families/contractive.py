"""Contractive autoencoders: a code that hardly moves when the image does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.models import fields
from aecore.models.declared import Constant, Figure, LossSource
from aecore.models.families.dense import DenseModel
from aecore.models.losses import LossTerms
from aecore.models.presets import Preset
from aecore.types import TrainConfig

#: The same in a script: slower than ours, but it needs no word about layers.
SQUARED_JACOBIAN = '''def squared_jacobian(model: {model}, x: Tensor) -> Tensor:
    """||dz/dx||_F^2 of each example, (n,): how much its code moves when it does."""

    def encode_one(example: Tensor) -> Tensor:
        return model.encode(example.unsqueeze(0)).squeeze(0)

    jacobian = torch.func.vmap(torch.func.jacrev(encode_one))(x)  # (n, LATENT_DIM, *SHAPE)
    return jacobian.square().flatten(1).sum(1)'''


@dataclass(frozen=True)
class ContractiveOptions(fields.NetworkOptions):
    """Choices of a contractive autoencoder."""

    strength: float = fields.number(
        0.1,
        (0.0, 1000.0),
        "Contraction strength",
        "Weight of the squared Jacobian of the encoder beside the squared error of an example.",
        format="%.3f",
    )
    hidden: tuple[int, ...] = fields.hidden()
    activation: str = fields.activation("sigmoid")
    output: str = fields.output()
    init: str = fields.init()


class ContractiveAE(DenseModel):
    """Squared error + strength * ||dz/dx||_F^2 (Rifai et al. 2011)."""

    family: ClassVar[str] = "contractive-ae"
    title: ClassVar[str] = "Contractive autoencoder"
    Options: ClassVar[type] = ContractiveOptions
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure(
            "jacobian",
            "Squared Jacobian of the code **{:.3g}**.",
            "squared Frobenius norm of dz/dx",
        ),
    )

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        code, jacobian = self._code_and_jacobian(x)
        penalty = self.options.strength * jacobian
        return LossTerms(self.compare(self.decoder(code), x), penalty=penalty)

    def loss_source(self) -> LossSource | None:
        strength = self.options.strength
        return LossSource(
            constants=(Constant("STRENGTH", strength, "weight of the squared Jacobian"),),
            functions=(SQUARED_JACOBIAN.format(model=type(self).__name__),),
            penalty="STRENGTH * squared_jacobian(model, x).mean()",
        )

    def extra_metrics(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """jacobian: squared Frobenius norm of dz/dx at an image."""
        with torch.inference_mode(False):
            return {"jacobian": self._code_and_jacobian(x.clone())[1].detach()}

    @torch.enable_grad()  # the slopes are gradients, also where nobody trains
    def _code_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, k) and ||dz/dx||_F^2 (B,), exact and differentiable.

        The Jacobian is the product of the layers' weights and the slopes of the curves between.
        It is multiplied from the code down; the first layer's weights, the largest, only enter
        by their Gram matrix, so that no (B, k, pixels) array is ever made.
        """
        h = x.flatten(1)
        linears: list[nn.Linear] = []
        slopes: list[Tensor] = []
        for layer in self.encoder[1:]:
            if isinstance(layer, nn.Linear):
                linears.append(layer)
                h = layer(h)
            else:
                slope_at = h if h.requires_grad else h.detach().requires_grad_()
                h = layer(slope_at)
                (slope,) = torch.autograd.grad(h.sum(), slope_at, create_graph=True)
                slopes.append(slope)
        if len(linears) == 1:
            return h, linears[0].weight.square().sum().expand(len(x))
        rows = linears[-1].weight * slopes[-1].unsqueeze(1)  # (B, k, last hidden)
        for linear, slope in zip(linears[-2:0:-1], slopes[-2::-1], strict=True):
            rows = (rows @ linear.weight) * slope.unsqueeze(1)
        first = linears[0].weight
        return h, ((rows @ (first @ first.T)) * rows).sum((1, 2))


PRESETS = (
    Preset(
        "contractive",
        "Contractive autoencoder",
        "A price on how much the code moves when the example does: its Jacobian.",
        "contractive-ae",
        32,
        {"hidden": (128,), "strength": 0.01},
        TrainConfig(epochs=5, learning_rate=2e-3),
        place=180,
        teaches="A code that stays still when the input moves a little.",
    ),
)
