"""The one interface that every model has, PCA included."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from aecore.datasets import Dataset
from aecore.models.declared import Figure, LossSource
from aecore.models.losses import LossTerms
from aecore.models.posterior import Posterior
from aecore.types import DataSpec, ModelSpec

#: What is said of a model that came without an encoder, wherever its codes of examples are shown.
ENCODER_MADE_HERE = (
    "Its file holds a decoder alone. The encoder was made here, by regression on what the decoder "
    "draws: it finds a code near an example, and says nothing about the model."
)


class LatentModel(nn.Module, ABC):
    """A model with a latent code. x: (B, *shape) in [0, 1]; z: (B, latent_dim).

    A family is a file that subclasses this, says what it is in the class variables and builds its
    layers in __init__(spec, options). Layers are made without values; `initialise` gives them.
    Everything that other parts of the project ask about a family is said here: none of them knows
    a family by its name.
    """

    family: ClassVar[str]
    title: ClassVar[str]
    Options: ClassVar[type]
    variational: ClassVar[bool] = False
    closed_form: ClassVar[bool] = False  # fitted by `fit`, not by gradient steps
    stochastic: ClassVar[bool] = False  # its loss draws random numbers though it has no posterior
    conditional: ClassVar[bool] = False  # its decoder is told the label
    encodes: ClassVar[bool] = True  # its encoder came with it; one made here does not judge it
    needs_images: ClassVar[bool] = False  # it can be given nothing else
    denoises: ClassVar[bool] = False  # its encoder sees `damage`d examples in training
    wide_code: ClassVar[bool] = False  # its code is meant to be larger than the data
    linear: ClassVar[bool] = False  # both halves are, so PCA is the best that it can be
    from_outside: ClassVar[bool] = False  # layers read from somebody's file, not chosen in a form
    figures: ClassVar[tuple[Figure, ...]] = ()  # what `extra_metrics` measures
    inside: ClassVar[tuple[str, ...]] = ()  # its views on the page Inside, see pages/look

    def __init__(self, spec: ModelSpec, options: Any):
        super().__init__()
        self.spec = spec
        self.options = options

    @abstractmethod
    def encoder_network(self) -> nn.Sequential:
        """x -> z, (B, latent_dim); for a variational model mu then logvar, (B, 2 latent_dim)."""

    @abstractmethod
    def decoder_network(self) -> nn.Sequential:
        """z -> x_hat, (B, *shape), the output activation included."""

    @abstractmethod
    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        """Loss terms of a batch; a variational model draws one z per example from generator.

        labels: (B,) int64, which only a conditional model needs.
        """

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Give every weight its first value, drawn from generator only."""

    @property
    def reconstruction_unit(self) -> str:
        """Unit of LossTerms.reconstruction, per example."""
        return "squared error"

    @property
    def outputs_data(self) -> bool:
        """Whether what `decode` gives is in the data's own units, as it should be."""
        return True

    @classmethod
    def fits(cls, data: DataSpec) -> bool:
        """Whether these data can be given to such a model at all."""
        # A strip one pixel high has no neighbourhood to look at, nor anything to halve.
        whole = data.kind == "image" and len(data.shape) == 3 and min(data.shape[1:]) > 1
        return (whole or not cls.needs_images) and (data.classes > 1 or not cls.conditional)

    @classmethod
    def mistakes(cls, options: Any) -> list[str]:
        """What these options must do to a run, in words for whoever wonders at its figures."""
        return []

    @classmethod
    def expected_band(
        cls, dataset: str, spec: ModelSpec, metric: str
    ) -> tuple[float, float] | None:
        """The band of a held-out figure ("mse", "nelbo") after 5 to 15 epochs, where measured."""
        return None

    def loss_source(self) -> LossSource | None:
        """The loss as a script says it; None where nobody has written it, which the script says."""
        return None

    @classmethod
    def says_its_loss(cls) -> bool:
        """Whether `loss_source` is written for this very loss: a class that changes `loss_terms`
        and inherits the source would export another loss than it trains on."""
        first = next(c for c in cls.__mro__ if {"loss_source", "loss_terms"} & vars(c).keys())
        return "loss_source" in vars(first)

    def damage(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """x as the encoder gets to see it in training, of x's shape: damaged if it denoises."""
        return x

    @property
    def damage_in_words(self) -> str:
        """What `damage` does: 'gaussian, level 0.5'; empty where it does nothing."""
        return ""

    def given(self, label: int) -> LatentModel:
        """This model with a label said for good: itself where it is not told one."""
        return self

    def fit(self, data: Dataset) -> None:
        """Fit a closed-form model to the training examples; the others are trained by steps."""

    def firing(self, code: Tensor) -> Tensor:
        """Which units of a code are on: (B, k) -> (B, k) bool; any but 0, unless a family knows
        better."""
        return code != 0

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch of training, counted from 0; some families change by then."""

    def extra_metrics(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Held-out figures of the family's own, a value for each example: name -> (B,)."""
        return {}

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Posterior:
        """What the encoder says about z for each x: (B, *shape) -> Posterior of (B, latent_dim).

        labels: (B,) int64, for a conditional model, None for no label said.
        """
        out = self.encoder_network()(x)
        if self.variational:
            return Posterior(*out.chunk(2, dim=1))
        return Posterior(out)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """x_hat for each z: (B, latent_dim) -> (B, *shape); labels (B,) if it is conditional."""
        return self.decoder_network()(z)

    def reconstruct(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """decode(mean of q(z|x)), (B, *shape)."""
        return self.decode(self.encode(x, labels).mu, labels)

    def sample_prior(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws from N(0, I), (n, latent_dim), on the generator's device."""
        return torch.randn(n, self.spec.latent_dim, generator=generator, device=generator.device)

    def parameter_count(self) -> int:
        """Numbers that training can change."""
        return sum(p.numel() for p in self.parameters())
