"""Dense autoencoders and dense variational autoencoders of any layer widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.models import blocks, fields
from aecore.models.declared import LossSource
from aecore.models.losses import LossTerms, squared_error
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.types import ModelSpec, TrainConfig

NO_FLATTEN, CODE_LOSS = "no flattening", "loss on the code"


@dataclass(frozen=True)
class DenseOptions(fields.NetworkOptions):
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
        "What beginners forget: to flatten the example before the first layer, or to compare the "
        "reconstruction, not the code, with the example.",
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
        down = (spec.data.size, *options.hidden)
        up = (spec.latent_dim, *reversed(options.hidden))
        encoder = nn.Sequential(
            nn.Flatten(),
            *blocks.dense_stack(down, options.activation, options.normalisation),
            nn.Linear(down[-1], self.code_size),
        )
        decoder = nn.Sequential(
            *blocks.dense_stack(up, options.activation, options.normalisation),
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

    @classmethod
    def mistakes(cls, options: DenseAEOptions) -> list[str]:
        if options.mistake != CODE_LOSS:
            return []
        return [
            "**The loss was on the code.** The code was compared with the example, so the encoder "
            "learned to copy and the decoder was never trained at all: its weights are those of "
            "the start, and so is its drawing. Compare the decoder's answer with the example."
        ]

    @classmethod
    def expected_band(
        cls, dataset: str, spec: ModelSpec, metric: str
    ) -> tuple[float, float] | None:
        """784-128-k with a sigmoid output and squared error, measured."""
        loss, output = spec.options.get("loss"), spec.options.get("output")
        one_layer = dataset == "mnist" and len(spec.options.get("hidden", ())) == 1
        if not one_layer or metric != "mse" or output == "linear" or loss == "bce":
            return None
        middles = {2: 0.0430, 3: 0.0385, 8: 0.0215, 16: 0.0137, 32: 0.0085}
        middle = middles.get(spec.latent_dim)
        return None if middle is None else (middle * 0.85, middle * 1.2)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        if self.options.mistake == CODE_LOSS:
            return LossTerms(squared_error(self.encode(x).mu, x))
        return super().loss_terms(x, generator)

    def loss_source(self) -> LossSource | None:
        if self.options.mistake != CODE_LOSS:
            return super().loss_source()
        return LossSource(
            whole=(
                "# A mistake on purpose: it is the code that is compared, not the reconstruction.",
                "z = model.encode(x)",
                'return F.mse_loss(z.flatten(1), x.flatten(1), reduction="sum") / len(x)',
            )
        )


class DenseVAE(DenseModel):
    """A dense VAE: reconstruction + KL(q(z|x) || N(0, I)). Kingma and Welling 2014."""

    family: ClassVar[str] = "dense-vae"
    title: ClassVar[str] = "Dense variational autoencoder"
    Options: ClassVar[type] = DenseVAEOptions
    variational: ClassVar[bool] = True

    @classmethod
    def expected_band(
        cls, dataset: str, spec: ModelSpec, metric: str
    ) -> tuple[float, float] | None:
        """784-400-k with cross-entropy, measured."""
        one_layer = dataset == "mnist" and len(spec.options.get("hidden", ())) == 1
        if not one_layer or metric != "nelbo" or spec.options.get("loss") == "mse":
            return None
        bands, k = {2: (148.0, 162.0), 8: (110.0, 120.0)}, spec.latent_dim
        return bands.get(k, (102.0, 112.0) if 16 <= k <= 32 else None)


def _explain_mistake(spec: ModelSpec, options: DenseAEOptions) -> None:
    """Raise ConfigError with the shapes where a mistake cannot even run."""
    shape, size, k = spec.data.shape, spec.data.size, spec.latent_dim
    if options.mistake == NO_FLATTEN and len(shape) > 1:
        width = options.hidden[0] if options.hidden else k
        raise ConfigError(
            f"Without flattening this cannot run: Linear({size}, {width}) multiplies the last size "
            f"of its input, and an example of shape {shape} ends in {shape[-1]}, not {size}. "
            f"Flatten it to {size} values first: choose no mistake."
        )
    if options.mistake == CODE_LOSS and k != size:
        raise ConfigError(
            f"This cannot run: the loss would compare the code, {k} numbers, with the example, "
            f"{size} values. Compare what the decoder gives, which has the example's shape: choose "
            "no mistake."
        )


PRESETS = (
    Preset(
        "fast-start",
        "Fast start",
        "One hidden layer of 128 and a brisk learning rate: on MNIST it passes PCA within a "
        "second.",
        "dense-ae",
        32,
        {"hidden": (128,), "output": "sigmoid"},
        TrainConfig(epochs=3, batch_size=64, learning_rate=3e-3),
        place=10,
        teaches="See training pass PCA within a second.",
    ),
    Preset(
        "first-ae",
        "The first autoencoder",
        "784-128-32 and back, ReLU, linear output: the lesson's first, squeezing each example "
        "into 32 numbers.",
        "dense-ae",
        32,
        {"hidden": (128,), "output": "linear"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        place=20,
        teaches="The lesson's first: a digit squeezed into 32 numbers.",
    ),
    Preset(
        "deep-ae-3",
        "Deep, three numbers",
        "784-128-64-12-3 and back: every example becomes a point in space.",
        "dense-ae",
        3,
        {"hidden": (128, 64, 12), "output": "sigmoid"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        place=30,
        teaches="Every digit becomes a point in space that one can turn.",
    ),
    Preset(
        "deep-ae-32",
        "Deep, thirty-two numbers",
        "784-256-128-64-32 and back: deeper, with a code that is wide enough for detail.",
        "dense-ae",
        32,
        {"hidden": (256, 128, 64), "output": "sigmoid"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        place=40,
        teaches="What depth adds where the code is wide enough.",
    ),
    Preset(
        "vae-plane",
        "VAE on a plane",
        "784-400-2-400-784: a map of all digits in two dimensions, to walk through.",
        "dense-vae",
        2,
        {"hidden": (400,), "loss": "bce"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        place=50,
        teaches="A map of all digits, to walk through.",
    ),
    Preset(
        "vae-textbook",
        "Textbook VAE",
        "784-400-20-400-784: the model of the VAE tutorials, good at inventing digits.",
        "dense-vae",
        20,
        {"hidden": (400,), "loss": "bce"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        place=60,
        teaches="How a model invents digits, from twenty random numbers.",
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
        place=70,
        teaches="Posterior collapse: which latent numbers stay unused.",
    ),
    Preset(
        "beta-vae",
        "Beta-VAE",
        "The KL counts four times, from a soft start: fewer latent numbers stay in use, each "
        "with a task of its own.",
        "dense-vae",
        10,
        {"hidden": (400,), "loss": "bce"},
        TrainConfig(epochs=10, beta=4.0, kl_warmup_epochs=3.0),
        place=190,
        teaches="A heavier KL: fewer latent numbers, each with a task.",
    ),
    Preset(
        "beta-vae-capacity",
        "Beta-VAE with a capacity",
        "The KL is pulled to a figure that grows from 0 to 25 nats: the code fills up slowly.",
        "dense-vae",
        10,
        {"hidden": (400,), "loss": "bce"},
        TrainConfig(epochs=10, beta=20.0, kl_warmup_epochs=8.0, capacity=25.0),
        place=200,
        teaches="A code that fills up slowly, nat by nat.",
    ),
)
