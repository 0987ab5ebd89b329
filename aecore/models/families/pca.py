"""Principal component analysis as a model of the same interface, fitted by scikit-learn."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from aecore import places
from aecore.datasets import Dataset
from aecore.errors import ConfigError
from aecore.models.base import LatentModel
from aecore.models.losses import LossTerms, squared_error
from aecore.models.presets import Preset
from aecore.types import ModelSpec
from aecore.writing import write_whole


@dataclass(frozen=True)
class PCAOptions:
    """PCA has no options: k components, unclipped reconstruction."""


@dataclass(frozen=True)
class PCABasis:
    """All components of a training split, and how well any number of them does.

    mean (D,), components (n, D) float32, most variance first; explained_variance_ratio (n,).
    test_mse (n + 1,): held-out squared error per value with the first k components, unclipped;
    entry 0 is the mean image alone.
    """

    mean: np.ndarray
    components: np.ndarray
    explained_variance_ratio: np.ndarray
    test_mse: np.ndarray

    def encode(self, x: np.ndarray, k: int) -> np.ndarray:
        """Scores on the first k components: (B, D) -> (B, k)."""
        return (x - self.mean) @ self.components[:k].T

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Unclipped reconstruction from scores: (B, k) -> (B, D)."""
        return scores @ self.components[: scores.shape[1]] + self.mean

    def reconstruct(self, x: np.ndarray, k: int) -> np.ndarray:
        """Unclipped reconstruction at k: (B, D) -> (B, D). k above the rank uses all."""
        return self.decode(self.encode(x, k))

    def mse(self, k: int) -> float:
        """Held-out squared error per value at k, unclipped."""
        return float(self.test_mse[min(k, len(self.test_mse) - 1)])


CACHE_FORMAT = 1
_lock = threading.Lock()
_bases: dict[tuple[str, int], PCABasis] = {}


def basis_of(data: Dataset) -> PCABasis:
    """The PCA basis of data.train, fitted once a process and training size (about a second)."""
    key = (data.name, len(data.train))
    with _lock:
        if key not in _bases:
            _bases[key] = _from_cache(data) or _into_cache(data, fit_basis(data))
        return _bases[key]


def cache_file(data: Dataset) -> Path:
    """Where the basis of these very training images is kept between starts.

    Every process needs it, and importing scikit-learn and fitting takes it two seconds. The name
    holds the data's fingerprint and number, so other data never meet this file.
    """
    name = f"pca-{CACHE_FORMAT}-{data.name}-{data.fingerprint}-{len(data.train)}.npz"
    return places.cache() / name


def _from_cache(data: Dataset) -> PCABasis | None:
    try:
        with np.load(cache_file(data), allow_pickle=False) as kept:
            basis = PCABasis(**{f.name: kept[f.name] for f in dataclasses.fields(PCABasis)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    n, size = len(basis.explained_variance_ratio), data.spec.size
    whole = basis.components.shape == (n, size) and basis.mean.shape == (size,)
    return basis if whole and basis.test_mse.shape == (n + 1,) else None


def _into_cache(data: Dataset, basis: PCABasis) -> PCABasis:
    path = cache_file(data)
    # A cache that cannot be written costs time at the next start, nothing else.
    with contextlib.suppress(OSError):
        write_whole(path, lambda file: np.savez(file, **dataclasses.asdict(basis)), synced=False)
    return basis


def fit_basis(data: Dataset) -> PCABasis:
    """Fit all components with scikit-learn's PCA through the covariance matrix."""
    from sklearn.decomposition import PCA

    x = data.train.batch(slice(None)).flatten(1).numpy()
    if len(x) < 2:
        raise ConfigError(f"PCA needs at least 2 training examples; there is {len(x)}.")
    pca = PCA(n_components=min(x.shape), svd_solver="covariance_eigh", copy=False).fit(x)
    mean, components = (np.asarray(a, np.float32) for a in (pca.mean_, pca.components_))
    test = data.test.batch(slice(None)).flatten(1).numpy() - mean
    energy = np.square(test).sum(dtype=np.float64)
    captured = np.square(test @ components.T).sum(0, dtype=np.float64)
    left = energy - np.concatenate([[0.0], np.cumsum(captured)])
    return PCABasis(
        mean, components, pca.explained_variance_ratio_, np.maximum(left, 0) / test.size
    )


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
        basis, k = basis_of(data), self.spec.latent_dim
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
    ),
)
