"""What a run has reached: all that is needed to go on, or to keep it."""

from __future__ import annotations

from dataclasses import dataclass

from aecore.models import LatentModel, build
from aecore.types import ModelSpec


@dataclass
class TrainState:
    """What a run has reached: the model, Adam's memory and the epochs done. Changed in place.

    optimizer: Adam's state_dict, None before the first epoch and for a model without steps.
    """

    model: LatentModel
    epochs_done: int = 0
    optimizer: dict | None = None
    images_seen: int = 0
    seconds: float = 0.0
    seconds_to_beat_pca: float | None = None

    @classmethod
    def fresh(cls, spec: ModelSpec, seed: int) -> TrainState:
        """The state before the first step; the same seed gives the same weights."""
        return cls(build(spec, seed))
