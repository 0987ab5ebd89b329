"""Dense autoencoders and dense variational autoencoders of any layer widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.models import blocks, fields
from aecore.models.losses import LossTerms, squared_error
from aecore.models.network import NetworkModel
from aecore.types import ModelSpec

NO_FLATTEN, CODE_LOSS = "no flattening", "loss on the code"


@dataclass(frozen=True)
class DenseOptions:
    """Choices of a dense model; the decoder mirrors the encoder."""

    hidden: tuple[int, ...] = fields.hidden()
    activation: str = fields.activation()
    output: str = fields.output()
    loss: str = fields.loss()
    init: str = fields.init()
    normalisation: str = fields.normalisation()


@dataclass(frozen=True)
class DenseAEOptions(DenseOptions):
    """Choices of a dense autoencoder, two classic mistakes among them."""

    mistake: str = fields.choice(
        "none",
        ("none", NO_FLATTEN, CODE_LOSS),
        "A mistake on purpose",
        "What beginners forget: to flatten the image before the first layer, or to compare the "
        "reconstruction, not the code, with the image.",
    )


@dataclass(frozen=True)
class DenseVAEOptions(DenseOptions):
    """Choices of a dense VAE: as DenseOptions, with cross-entropy by default."""

    loss: str = fields.loss("bce")
    independence: float = fields.independence()


class DenseModel(NetworkModel):
    """Dense layers down to the code and up again."""

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        options, spec = self.options, self.spec
        activation = getattr(options, "activation", "relu")
        normalisation = getattr(options, "normalisation", "none")
        down = (spec.data.size, *options.hidden)
        up = (spec.latent_dim, *reversed(options.hidden))
        encoder = nn.Sequential(
            nn.Flatten(),
            *blocks.dense_stack(down, activation, normalisation),
            nn.Linear(down[-1], self.code_size),
        )
        decoder = nn.Sequential(
            *blocks.dense_stack(up, activation, normalisation),
            nn.Linear(up[-1], spec.data.size),
            nn.Unflatten(1, spec.data.shape),
        )
        return encoder, decoder


class DenseAE(DenseModel):
    """A dense autoencoder: a point code, trained on the reconstruction alone."""

    family: ClassVar[str] = "dense-ae"
    title: ClassVar[str] = "Dense autoencoder"
    Options: ClassVar[type] = DenseAEOptions

    def __init__(self, spec: ModelSpec, options: DenseAEOptions):
        _explain_mistake(spec, options)
        super().__init__(spec, options)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        if self.options.mistake == CODE_LOSS:
            return LossTerms(squared_error(self.encode(x).mu, x))
        return super().loss_terms(x, generator)


class DenseVAE(DenseModel):
    """A dense VAE: reconstruction + KL(q(z|x) || N(0, I)). Kingma and Welling 2014."""

    family: ClassVar[str] = "dense-vae"
    title: ClassVar[str] = "Dense variational autoencoder"
    Options: ClassVar[type] = DenseVAEOptions
    variational: ClassVar[bool] = True


def _explain_mistake(spec: ModelSpec, options: DenseAEOptions) -> None:
    """Raise ConfigError with the shapes where a mistake cannot even run."""
    shape, size, k = spec.data.shape, spec.data.size, spec.latent_dim
    if options.mistake == NO_FLATTEN and len(shape) > 1:
        width = options.hidden[0] if options.hidden else k
        raise ConfigError(
            f"Without flattening this cannot run: Linear({size}, {width}) multiplies the last size "
            f"of its input, and an image of shape {shape} ends in {shape[-1]}, not {size}. Flatten "
            f"it to {size} values first: choose no mistake."
        )
    if options.mistake == CODE_LOSS and k != size:
        raise ConfigError(
            f"This cannot run: the loss would compare the code, {k} numbers, with the image, "
            f"{size} values. Compare what the decoder gives, which has the image's shape: choose "
            "no mistake."
        )
