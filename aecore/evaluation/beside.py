"""PCA beside a model, in the one way that is fair to both, on every page.

With as many components as the model's code has numbers. Of a sparse code those that are on for an
example count; which of them are on says something too, and PCA is not given that. And from the same
inputs: of a denoising model that is damaged examples, against the clean ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from aecore.evaluation.thresholds import MOSTLY_OFF
from aecore.models import LatentModel
from aecore.models.losses import squared_error_per_value

if TYPE_CHECKING:
    from aecore.models.families.pca import PCABasis


@dataclass(frozen=True)
class PCABeside:
    """k: components to compare with. why: in words, where they are not the latent numbers."""

    k: int
    why: str = ""


def numbers_used(model: LatentModel, codes: Tensor | np.ndarray) -> float:
    """Latent numbers that are on for an example, on average: codes (n, latent_dim)."""
    return float(model.firing(torch.as_tensor(codes)).sum(1).float().mean())


def pca_beside(model: LatentModel, codes: Tensor | np.ndarray) -> PCABeside:
    """The PCA that a model is compared with; codes: (n, latent_dim) of held-out examples."""
    return beside_of(model, numbers_used(model, codes))


def beside_of(model: LatentModel, used: float) -> PCABeside:
    """The same from the latent numbers that are on for an example, on average."""
    k = model.spec.latent_dim
    if not model.wide_code and used >= MOSTLY_OFF * k:
        return PCABeside(k)
    on = max(1, round(used))
    return PCABeside(k) if on >= k else PCABeside(on, f"as many as are on of its {k}")


def numbers_to_match(basis: PCABasis, mse: float) -> int | None:
    """The least number of components with which PCA's held-out error per value is at most mse;
    None where it is larger with all that were fitted."""
    enough = np.flatnonzero(basis.test_mse <= mse)
    return int(enough[0]) if len(enough) else None


def pca_title(k: int) -> str:
    """What PCA with k components is called beside a model."""
    return f"PCA, k = {k}"


def judged(figures: Mapping[str, float]) -> tuple[float | None, float | None]:
    """What a model is judged by: its held-out error per value, and PCA's from the same inputs.

    figures: a row of a run's history, or a card's `newest`. Of a denoising model both are from
    damaged examples. None for what is not there.
    """
    if figures.get("pca_denoised_mse") is not None:
        return figures.get("test_denoised_mse"), figures.get("pca_denoised_mse")
    return figures.get("test_mse"), figures.get("pca_mse")


@torch.inference_mode()
def pca_reconstruction(basis: PCABasis, x: Tensor, k: int) -> Tensor:
    """What PCA with k components makes of x, unclipped, (B, *shape), on x's device."""
    # In torch, not NumPy: NumPy's own BLAS threads spin beside torch's and slow a training run.
    components = torch.from_numpy(basis.components[: basis.at(k)]).to(x.device)
    mean = torch.from_numpy(basis.mean).to(x.device)
    return ((x.flatten(1) - mean) @ components.T @ components + mean).view_as(x)


def pca_errors(basis: PCABasis, x: Tensor, k: int, against: Tensor | None = None) -> Tensor:
    """PCA's squared error per value of each example, (B,); against: the clean ones, if x is not."""
    clean = x if against is None else against
    return squared_error_per_value(pca_reconstruction(basis, x, k), clean)
