"""What Dask runs on a worker for the app, in a module that imports no torch by itself.

Dask's scheduler unpickles every task and plugin that passes through it: it would import torch, for
seconds and hundreds of megabytes, if their classes lived beside the training loop.
"""

from __future__ import annotations

from typing import Any

from aecore.jobs.order import Order


def carry_out(order: Order) -> Any:
    """Run on a worker: train as ordered and return a worker.Outcome."""
    from aecore.jobs import worker

    return worker.run(order)


def command(run_id: str, name: str, values: dict[str, float]) -> bool:
    """Run on a worker's event loop: steer a live run; False when it is not running there."""
    from aecore.jobs import worker

    return worker.command(run_id, name, values)


def take_snapshot(run_id: str, after: int) -> tuple[int, bytes] | None:
    """Run on a worker's event loop: the newest epoch's checkpoint of a live run, if it is later
    than the epoch `after`."""
    from aecore.jobs import worker

    return worker.take_snapshot(run_id, after)
