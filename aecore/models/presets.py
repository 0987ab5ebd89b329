"""Named models with the training that suits them; layers adapt to the dataset's shape."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from aecore.errors import UnknownNameError
from aecore.models import family
from aecore.types import DataSpec, ModelSpec, TrainConfig

LEAST_STEPS, MOST_EPOCHS, SMALL_BATCH = 1500, 50, 16


@dataclass(frozen=True)
class Preset:
    """A family, its options, a latent size and a training configuration, with a sentence.

    beside: another preset that is worth training at the same time, to compare.
    """

    name: str
    title: str
    about: str
    family: str
    latent_dim: int
    options: dict[str, Any] = field(default_factory=dict)
    config: TrainConfig = field(default_factory=TrainConfig)
    beside: str = ""

    def fits(self, data: DataSpec) -> bool:
        """Whether these data can be given to this model at all."""
        convolutional, conditional = self.family.startswith("conv"), "conditional" in self.family
        return not (convolutional and data.kind != "image") and (
            not conditional or data.classes > 1
        )

    def spec(self, data: DataSpec, latent_dim: int | None = None) -> ModelSpec:
        """The preset's model for this data, with another latent size if given.

        Layers adapt: fewer convolutions for small images, a linear output and squared error for
        values that are not in [0, 1], and at most half as many latent numbers as an example has
        values, else nothing would be a bottleneck, but where the code is meant to be larger.
        """
        options = dict(self.options)
        if "channels" in options:
            halvings = max(1, math.ceil(math.log2(min(data.shape[-2:]))) - 2)
            options["channels"] = options["channels"][:halvings]
        if not data.bounded:
            known = {f.name for f in dataclasses.fields(family(self.family).Options)}
            options |= {k: v for k, v in (("output", "linear"), ("loss", "mse")) if k in known}
        half = max(1, data.size // 2)
        k = self.latent_dim if self.family == "sparse-ae" else min(self.latent_dim, half)
        return ModelSpec(self.family, data, latent_dim or k, options)

    def training(self, examples: int) -> TrainConfig:
        """The preset's training for so many examples.

        Few of them make few steps an epoch, and a network learns by steps: then the batches are
        smaller and the epochs more, until there are LEAST_STEPS; but no more than MOST_EPOCHS,
        after which very few examples are remembered rather than learnt from.
        """
        if family(self.family).closed_form:
            return self.config
        several = 2 ** int(math.log2(max(1, examples / 32)))  # at least 32 batches an epoch
        batch_size = min(self.config.batch_size, max(SMALL_BATCH, several))
        epochs = math.ceil(LEAST_STEPS / math.ceil(max(1, examples) / batch_size))
        return dataclasses.replace(
            self.config,
            batch_size=batch_size,
            epochs=max(self.config.epochs, min(epochs, MOST_EPOCHS)),
        )


_VAE = {"hidden": (400,), "loss": "bce"}

PRESETS = {
    p.name: p
    for p in (
        Preset(
            "fast-start",
            "Fast start",
            "One hidden layer of 128 and a brisk learning rate: on MNIST it passes PCA within a "
            "second.",
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
            "linear-ae",
            "Linear autoencoder",
            "784-32-784 without any curve: it arrives at PCA's error and at PCA's subspace.",
            "linear-ae",
            32,
            {"weights": "untied"},
            TrainConfig(epochs=8, learning_rate=4e-3, schedule="one-cycle"),
        ),
        Preset(
            "linear-tied",
            "Linear autoencoder, tied weights",
            "The decoder is the encoder's transpose, as in PCA: half the weights, same error.",
            "linear-ae",
            32,
            {"weights": "tied"},
            TrainConfig(epochs=5, learning_rate=2e-3, schedule="one-cycle"),
        ),
        Preset(
            "conv-ae",
            "Convolutional autoencoder",
            "Convolutions halve the image twice (16 and 32 maps) before 16 numbers: neighbouring "
            "pixels belong together, and this network knows it.",
            "conv-ae",
            16,
            {"channels": (16, 32)},
            TrainConfig(epochs=5, learning_rate=1e-2, schedule="one-cycle"),
        ),
        Preset(
            "conv-vae",
            "Convolutional VAE",
            "Convolutions with a Gaussian code of 16 numbers.",
            "conv-vae",
            16,
            {"channels": (16, 32)},
            TrainConfig(epochs=5, learning_rate=3e-3, schedule="one-cycle"),
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
        ),
        Preset(
            "denoising-ae",
            "Denoising autoencoder",
            "It gets images with strong Gaussian noise (deviation 0.5) and must draw the clean "
            "ones.",
            "denoising-ae",
            128,
            {"hidden": (256,), "noise": "gaussian", "level": 0.5},
            TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
        ),
        Preset(
            "conv-denoising",
            "Convolutional denoising",
            "The same task for convolutions, which see a stroke where pixels are noisy.",
            "conv-denoising-ae",
            64,
            {"channels": (32, 64), "noise": "gaussian", "level": 0.5},
            TrainConfig(epochs=5, learning_rate=3e-3, schedule="one-cycle"),
        ),
        Preset(
            "k-sparse",
            "Sparse: 25 of 256 units",
            "256 code units of which only the 25 strongest stay on for an image.",
            "sparse-ae",
            256,
            {"penalty": "k-sparse", "active": 25, "hidden": (512,)},
            TrainConfig(epochs=8, learning_rate=3e-3, schedule="one-cycle"),
        ),
        Preset(
            "sparse-l1",
            "Sparse: every activation costs",
            "256 code units and a price on each activation (L1): few fire, and strokes appear.",
            "sparse-ae",
            256,
            {"penalty": "l1", "strength": 0.1},
            TrainConfig(epochs=5, learning_rate=1e-3),
        ),
        Preset(
            "sparse-kl",
            "Sparse: a target activation",
            "256 sigmoid units, each pulled to fire for one image in twenty (KL).",
            "sparse-ae",
            256,
            {"penalty": "kl", "strength": 1.0, "target": 0.05},
            TrainConfig(epochs=5, learning_rate=1e-3),
        ),
        Preset(
            "contractive",
            "Contractive autoencoder",
            "A price on how much the code moves when the image does: its Jacobian.",
            "contractive-ae",
            32,
            {"hidden": (128,), "strength": 0.01},
            TrainConfig(epochs=5, learning_rate=2e-3),
        ),
        Preset(
            "beta-vae",
            "Beta-VAE",
            "The KL counts four times, from a soft start: fewer latent numbers stay in use, each "
            "with a task of its own.",
            "dense-vae",
            10,
            dict(_VAE),
            TrainConfig(epochs=10, beta=4.0, kl_warmup_epochs=3.0),
        ),
        Preset(
            "beta-vae-capacity",
            "Beta-VAE with a capacity",
            "The KL is pulled to a figure that grows from 0 to 25 nats: the code fills up slowly.",
            "dense-vae",
            10,
            dict(_VAE),
            TrainConfig(epochs=10, beta=20.0, kl_warmup_epochs=8.0, capacity=25.0),
        ),
        Preset(
            "conditional-vae",
            "Conditional VAE",
            "The decoder is told the digit; two latent numbers are left for the style, the same "
            "for all ten.",
            "conditional-vae",
            2,
            {"hidden": (400, 400), "loss": "bce"},
            TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
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
        ),
        Preset(
            "stacked",
            "Stacked, layer by layer",
            "784-256-128-64-32: four epochs in which each layer learns alone, then all together.",
            "stacked-ae",
            32,
            {"hidden": (256, 128, 64), "pretrain_epochs": 1, "activation": "sigmoid"},
            TrainConfig(epochs=10, learning_rate=1e-3),
            beside="stacked-random",
        ),
        Preset(
            "stacked-random",
            "The stack from random weights",
            "The same network without pretraining, to see what that gains.",
            "stacked-ae",
            32,
            {"hidden": (256, 128, 64), "pretrain_epochs": 0, "activation": "sigmoid"},
            TrainConfig(epochs=10, learning_rate=1e-3),
            beside="stacked",
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
