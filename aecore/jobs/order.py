"""What the app asks a worker to train; imports no torch, for Dask's scheduler reads it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aecore.types import ModelSpec, TrainConfig

TOPIC = "aecore-events"  # of the whole cluster: who listens hears of all runs


@dataclass(frozen=True)
class Order:
    """What the app asks a worker to train.

    token: by which what comes of it is told from another order's. resume: a checkpoint with Adam's
    memory, as bytes, or where it lies on a worker's own machine. paused, changed: how it stood when
    it had to be handed out anew, by TrainControl's words.
    """

    run_id: str
    token: str
    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    resume: bytes | Path | None = field(default=None, repr=False)
    owner: str = ""
    paused: bool = False
    changed: dict[str, float] = field(default_factory=dict)
