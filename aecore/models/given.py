"""A conditional model with one label said for good: a model of z alone, of the same weights."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from aecore.models.base import LatentModel
from aecore.models.fields import NetworkOptions
from aecore.models.losses import LossTerms
from aecore.types import ModelSpec


class Conditional(Protocol):
    """What a conditional model has beside what every model has: networks of one label."""

    training: bool
    spec: ModelSpec

    def encoder_network(self, label: int | None = None) -> nn.Sequential:
        """x -> z for one label, as LatentModel's; None for no label said."""
        ...

    def decoder_network(self, label: int | None = None) -> nn.Sequential:
        """z -> x_hat for one label; None for no label said."""
        ...


class GivenLabel(LatentModel):
    """A conditional model with one label said for good."""

    title: ClassVar[str] = "Conditional model, told one label"
    Options: ClassVar[type] = NetworkOptions

    def __init__(self, model: LatentModel, networks: Conditional, label: int):
        super().__init__(model.spec, model.options)
        self.model, self.label = model, label
        self.networks = (networks,)  # the model again, in a tuple: it is a part of this one once
        self.train(model.training)

    def encoder_network(self) -> nn.Sequential:
        return self.networks[0].encoder_network(self.label)

    def decoder_network(self) -> nn.Sequential:
        return self.networks[0].decoder_network(self.label)

    @property
    def reconstruction_unit(self) -> str:
        return self.model.reconstruction_unit

    @property
    def outputs_data(self) -> bool:
        return self.model.outputs_data

    def initialise(self, generator: torch.Generator) -> None:
        self.model.initialise(generator)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        """The model's own, each example having this label."""
        return self.model.loss_terms(x, generator, torch.full((len(x),), self.label))


class GivenLabelVAE(GivenLabel):
    """The same of a variational model."""

    variational: ClassVar[bool] = True
