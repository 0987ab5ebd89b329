"""Convolutional autoencoders and VAEs, from 8 x 8 grey to 256 x 256 in colour."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from aecore.errors import ConfigError
from aecore.models import blocks, fields
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.models.transposed import ConvTranspose2d
from aecore.types import TrainConfig


@dataclass(frozen=True)
class ConvOptions(fields.NetworkOptions):
    """Choices of a convolutional model; each channel number is a layer that halves the image."""

    channels: tuple[int, ...] = fields.channels((16, 32))
    hidden: tuple[int, ...] = fields.widths(
        (),
        "Dense widths",
        "Widths of dense layers between the feature maps and the code. May be empty.",
    )
    enlarging: str = fields.choice(
        "transposed",
        ("transposed", "upsampling"),
        "Decoder",
        "transposed: convolutions with stride 2, backwards. upsampling: repeat pixels, then "
        "convolve, which leaves no checkerboard.",
    )
    activation: str = fields.activation()
    output: str = fields.output()
    loss: str = fields.loss()
    init: str = fields.init()
    normalisation: str = fields.normalisation("none", ("none", "batch"))


@dataclass(frozen=True)
class ConvVAEOptions(ConvOptions):
    """Choices of a convolutional VAE: as ConvOptions, with cross-entropy by default."""

    loss: str = fields.loss("bce")
    independence: float = fields.independence()


class ConvModel(NetworkModel):
    """Strided convolutions down to the code and back."""

    needs_images: ClassVar[bool] = True

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        spec, options = self.spec, self.options
        sizes = self._sizes()
        activation, batch = options.activation, options.normalisation == "batch"
        channels = (spec.data.shape[0], *options.channels)

        def after(n: int) -> list[nn.Module]:
            norm = [nn.BatchNorm2d(n)] if batch else []
            return [*norm, blocks.ACTIVATIONS[activation]()]

        down: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(channels):
            down += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), *after(n_out)]
        flat = channels[-1] * sizes[-1][0] * sizes[-1][1]
        dense = (flat, *options.hidden)
        norm = "batch" if batch else "none"
        encoder = nn.Sequential(
            *down,
            nn.Flatten(),
            *blocks.dense_stack(dense, activation, norm),
            nn.Linear(dense[-1], self.code_size),
        )
        up: list[nn.Module] = []
        widths = list(reversed(channels))
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            small, large = sizes[-1 - i], sizes[-2 - i]
            up += self._enlarge(n_in, n_out, small, large)
            if i < len(widths) - 2:
                up += after(n_out)
        back = (spec.latent_dim, *reversed(dense))
        decoder = nn.Sequential(
            *blocks.dense_stack(back, activation, norm),
            nn.Unflatten(1, (channels[-1], *sizes[-1])),
            *up,
        )
        return encoder, decoder

    def _enlarge(
        self, n_in: int, n_out: int, small: tuple[int, int], large: tuple[int, int]
    ) -> list[nn.Module]:
        if self.options.enlarging == "upsampling":
            return [nn.Upsample(size=large), nn.Conv2d(n_in, n_out, 3, padding=1)]
        # A convolution with stride 2 rounds odd sizes up; the extra row brings even ones back.
        extra = (large[0] - (2 * small[0] - 1), large[1] - (2 * small[1] - 1))
        return [ConvTranspose2d(n_in, n_out, 3, stride=2, padding=1, output_padding=extra)]

    def _sizes(self) -> list[tuple[int, int]]:
        """Height and width before, between and after the convolutions."""
        shape, channels = self.spec.data.shape, self.options.channels
        if self.spec.data.kind != "image" or len(shape) != 3:
            raise ConfigError(
                f"Convolutions need images (channels, height, width); these data have shape "
                f"{shape}: choose a dense model."
            )
        if not channels:
            raise ConfigError(
                "A convolutional model needs at least one number of channels, like 16, 32."
            )
        sizes = [(shape[1], shape[2])]
        for _ in channels:
            if min(sizes[-1]) < 2:
                raise ConfigError(
                    f"{len(channels)} convolutions cannot halve an image of {shape[1]} x "
                    f"{shape[2]} pixels that often: give at most {len(sizes) - 1} channel numbers."
                )
            height, width = sizes[-1]
            sizes.append((-(-height // 2), -(-width // 2)))
        return sizes


class ConvAE(ConvModel):
    """A convolutional autoencoder (Masci et al. 2011, with strides in place of pooling)."""

    family: ClassVar[str] = "conv-ae"
    title: ClassVar[str] = "Convolutional autoencoder"
    Options: ClassVar[type] = ConvOptions


class ConvVAE(ConvModel):
    """A convolutional VAE."""

    family: ClassVar[str] = "conv-vae"
    title: ClassVar[str] = "Convolutional variational autoencoder"
    Options: ClassVar[type] = ConvVAEOptions
    variational: ClassVar[bool] = True


PRESETS = (
    Preset(
        "conv-ae",
        "Convolutional autoencoder",
        "Convolutions halve the image twice (16 and 32 maps) before 16 numbers: neighbouring "
        "pixels belong together, and this network knows it.",
        "conv-ae",
        16,
        {"channels": (16, 32)},
        TrainConfig(epochs=5, learning_rate=1e-2, schedule="one-cycle"),
        place=100,
        teaches="Neighbouring pixels belong together; what that saves.",
    ),
    Preset(
        "conv-vae",
        "Convolutional VAE",
        "Convolutions with a Gaussian code of 16 numbers.",
        "conv-vae",
        16,
        {"channels": (16, 32)},
        TrainConfig(epochs=5, learning_rate=3e-3, schedule="one-cycle"),
        place=110,
        teaches="Convolutions and a prior: smoother inventions.",
    ),
    Preset(
        "picture-128",
        "A picture as 128 numbers",
        "Five halvings bring a 256 x 256 colour picture, 196,608 values, down to 128 numbers; "
        "smaller pictures take fewer.",
        "conv-ae",
        128,
        {"channels": (16, 32, 64, 128, 128)},
        TrainConfig(epochs=20, batch_size=32, learning_rate=1e-3, schedule="one-cycle"),
        place=120,
        teaches="How far a large colour picture can be squeezed.",
    ),
    Preset(
        "shapes-vae",
        "VAE that finds causes",
        "Convolutions, six latent numbers and a price on what they tell about each other: one "
        "finds the position across, one the position down. Made for the generated shapes.",
        "conv-vae",
        6,
        {"channels": (32, 32, 64), "hidden": (128,), "independence": 30.0},
        TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
        place=220,
        teaches="Latent numbers that find the true causes.",
    ),
)
