"""The linear autoencoder: the bridge from gradient descent to PCA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from torch import nn

from aecore.models import fields
from aecore.models.layers.kinds.linear import TransposedLinear
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.types import TrainConfig


@dataclass(frozen=True)
class LinearOptions(fields.NetworkOptions):
    """Choices of a linear autoencoder."""

    weights: str = fields.choice(
        "untied",
        ("untied", "tied"),
        "Decoder weights",
        "tied: the decoder uses the encoder's own weights, transposed, as PCA does.",
    )
    output: str = fields.output("linear")
    init: str = fields.init()


class LinearAE(NetworkModel):
    """x_hat = W2 (W1 x + b1) + b2: at its best it spans PCA's subspace (Baldi and Hornik 1989)."""

    family: ClassVar[str] = "linear-ae"
    title: ClassVar[str] = "Linear autoencoder"
    Options: ClassVar[type] = LinearOptions
    linear: ClassVar[bool] = True
    inside: ClassVar[tuple[str, ...]] = ("angles",)

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        size, k = self.spec.data.size, self.spec.latent_dim
        down = nn.Linear(size, k)
        tied = self.options.weights == "tied"
        up: nn.Module = TransposedLinear(down) if tied else nn.Linear(k, size)
        return (
            nn.Sequential(nn.Flatten(), down),
            nn.Sequential(up, nn.Unflatten(1, self.spec.data.shape)),
        )

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        if self.options.weights == "tied":
            nn.init.zeros_(cast(TransposedLinear, self.decoder[0]).bias)


def principal_angles(decoder_weight: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Angles between what a linear decoder can draw and PCA's subspace, in degrees, (k,).

    decoder_weight: (D, k); components: (k, D) orthonormal rows. Bjoerck and Golub 1973 (SciPy's).
    All 0: the same subspace; 90: a direction that PCA does not have.
    """
    from scipy.linalg import subspace_angles

    return np.degrees(subspace_angles(decoder_weight.astype(float), components.T.astype(float)))


PRESETS = (
    Preset(
        "linear-ae",
        "Linear autoencoder",
        "784-32-784 without any curve: it arrives at PCA's error and at PCA's subspace.",
        "linear-ae",
        32,
        {"weights": "untied"},
        TrainConfig(epochs=8, learning_rate=4e-3, schedule="one-cycle"),
        place=80,
        teaches="Without curves, an autoencoder is PCA.",
    ),
    Preset(
        "linear-tied",
        "Linear autoencoder, tied weights",
        "The decoder is the encoder's transpose, as in PCA: half the weights, same error.",
        "linear-ae",
        32,
        {"weights": "tied"},
        TrainConfig(epochs=5, learning_rate=2e-3, schedule="one-cycle"),
        place=90,
        teaches="Half the weights, the same error: PCA's own form.",
    ),
)
