"""A foreign model from noisy examples too: a denoiser does what it was made for only there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.datasets.corruption import corrupt
from aecore.evaluation.batches import batch_for, labels_for, parts
from aecore.evaluation.beside import pca_errors
from aecore.inspection.judging.findings import Finding, amount
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis
from aecore.models.losses import squared_error_per_value

LOOKED_AT, NOISE = 1000, 0.5  # held-out examples; deviation of the noise, on a scale of 0 to 1
# Error over PCA's, both from the same noisy examples, below which a model takes noise away: shipped
# denoisers have .34 and .37 of it, all others more than PCA.
BETTER, BETTER_NAMED = 0.7, 1.0
HOW = f"with noise of deviation {NOISE:g} added"


@dataclass(frozen=True)
class Noisy:
    """Squared errors per value from noisy examples against the clean ones, (n,) each: the model's
    and PCA's; clean: the model's from the clean ones."""

    ours: np.ndarray
    pca: np.ndarray
    clean: np.ndarray

    def denoises(self, named: bool) -> bool:
        """Whether the model takes noise away; named: its file says that it is made for that."""
        limit = BETTER_NAMED if named else BETTER
        return bool(self.ours.mean() < limit * self.pca.mean())


@torch.inference_mode()
def from_noisy(
    model: LatentModel,
    data: Dataset,
    basis: PCABasis,
    k: int,
    seed: int,
    most: int = LOOKED_AT,
) -> Noisy:
    """Errors on up to `most` held-out examples. k: numbers of the PCA beside it."""
    generator = torch.Generator().manual_seed(seed)
    columns: list[list[torch.Tensor]] = [[], [], []]
    for part in parts(min(most, len(data.test)), batch_for(model)):
        stop = min(part.stop, most, len(data.test))
        rows = slice(part.start, stop)
        x, labels = data.test.batch(rows), labels_for(model, data.test, rows)
        seen = corrupt(x, "gaussian", NOISE, generator, data.spec.bounded)
        columns[0].append(squared_error_per_value(model.reconstruct(seen, labels), x))
        columns[1].append(pca_errors(basis, seen, k, x))
        columns[2].append(squared_error_per_value(model.reconstruct(x, labels), x))
    return Noisy(*(torch.cat(column).numpy() for column in columns))


def denoiser_finding(noisy: Noisy, named: tuple[str, ...]) -> Finding:
    """That it is looked at as a denoiser. named: what its file says of that."""
    why = " ".join(named) or "It does much better from noisy examples than PCA does."
    return Finding(
        "note",
        "denoiser",
        "It takes noise away",
        f"{why} From {len(noisy.ours):,} held-out examples {HOW} its error is "
        f"{amount(float(noisy.ours.mean()))} per value, from clean ones "
        f"{amount(float(noisy.clean.mean()))}; by the first it is judged.",
    )
