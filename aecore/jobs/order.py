"""What the app asks a worker to train; imports no torch, for Dask's scheduler reads it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aecore.types import ModelSpec, TrainConfig


@dataclass(frozen=True)
class Order:
    """What the app asks a worker to train.

    topic: where the worker's events go, and token: by which they are told from another order's.
    resume: a checkpoint with Adam's memory, as bytes, or where it lies on a worker's own machine.
    """

    run_id: str
    topic: str
    token: str
    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    threads: int | None = None
    resume: bytes | Path | None = field(default=None, repr=False)
