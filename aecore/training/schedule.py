"""What changes by itself in the course of a training: the learning rate, and how much the KL costs.

Pure functions of how far it is, so that a resumed run goes on as an uninterrupted one.
"""

from __future__ import annotations

import math

from aecore.types import TrainConfig


def schedule_factor(schedule: str, done: float) -> float:
    """Share of the learning rate after a share `done` of all steps.

    one-cycle (Smith and Topin 2018): from 1/25 up to 1 at 30 %, then down to almost 0 as a cosine.
    """
    if schedule == "cosine":
        return max(0.5 * (1 + math.cos(math.pi * min(done, 1))), 1e-4)
    if schedule == "one-cycle":
        rising = min(done / 0.3, 1.0)
        falling = min(max(done - 0.3, 0.0) / 0.7, 1.0)
        low = 1 / 25 if done < 0.3 else 1e-4
        share = rising if done < 0.3 else 1 - falling
        return low + (1 - low) * 0.5 * (1 - math.cos(math.pi * share))
    return 1.0


def warm_up(config: TrainConfig, epochs: float) -> float:
    """Share of the KL's warm-up that is over after so many epochs, in [0, 1]."""
    warmup = config.kl_warmup_epochs
    return min(1.0, epochs / warmup) if warmup > 0 else 1.0


def kl_weight(config: TrainConfig, epochs: float, beta: float | None = None) -> float:
    """Weight of the KL term after so many epochs. beta: what a person set meanwhile, else None."""
    beta = config.beta if beta is None else beta
    return beta if config.capacity else beta * warm_up(config, epochs)


def kl_capacity(config: TrainConfig, epochs: float) -> float | None:
    """The KL in nats that is asked for after so many epochs; None asks for none.

    A capacity takes the warm-up for itself: it grows while the weight stays.
    """
    return config.capacity * warm_up(config, epochs) if config.capacity else None
