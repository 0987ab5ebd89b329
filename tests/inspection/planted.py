"""Small models with a fault each, trained in a second or two."""

from __future__ import annotations

import dataclasses

import torch

from aecore.datasets import Dataset, Split
from aecore.models import LatentModel, build
from aecore.models.losses import objective
from aecore.types import ModelSpec


def small(data: Dataset, train: int = 6000, test: int = 1500) -> Dataset:
    """The first examples of both splits, under a name of its own."""
    return dataclasses.replace(
        data,
        name=f"{data.name}-small",
        train=data.train.first(train),
        test=data.test.first(test),
    )


def fitted(
    spec: ModelSpec,
    split: Split,
    steps: int,
    *,
    beta: float = 1.0,
    batch: int = 100,
    learning_rate: float = 2e-3,
    factor: float = 1.0,
    shift: float = 0.0,
    frozen: tuple[str, ...] = (),
) -> LatentModel:
    """Trained on a split by Adam; factor and shift: what is done to x before. frozen: beginnings
    of the names of weights that stay as they were drawn."""
    generator = torch.Generator().manual_seed(0)
    model = build(spec, seed=0)
    model.train()
    free = [p for name, p in model.named_parameters() if not name.startswith(frozen or ("-",))]
    optimizer = torch.optim.Adam(free, lr=learning_rate, fused=True)
    for _ in range(steps):
        rows = torch.randint(len(split), (min(batch, len(split)),), generator=generator)
        x = split.batch(rows) * factor + shift
        optimizer.zero_grad()
        objective(model.loss_terms(x, generator), beta).backward()
        optimizer.step()
    return model.eval()


def dense(data: Dataset, k: int = 16, hidden: int = 128, family: str = "dense-ae") -> ModelSpec:
    return ModelSpec(family, data.spec, k, {"hidden": (hidden,)})


def some_rows(split: Split, rows: torch.Tensor) -> Split:
    return Split(split.x[rows], split.labels[rows])
