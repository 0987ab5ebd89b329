"""Stacked autoencoders: trained one layer at a time, then all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.models import fields
from aecore.models.declared import Constant, LossSource
from aecore.models.families.dense import DenseModel
from aecore.models.losses import LossTerms, squared_error
from aecore.models.presets import Preset
from aecore.types import ModelSpec, TrainConfig

#: The loss in a script, which knows no phase: its loop says which layer learns.
ONE_LAYER = (
    "if layer is None:",
    "    x_hat = model(x)",
    '    return F.mse_loss(x_hat, x, reduction="sum") / len(x)',
    "# One layer brings back what the layers before it give; its mirror image decodes.",
    "start, mirror = 1 + 2 * layer, 2 * (DEPTH - 1 - layer)",
    "with torch.no_grad():",
    "    below = model.encoder[:start](x)",
    "code = model.encoder[start : start + 2](below)",
    "if layer == 0:",
    '    return F.mse_loss(model.decoder[mirror:](code), x, reduction="sum") / len(x)',
    "x_hat = model.decoder[mirror : mirror + 2](code)",
    'return F.mse_loss(x_hat, below, reduction="sum") / len(x)',
)


@dataclass(frozen=True)
class StackedOptions(fields.NetworkOptions):
    """Choices of a stacked autoencoder."""

    hidden: tuple[int, ...] = fields.hidden((256, 128, 64))
    pretrain_epochs: int = fields.number(
        1,
        (0, 1000),
        "Pretraining epochs a layer",
        "First each layer learns alone to bring back what the layers before it give; then all are "
        "tuned together. 0: from random weights at once.",
    )
    activation: str = fields.activation("sigmoid")
    output: str = fields.output()
    init: str = fields.init()


class StackedAE(DenseModel):
    """Greedy layer-wise pretraining, then fine-tuning (Bengio et al. 2007; Hinton 2006).

    Epochs count both: with 4 layers and 1 pretraining epoch each, the fifth is the first of the
    fine-tuning.
    """

    family: ClassVar[str] = "stacked-ae"
    title: ClassVar[str] = "Stacked autoencoder"
    Options: ClassVar[type] = StackedOptions

    def __init__(self, spec: ModelSpec, options: StackedOptions):
        super().__init__(spec, options)
        self.phase: int | None = None  # the layer that learns alone; None: all do

    @property
    def depth(self) -> int:
        """Layers of the encoder, and of the decoder."""
        return len(self.options.hidden) + 1

    def begin_epoch(self, epoch: int) -> None:
        each = self.options.pretrain_epochs
        self.phase = epoch // each if each and epoch < each * self.depth else None

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        if self.phase is None:
            return super().loss_terms(x, generator)
        # Flatten, then (Linear, curve) for each hidden layer, then the Linear of the code; the
        # decoder is its mirror image.
        start = 1 + 2 * self.phase
        with torch.no_grad():
            below = self.encoder[:start](x)
        code = self.encoder[start : start + 2](below)
        place = 2 * (self.depth - 1 - self.phase)
        last = self.phase == 0
        up: nn.Sequential = self.decoder[place:] if last else self.decoder[place : place + 2]
        x_hat = self.output(up(code)) if last else up(code)
        return LossTerms(squared_error(x_hat, x if last else below))

    def loss_source(self) -> LossSource | None:
        if not self.options.pretrain_epochs:
            return LossSource()
        return LossSource(
            constants=(
                Constant("PRETRAIN_EPOCHS", self.options.pretrain_epochs, "of each layer alone"),
                Constant("DEPTH", self.depth, "layers of the encoder"),
            ),
            whole=ONE_LAYER,
            about="; `layer` learns alone, or all do",
            argument="layer: int | None = None",
            passed="layer",
            each_epoch=(
                "alone = epoch // PRETRAIN_EPOCHS",
                "layer = alone if alone < DEPTH else None",
            ),
        )


PRESETS = (
    Preset(
        "stacked",
        "Stacked, layer by layer",
        "784-256-128-64-32: four epochs in which each layer learns alone, then all together.",
        "stacked-ae",
        32,
        {"hidden": (256, 128, 64), "pretrain_epochs": 1, "activation": "sigmoid"},
        TrainConfig(epochs=10, learning_rate=1e-3),
        beside="stacked-random",
        place=230,
        teaches="Each layer learns alone, then all together.",
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
        place=240,
        teaches="What is lost without learning layer by layer.",
    ),
)
