"""Denoising autoencoders: they see a damaged image and must draw the clean one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from aecore.datasets.corruption import CORRUPTIONS, corrupt
from aecore.errors import ConfigError
from aecore.models import fields
from aecore.models.declared import Figure
from aecore.models.families.conv import ConvModel, ConvOptions
from aecore.models.families.dense import DenseModel, DenseOptions
from aecore.models.losses import LossTerms, squared_error_per_value
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.types import ModelSpec, TrainConfig


@dataclass(frozen=True)
class NoiseOptions:
    """The damage that a denoising autoencoder learns to undo."""

    noise: str = fields.choice(
        "gaussian",
        tuple(CORRUPTIONS),
        "Noise",
        "gaussian: added to every pixel. salt_pepper: some pixels black or white. mask: some "
        "pixels gone. blocks: squares gone. blur: details gone.",
    )
    level: float = fields.number(
        0.5,
        (0.0, 8.0),
        "Noise level",
        "gaussian: standard deviation. salt_pepper, mask and blocks: share of the image. blur: "
        "standard deviation in pixels.",
    )


# The last base's fields come first: in a form the noise stands before the layers.


@dataclass(frozen=True)
class DenoisingOptions(DenseOptions, NoiseOptions):
    """Choices of a dense denoising autoencoder."""

    hidden: tuple[int, ...] = fields.hidden((512,))


@dataclass(frozen=True)
class ConvDenoisingOptions(ConvOptions, NoiseOptions):
    """Choices of a convolutional denoising autoencoder."""

    channels: tuple[int, ...] = fields.channels((32, 64))


class Denoising(NetworkModel):
    """The loss compares with the clean image; the noise is drawn anew for each batch.

    Vincent et al. 2008, 'Extracting and composing robust features with denoising autoencoders'.
    """

    stochastic: ClassVar[bool] = True
    denoises: ClassVar[bool] = True
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure(
            "denoised_mse",
            "From damaged examples, against the clean ones: MSE **{:.4f}**,",
            "squared error per value",
        ),
        Figure("damaged_mse", "the damaged ones themselves {:.4f}.", "squared error per value"),
    )
    inside: ClassVar[tuple[str, ...]] = ("noise",)

    def __init__(self, spec: ModelSpec, options: NoiseOptions):
        low, high = CORRUPTIONS[options.noise].range
        if not low <= options.level <= high:
            raise ConfigError(
                f"The level of {options.noise} noise must be from {low:g} to {high:g}; it was "
                f"{options.level:g}."
            )
        if options.noise == "blur" and spec.data.kind == "table":
            raise ConfigError(
                "Blur needs neighbours, and the columns of a table have none: choose gaussian or "
                "mask."
            )
        super().__init__(spec, options)

    def damage(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """x as the encoder gets to see it, of x's shape."""
        generator = generator or torch.default_generator
        options, bounded = self.options, self.spec.data.bounded
        return corrupt(x, options.noise, options.level, generator, bounded)

    @property
    def damage_in_words(self) -> str:
        return f"{self.options.noise.replace('_', ' and ')}, level {self.options.level:g}"

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        code = self.encode(self.damage(x, generator)).mu
        return LossTerms(self.compare(self.decoder(code), x))

    def extra_metrics(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """denoised_mse: error per value against the clean image, from the damaged one;
        damaged_mse: that of the damaged image itself."""
        damaged = self.damage(x, generator)
        return {
            "denoised_mse": squared_error_per_value(self.reconstruct(damaged), x),
            "damaged_mse": squared_error_per_value(damaged, x),
        }


class DenoisingAE(Denoising, DenseModel):
    """A dense denoising autoencoder."""

    family: ClassVar[str] = "denoising-ae"
    title: ClassVar[str] = "Denoising autoencoder"
    Options: ClassVar[type] = DenoisingOptions


class ConvDenoisingAE(Denoising, ConvModel):
    """A convolutional denoising autoencoder."""

    family: ClassVar[str] = "conv-denoising-ae"
    title: ClassVar[str] = "Convolutional denoising autoencoder"
    Options: ClassVar[type] = ConvDenoisingOptions


PRESETS = (
    Preset(
        "denoising-ae",
        "Denoising autoencoder",
        "It gets images with strong Gaussian noise (deviation 0.5) and must draw the clean ones.",
        "denoising-ae",
        128,
        {"hidden": (256,), "noise": "gaussian", "level": 0.5},
        TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
        place=130,
    ),
    Preset(
        "conv-denoising",
        "Convolutional denoising",
        "The same task for convolutions, which see a stroke where pixels are noisy.",
        "conv-denoising-ae",
        64,
        {"channels": (32, 64), "noise": "gaussian", "level": 0.5},
        TrainConfig(epochs=5, learning_rate=3e-3, schedule="one-cycle"),
        place=140,
    ),
)
