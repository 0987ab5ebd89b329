"""The figures of an epoch, the model's and those of the PCA beside it, by a history's names."""

from __future__ import annotations

from aecore.datasets import Dataset
from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import evaluate, example_errors
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis

TRAIN_SAMPLE = 2000  # training examples whose error stands beside the held-out error


def held_out_figures(
    model: LatentModel, data: Dataset, basis: PCABasis, seed: int
) -> dict[str, float]:
    """The figures of the whole held-out split: test_mse and what else is measured, pca_mse, pca_k,
    and of a denoising model pca_denoised_mse."""
    found = evaluate(model, data.test, seed, basis)
    return {k if k.startswith("pca_") else f"test_{k}": value for k, value in found.items()}


def training_errors(model: LatentModel, data: Dataset, seed: int) -> tuple[float, float | None]:
    """Error per value on a fixed sample of the training examples; of a denoising model also from
    damaged ones, else None."""
    sample = data.train.first(TRAIN_SAMPLE)
    clean = float(example_errors(model, sample).mean())
    if not model.denoises:
        return clean, None
    return clean, float(example_errors(model, sample, seed).mean())


def beats_pca(figures: dict[str, float]) -> bool:
    """Whether a model with these figures is better than the PCA beside it."""
    ours, pca = judged(figures)
    return ours is not None and pca is not None and ours < pca
