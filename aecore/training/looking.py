"""What a training is seen by: a fixed held-out sample, and PCA of the same size beside it."""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.evaluation.batches import labels_for, parts
from aecore.evaluation.latent import plane_of
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.models.losses import squared_error_per_value
from aecore.training.events import Probe

PROBE_SIZE = 1000  # held-out examples looked at during an epoch
SAMPLE_SIZE = 10  # examples shown as original and reconstruction


class View:
    """The same examples at every look, so that what changes is the model.

    sample, pca_sample: (m, values) uint8 over `data.value_range`, some examples and PCA's
    reconstructions of them; map_labels: (n,) int64, empty without labels. pca_mse: PCA's error per
    value on the sample.
    """

    def __init__(self, data: Dataset, latent_dim: int, device: torch.device):
        self.basis: PCABasis = basis_of(data, latent_dim)
        self.range = data.value_range
        self._split = data.test.first(PROBE_SIZE)
        self._x = self._split.batch(slice(None)).to(device)
        self._plane: np.ndarray | None = None
        labels = self._split.labels
        self.map_labels = np.zeros(0, np.int64) if labels is None else labels.numpy()
        flat = self._x.flatten(1).cpu().numpy()
        pca_x_hat = self.basis.reconstruct(flat, latent_dim)
        self.pca_mse = float(np.square(pca_x_hat - flat).mean())
        self._shown = _one_of_each(labels, len(flat))
        self.sample = as_bytes(flat[self._shown], self.range)
        self.pca_sample = as_bytes(pca_x_hat[self._shown], self.range)

    @torch.inference_mode()
    def look(self, model: LatentModel) -> Probe:
        """A model, in evaluation mode, on the sample; its map follows the map before."""
        seen = [self._part(model, part) for part in parts(len(self._x))]
        mu, x_hat = (torch.cat(pieces) for pieces in zip(*seen, strict=True))
        mse = float(squared_error_per_value(x_hat, self._x).mean())
        codes = mu.cpu().numpy()
        if np.isfinite(codes).all():
            self._plane = plane_of(codes, self._plane)
        plane = np.zeros((len(mu), 2), np.float32) if self._plane is None else self._plane
        shown = x_hat[self._shown].flatten(1).cpu().numpy()
        return Probe(mse, self.pca_mse, plane, as_bytes(shown, self.range))

    def _part(self, model: LatentModel, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes and reconstructions of some of the sample."""
        labels = labels_for(model, self._split, part)
        mu = model.encode(self._x[part], labels).mu
        return mu, model.decode(mu, labels)


def _one_of_each(labels: torch.Tensor | None, n: int) -> np.ndarray:
    """Indices of SAMPLE_SIZE examples, one of each class first."""
    if labels is None:
        return np.arange(min(SAMPLE_SIZE, n))
    _, first = np.unique(labels.numpy(), return_index=True)
    rest = np.setdiff1d(np.arange(n), first)
    return np.concatenate([first, rest])[: min(SAMPLE_SIZE, n)]


def as_bytes(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Values as uint8 over a span (low, high), clipped; what is not a number becomes low."""
    low, high = span
    shares = (np.nan_to_num(values, nan=low) - low) / (high - low)
    return (shares.clip(0, 1) * 255 + 0.5).astype(np.uint8)
