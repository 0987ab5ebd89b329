"""What a training is seen by: a fixed held-out sample, and PCA of the same size beside it."""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.evaluation.batches import labels_for, large_batch_for, parts
from aecore.evaluation.beside import pca_beside, pca_reconstruction
from aecore.evaluation.latent import plane_of
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis
from aecore.models.losses import squared_error_per_value
from aecore.training.events import Probe
from aecore.training.layer_looks import LayerView

PROBE_SIZE = 1000  # held-out examples looked at during an epoch
SAMPLE_SIZE = 10  # examples shown as original and reconstruction
PICTURED = 3  # of these, the one that is followed through the layers


class View:
    """The same examples at every look, so that what changes is the model.

    sample: (m, values) uint8 over `data.value_range`, some examples as they are; map_labels: (n,)
    int64, empty without labels. pca_k, pca_sample: the PCA that the model is compared with (see
    evaluation.beside) and its reconstructions of them, as they are at the last look. A denoising
    model gets all of them damaged, always alike, and so does PCA.
    """

    def __init__(self, data: Dataset, basis: PCABasis, model: LatentModel, seed: int):
        self.basis, self.range = basis, data.value_range
        device = next(model.parameters()).device
        self._split = data.test.first(PROBE_SIZE)
        self._x = self._split.batch(slice(None)).to(device)
        generator = torch.Generator(device).manual_seed(seed)
        self._seen = model.damage(self._x, generator) if model.denoises else self._x
        self._at_once = large_batch_for(model)
        self._plane: np.ndarray | None = None
        labels = self._split.labels
        self.map_labels = np.zeros(0, np.int64) if labels is None else labels.numpy()
        self._shown = _one_of_each(labels, len(self._x))
        self.sample = self._bytes_of(self._x[self._shown])
        self.pictured = min(PICTURED, len(self._shown) - 1)
        place = int(self._shown[self.pictured])
        label = None if labels is None else int(labels[place])
        self.layers = LayerView(self._seen[place : place + 1], label)
        self.layers.mark(model)
        self.pca_k = self._at_the_start(model)
        self.pca_mse, self.pca_sample = self._pca()

    @property
    def size(self) -> int:
        """Held-out examples that a look is of."""
        return len(self._x)

    @torch.inference_mode()
    def look(self, model: LatentModel, one_step: bool = False) -> Probe:
        """A model, in evaluation mode, on the sample; its map follows the map before. one_step:
        since `layers.mark`, so that one sees what it moved."""
        mus, errors = [], []
        shown = torch.empty((len(self._shown), *self._x.shape[1:]), device=self._x.device)
        for part in parts(len(self._x), self._at_once):
            mu, x_hat = self._part(model, part)
            mus.append(mu)
            errors.append(squared_error_per_value(x_hat, self._x[part]))
            here = (self._shown >= part.start) & (self._shown < part.stop)
            shown[here] = x_hat[self._shown[here] - part.start]
        mu, mse = torch.cat(mus), float(torch.cat(errors).mean())
        codes = mu.cpu().numpy()
        if np.isfinite(codes).all():
            self._plane = plane_of(codes, self._plane)
        plane = np.zeros((len(mu), 2), np.float32) if self._plane is None else self._plane
        k, others = pca_beside(model, mu).k, None
        if k != self.pca_k:
            self.pca_k = k
            self.pca_mse, self.pca_sample = self._pca()
            others = self.pca_sample
        layers = self.layers.look(model, one_step)
        return Probe(mse, self.pca_mse, plane, self._bytes_of(shown), k, others, layers)

    @torch.inference_mode()
    def _at_the_start(self, model: LatentModel) -> int:
        """Components beside a model that has not been looked at; of a sparse code, those on now."""
        if not model.wide_code:
            return model.spec.latent_dim
        training = model.training
        mu = torch.cat([model.eval().encode(self._x[part]).mu for part in parts(self.size)])
        model.train(training)
        return pca_beside(model, mu).k

    def _pca(self) -> tuple[float, np.ndarray]:
        """PCA's error per value on the sample, and its reconstructions of what is shown."""
        x_hat = pca_reconstruction(self.basis, self._seen, self.pca_k)
        mse = float(squared_error_per_value(x_hat, self._x).mean())
        return mse, self._bytes_of(x_hat[self._shown])

    def _bytes_of(self, x: torch.Tensor) -> np.ndarray:
        return as_bytes(x.flatten(1).cpu().numpy(), self.range)

    def _part(self, model: LatentModel, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes and reconstructions of some of the sample; codes always of the examples as they
        are, as on every other page."""
        labels = labels_for(model, self._split, part)
        mu = model.encode(self._x[part], labels).mu
        seen = model.encode(self._seen[part], labels).mu if model.denoises else mu
        return mu, model.decode(seen, labels)


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
