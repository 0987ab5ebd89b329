"""What the app asks a worker to train; imports no torch, for Dask's scheduler reads it too."""

from __future__ import annotations

from dataclasses import dataclass, field

from aecore.types import ModelSpec, TrainConfig


@dataclass(frozen=True)
class Order:
    """What the app asks a worker to train. resume: bytes of a checkpoint with Adam's memory."""

    run_id: str
    attempt: int
    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    threads: int | None = None
    resume: bytes | None = field(default=None, repr=False)

    @property
    def topic(self) -> str:
        return f"aecore-{self.run_id}-{self.attempt}"
