"""What a denoising model makes of noise, beside the simplest ways to remove it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.evaluation.batches import parts
from aecore.evaluation.beside import pca_reconstruction, pca_title
from aecore.evaluation.metrics import damaged
from aecore.models import LatentModel
from aecore.models.principal import PCABasis

SHOWN = 10
MOST_VALUES = 20_000_000  # of the held-out examples that are looked at: 25,000 of MNIST's size
OURS, AS_IT_IS = "this model", "left as it is"


@dataclass(frozen=True)
class Compared:
    """Error per value against the clean example of each way, the best of the simple ways, the
    first examples in each version, and how many were measured."""

    errors: dict[str, float]
    best: str
    rows: list[np.ndarray]
    measured: int


@torch.inference_mode()
def compared(model: LatentModel, data: Dataset, basis: PCABasis, k: int, seed: int) -> Compared:
    """Each way on the same damaged held-out examples. k: of the PCA beside the model; seed: of the
    damage."""
    size = data.spec.size
    split = data.test.first(max(SHOWN, MOST_VALUES // size))
    some = sorted({min(n, len(basis.components)) for n in (32, 64, k)})
    errors: dict[str, float] = {}
    first: dict[str, np.ndarray] = {}
    for x, seen in damaged(model, split, seed):
        ways = {AS_IT_IS: seen.numpy()}
        if data.spec.kind == "image":
            from scipy.ndimage import median_filter

            ways["median of 3 x 3"] = median_filter(seen.numpy(), size=(1, 1, 3, 3))
        ways |= {pca_title(n): pca_reconstruction(basis, seen, n).numpy() for n in some}
        ways[OURS] = torch.cat([model.reconstruct(seen[part]) for part in parts(len(seen))]).numpy()
        first = first or {"clean": x.numpy()[:SHOWN]} | {
            name: values[:SHOWN].copy() for name, values in ways.items()
        }
        for name, values in ways.items():
            errors[name] = errors.get(name, 0.0) + float(np.square(values - x.numpy()).sum())
    errors = {name: error / (len(split) * size) for name, error in errors.items()}
    best = min((n for n in errors if n != OURS), key=lambda n: errors[n])
    rows = [first[name] for name in ("clean", AS_IT_IS, best, OURS)]
    return Compared(errors, best, rows, len(split))
