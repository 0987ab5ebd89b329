"""What the app sends to Dask, in a module that imports no torch.

Dask's scheduler unpickles every task and plugin that passes through it: it would import torch, for
seconds and hundreds of megabytes, if their classes lived beside the training loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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


def carry_out(order: Order) -> Any:
    """Run on a worker: train as ordered and return a worker.Outcome."""
    from aecore.jobs import worker

    return worker.run(order)


def command(run_id: str, name: str, values: dict[str, float]) -> bool:
    """Run on a worker's event loop: steer a live run; False when it is not running there."""
    from aecore.jobs import worker

    return worker.command(run_id, name, values)


def take_snapshot(run_id: str) -> tuple[int, bytes] | None:
    """Run on a worker's event loop: the newest epoch's checkpoint of a live run, once."""
    from aecore.jobs import worker

    return worker.take_snapshot(run_id)
