"""Principal component analysis as a model of the same interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Dataset
from aecore.errors import ConfigError
from aecore.models.base import LatentModel
from aecore.models.bases import basis_of, is_ready
from aecore.models.losses import LossTerms, squared_error
from aecore.models.presets import Preset
from aecore.models.principal import PCABasis, fit_basis
from aecore.types import ModelSpec

__all__ = ["PRESETS", "PCABasis", "PCAModel", "basis_of", "fit_basis", "is_ready"]


@dataclass(frozen=True)
class PCAOptions:
    """PCA has no options: k components, unclipped reconstruction."""


class PCAModel(LatentModel):
    """PCA: the best linear encoder and decoder for squared error (Pearson 1901)."""

    family: ClassVar[str] = "pca"
    title: ClassVar[str] = "PCA (principal component analysis)"
    Options: ClassVar[type] = PCAOptions
    closed_form: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    inside: ClassVar[tuple[str, ...]] = ("angles",)
    explained_variance_ratio: Tensor

    def __init__(self, spec: ModelSpec, options: PCAOptions):
        super().__init__(spec, options)
        if spec.latent_dim > spec.data.size:
            raise ConfigError(
                f"PCA of {spec.data.size} values has at most {spec.data.size} components; "
                f"latent_dim was {spec.latent_dim}."
            )
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(spec.data.size, spec.latent_dim))
        self.decoder = nn.Sequential(
            nn.Linear(spec.latent_dim, spec.data.size), nn.Unflatten(1, spec.data.shape)
        )
        self.register_buffer("explained_variance_ratio", torch.zeros(spec.latent_dim))
        self.requires_grad_(False)

    def encoder_network(self) -> nn.Sequential:
        return self.encoder

    def decoder_network(self) -> nn.Sequential:
        return self.decoder

    def initialise(self, generator: torch.Generator) -> None:
        """Start as the projection onto the first values; `fit` replaces it."""
        eye = torch.eye(self.spec.latent_dim, self.spec.data.size)
        self._set(torch.zeros(self.spec.data.size), eye, torch.zeros(self.spec.latent_dim))

    def fit(self, data: Dataset) -> None:
        """Take the first latent_dim components of data.train. Raises ConfigError if too few."""
        k = self.spec.latent_dim
        basis = basis_of(data, k)
        if k > len(basis.components):
            raise ConfigError(
                f"{len(data.train)} training examples give at most {len(basis.components)} "
                f"components; latent_dim was {k}."
            )
        ratio = torch.from_numpy(basis.explained_variance_ratio[:k].astype(np.float32))
        self._set(torch.from_numpy(basis.mean), torch.from_numpy(basis.components[:k]), ratio)

    def _set(self, mean: Tensor, components: Tensor, ratio: Tensor) -> None:
        # One linear layer each way: weight, then bias.
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        values = [components, -components @ mean, components.T, mean]
        with torch.no_grad():
            for weight, value in zip(weights, values, strict=True):
                weight.copy_(value)
            self.explained_variance_ratio.copy_(ratio)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        return LossTerms(squared_error(self.reconstruct(x), x))


PRESETS = (
    Preset(
        "pca",
        "PCA baseline",
        "No training at all: the best that a linear code of this size can do.",
        "pca",
        32,
        place=10000,
        teaches="The bar to pass: the best linear code.",
    ),
)
