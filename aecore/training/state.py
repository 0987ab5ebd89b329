"""What a run has reached: all that is needed to go on, or to keep it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from aecore.models import LatentModel, build
from aecore.types import ModelSpec


@dataclass(frozen=True)
class Within:
    """Where a run stands inside of an epoch: the batches done, and the state of its generator, a
    uint8 tensor, as they left it."""

    batches: int
    generator: torch.Tensor


@dataclass
class TrainState:
    """What a run has reached: the model, Adam's memory and the epochs done. Changed in place.

    optimizer: Adam's state_dict, None before the first epoch and for a model without steps.
    within: where to go on inside of the epoch after `epochs_done`, by whoever gives this state.
    now: while a training is under way and between two of its events, where it stands inside of its
    epoch and Adam's state_dict as it is; None for a model without steps.
    """

    model: LatentModel
    epochs_done: int = 0
    optimizer: dict | None = None
    images_seen: int = 0
    seconds: float = 0.0
    seconds_to_beat_pca: float | None = None
    within: Within | None = None
    now: Callable[[], tuple[Within, dict]] | None = field(default=None, repr=False)

    @classmethod
    def fresh(cls, spec: ModelSpec, seed: int) -> TrainState:
        """The state before the first step; the same seed gives the same weights."""
        return cls(build(spec, seed))
