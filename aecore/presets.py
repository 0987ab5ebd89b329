"""Named models with the training that suits them; layers adapt to the dataset's shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aecore.errors import UnknownNameError
from aecore.types import DataSpec, ModelSpec, TrainConfig


@dataclass(frozen=True)
class Preset:
    """A family, its options, a latent size and a training configuration, with a sentence."""

    name: str
    title: str
    about: str
    family: str
    latent_dim: int
    options: dict[str, Any] = field(default_factory=dict)
    config: TrainConfig = field(default_factory=TrainConfig)

    def spec(self, data: DataSpec, latent_dim: int | None = None) -> ModelSpec:
        """The preset's model for this data, with another latent size if given."""
        return ModelSpec(self.family, data, latent_dim or self.latent_dim, dict(self.options))


_VAE = {"hidden": (400,), "loss": "bce"}

PRESETS = {
    p.name: p
    for p in (
        Preset(
            "fast-start",
            "Fast start",
            "One hidden layer of 128 and a brisk learning rate: it passes PCA within seconds.",
            "dense-ae",
            32,
            {"hidden": (128,), "output": "sigmoid"},
            TrainConfig(epochs=3, batch_size=64, learning_rate=3e-3),
        ),
        Preset(
            "first-ae",
            "The first autoencoder",
            "784-128-32 and back, ReLU, linear output: the lesson's first, squeezing each digit "
            "into 32 numbers.",
            "dense-ae",
            32,
            {"hidden": (128,), "output": "linear"},
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "deep-ae-3",
            "Deep, three numbers",
            "784-128-64-12-3 and back: every digit becomes a point in space.",
            "dense-ae",
            3,
            {"hidden": (128, 64, 12), "output": "sigmoid"},
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "deep-ae-32",
            "Deep, thirty-two numbers",
            "784-256-128-64-32 and back: deeper, with a code that is wide enough for detail.",
            "dense-ae",
            32,
            {"hidden": (256, 128, 64), "output": "sigmoid"},
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "vae-plane",
            "VAE on a plane",
            "784-400-2-400-784: a map of all digits in two dimensions, to walk through.",
            "dense-vae",
            2,
            dict(_VAE),
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "vae-textbook",
            "Textbook VAE",
            "784-400-20-400-784: the model of the VAE tutorials, good at inventing digits.",
            "dense-vae",
            20,
            dict(_VAE),
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "vae-32",
            "VAE, thirty-two numbers",
            "784-256-128 with mean and log-variance of 32: some dimensions stay unused, and one "
            "can see which.",
            "dense-vae",
            32,
            {"hidden": (256, 128), "loss": "bce"},
            TrainConfig(epochs=10, learning_rate=1e-3),
        ),
        Preset(
            "pca",
            "PCA baseline",
            "No training at all: the best that a linear code of this size can do.",
            "pca",
            32,
        ),
    )
}


def preset(name: str) -> Preset:
    """Return the preset called `name`, or raise UnknownNameError."""
    if name not in PRESETS:
        raise UnknownNameError("preset", name, list(PRESETS))
    return PRESETS[name]
