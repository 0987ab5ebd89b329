"""How fast a training would go here, measured on a few of its own steps before it is started."""

from __future__ import annotations

import time

import torch

from aecore.datasets import Dataset
from aecore.training.optimiser import Adam
from aecore.training.schedule import kl_capacity, kl_weight
from aecore.training.state import TrainState
from aecore.training.steps import Steps
from aecore.types import ModelSpec, TrainConfig

WARM = 3  # steps that are not counted: the first are recorded, and fill the caches
SECONDS = 0.2  # that are measured, at least one step
MOST = 200  # steps


def images_a_second(spec: ModelSpec, config: TrainConfig, data: Dataset) -> float | None:
    """Training examples a second on this processor, as the run's own steps go; None for a family
    that takes no steps. Nothing of it is kept."""
    state = TrainState.fresh(spec, config.seed)
    model, data = state.model, data.limited(config.limit)
    if model.closed_form:
        return None
    size = min(config.batch_size, len(data.train))
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = Adam(model.parameters(), config.learning_rate)
    steps = Steps(model, optimizer, data.train, generator, size, config.free_bits)
    weight, capacity = kl_weight(config, 0.0, None), kl_capacity(config, 0.0)
    model.train()
    model.begin_epoch(0)
    steps.begin_epoch()
    began, taken = time.perf_counter(), -WARM
    while taken < MOST:
        steps.take(torch.randint(len(data.train), (size,), generator=generator), weight, capacity)
        taken += 1
        if taken == 0:
            began = time.perf_counter()
        elif taken > 0 and time.perf_counter() - began > SECONDS:
            break
    return taken * size / (time.perf_counter() - began)
