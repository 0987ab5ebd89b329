"""Denoising autoencoders: they see a damaged image and must draw the clean one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from aecore.datasets.corruption import BLOCKS, CORRUPTIONS, blur, corrupt, kept_blocks, uniform
from aecore.errors import ConfigError
from aecore.models import fields
from aecore.models.declared import Constant, Figure, LossSource
from aecore.models.families.conv import ConvModel, ConvOptions
from aecore.models.families.dense import DenseModel, DenseOptions
from aecore.models.losses import LossTerms, squared_error_per_value
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.types import DataSpec, ModelSpec, TrainConfig


@dataclass(frozen=True)
class NoiseOptions(fields.NetworkOptions):
    """The damage that a denoising autoencoder learns to undo."""

    noise: str = fields.choice(
        "gaussian",
        tuple(CORRUPTIONS),
        "Noise",
        "gaussian: added to every value. salt_pepper: some values lowest or highest. mask: some "
        "values gone. blocks: squares of an image gone, or stretches of a signal. blur: its "
        "details gone.",
    )
    level: float = fields.number(
        0.5,
        (0.0, 8.0),
        "Noise level",
        "gaussian: standard deviation. salt_pepper, mask and blocks: share of the values. blur: "
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
            "From damaged examples, against the clean ones: MSE **{}**,",
            "squared error per value",
        ),
        Figure("damaged_mse", "the damaged ones themselves {}.", "squared error per value"),
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

    def loss_source(self) -> LossSource | None:
        level, noise = self.options.level, self.options.noise
        return LossSource(
            constants=(Constant("LEVEL", level, f"of the noise ({noise})"),),
            functions=_damage_source(self.options, self.spec.data),
            seen="damage(x, generator)",
        )

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


def _damage_source(options: NoiseOptions, data: DataSpec) -> tuple[Callable[..., Any] | str, ...]:
    """damage(x, generator) for a script: the one kind of noise that this model undoes."""
    kind, bounded = options.noise, data.bounded
    places = "(len(x), 1, *x.shape[2:])" if len(data.shape) > 1 else "x.shape"
    draw = f"torch.rand({places}, generator=generator, device=x.device)"
    low, high = ("0.0", "1.0") if bounded else ("-3.0", "3.0")
    before: tuple[Callable[..., Any] | str, ...] = ()
    if options.level == 0:
        about, body = "Nothing is damaged.", "return x"
    elif kind == "gaussian":
        about = "Noise of deviation LEVEL" + (", clipped to [0, 1]." if bounded else ".")
        answer = "(x + LEVEL * noise).clamp(0, 1)" if bounded else "x + LEVEL * noise"
        noise = "noise = torch.randn(x.shape, generator=generator, device=x.device)"
        body = f"{noise}\n    return {answer}"
    elif kind == "salt_pepper":
        about = f"A share LEVEL of the values becomes {low} or {high}."
        body = (
            f"draw = {draw}\n    x = torch.where(draw < LEVEL / 2, {low}, x)\n"
            f"    return torch.where((draw >= LEVEL / 2) & (draw < LEVEL), {high}, x)"
        )
    elif kind == "blur":
        about, body = "Blurred; LEVEL is the deviation.", "return blur(x, LEVEL)"
        before = (blur,)
    elif kind == "blocks" and bounded:
        about = "A share LEVEL is covered by squares of zeros."
        body = "return x * kept_blocks(x, LEVEL, generator)"
        side = f"BLOCKS = {BLOCKS}  # a square's side is this share of the example's"
        before = (side, uniform, kept_blocks)
    else:
        about = "A share LEVEL of the values is set to 0."
        body = f"kept = {draw} >= LEVEL\n    return x * kept"
    return (
        *before,
        f"def damage(x: Tensor, generator: torch.Generator | None = None) -> Tensor:\n"
        f'    """{about}"""\n    {body}',
    )


PRESETS = (
    Preset(
        "denoising-ae",
        "Denoising autoencoder",
        "It gets examples with strong Gaussian noise (deviation 0.5) and must draw the clean ones.",
        "denoising-ae",
        128,
        {"hidden": (256,), "noise": "gaussian", "level": 0.5},
        TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
        place=130,
        teaches="Clean digits out of heavy noise.",
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
        teaches="The same noise, for a network that sees strokes.",
    ),
)
