"""Dense autoencoders and dense variational autoencoders of any layer widths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.losses import LossTerms, bernoulli_nats, squared_error
from aecore.models import blocks
from aecore.models.base import LatentModel
from aecore.types import ModelSpec


@dataclass(frozen=True)
class DenseOptions:
    """Choices of a dense model; the decoder mirrors the encoder."""

    hidden: tuple[int, ...] = field(
        default=(128,),
        metadata={
            "label": "Hidden widths",
            "widths": True,
            "range": (1, 4096),
            "help": "Widths of the encoder's layers between the data and the code, "
            "for example 256, 128. The decoder mirrors them. May be empty.",
        },
    )
    activation: str = field(
        default="relu",
        metadata={
            "label": "Activation",
            "choices": tuple(blocks.ACTIVATIONS),
            "help": "The curve after each hidden layer; without one the model is linear.",
        },
    )
    output: str = field(
        default="sigmoid",
        metadata={
            "label": "Output",
            "choices": ("sigmoid", "linear"),
            "help": "sigmoid keeps every pixel between 0 and 1; linear does not.",
        },
    )
    loss: str = field(
        default="mse",
        metadata={
            "label": "Loss",
            "choices": ("mse", "bce"),
            "help": "mse: squared error. bce: binary cross-entropy, in nats.",
        },
    )
    init: str = field(
        default="default",
        metadata={
            "label": "Weight initialisation",
            "choices": blocks.INITS,
            "help": "Where the weights start. zeros is a classic mistake, here to be seen.",
        },
    )
    normalisation: str = field(
        default="none",
        metadata={
            "label": "Normalisation",
            "choices": blocks.NORMALISATIONS,
            "help": "Rescales each layer's values, over the batch or over the layer.",
        },
    )


@dataclass(frozen=True)
class DenseVAEOptions(DenseOptions):
    """Choices of a dense VAE: as DenseOptions, with cross-entropy by default."""

    loss: str = field(
        default="bce",
        metadata={
            "label": "Loss",
            "choices": ("bce", "mse"),
            "help": "bce: binary cross-entropy in nats, summed over pixels. mse: squared error, "
            "summed; then beta weighs KL against squared error, not nats.",
        },
    )


class _Dense(LatentModel):
    """What the two dense families share: layers, loss and initialisation."""

    def __init__(self, spec: ModelSpec, options: DenseOptions):
        super().__init__(spec, options)
        if options.loss == "bce" and options.output == "linear":
            raise ConfigError(
                "Binary cross-entropy needs pixels between 0 and 1: choose the sigmoid output, "
                "or the mse loss."
            )
        code = spec.latent_dim * (2 if self.variational else 1)
        act, norm = options.activation, options.normalisation
        down = (spec.data.size, *options.hidden)
        up = (spec.latent_dim, *reversed(options.hidden))
        self.encoder = nn.Sequential(
            nn.Flatten(), *blocks.dense_stack(down, act, norm), nn.Linear(down[-1], code)
        )
        self.decoder = nn.Sequential(
            *blocks.dense_stack(up, act, norm),
            nn.Linear(up[-1], spec.data.size),
            nn.Unflatten(1, spec.data.shape),
        )
        self.output = nn.Sigmoid() if options.output == "sigmoid" else nn.Identity()

    def encoder_network(self) -> nn.Sequential:
        return self.encoder

    def decoder_network(self) -> nn.Sequential:
        return nn.Sequential(self.decoder, self.output)

    @property
    def reconstruction_unit(self) -> str:
        return "nats" if self.options.loss == "bce" else "squared error"

    def initialise(self, generator: torch.Generator) -> None:
        blocks.initialise(self, self.options.init, generator)

    def decode(self, z: Tensor) -> Tensor:
        return self.output(self.decoder(z))

    def loss_terms(self, x: Tensor, generator: torch.Generator | None = None) -> LossTerms:
        posterior = self.encode(x)
        return LossTerms(
            self._reconstruction(x, posterior.sample(generator)),
            posterior.kl() if self.variational else None,
        )

    def _reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        # The decoder gives pre-sigmoid values: BCE on logits is stable where log(sigmoid) is not.
        x_logits = self.decoder(z)
        if self.options.loss == "bce":
            return bernoulli_nats(x_logits, x)
        return squared_error(self.output(x_logits), x)


class DenseAE(_Dense):
    """A dense autoencoder: a point code, trained on the reconstruction alone."""

    family: ClassVar[str] = "dense-ae"
    title: ClassVar[str] = "Dense autoencoder"
    Options: ClassVar[type] = DenseOptions


class DenseVAE(_Dense):
    """A dense VAE: reconstruction + KL(q(z|x) || N(0, I)). Kingma and Welling 2014."""

    family: ClassVar[str] = "dense-vae"
    title: ClassVar[str] = "Dense variational autoencoder"
    Options: ClassVar[type] = DenseVAEOptions
    variational: ClassVar[bool] = True
