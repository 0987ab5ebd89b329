"""What Dask runs on a worker for the app, in a module that imports no torch by itself.

Dask's scheduler unpickles every task and plugin that passes through it: it would import torch, for
seconds and hundreds of megabytes, if their classes lived beside the training loop.
"""

from __future__ import annotations

from typing import Any

from aecore.jobs.order import Order


def carry_out(order: Order) -> None:
    """Run on a worker: train as ordered; how it ends is kept there until `outcome` takes it."""
    from aecore.jobs import worker

    worker.run(order)


def command(run_id: str, name: str, values: dict[str, float]) -> bool:
    """Run on a worker's event loop: steer a live run; False when it is not running there."""
    from aecore.jobs import worker

    return worker.command(run_id, name, values)


def take_over(token: str) -> tuple[int, bytes, bool] | None:
    """Run on a worker's event loop: how far an order is that it keeps, None for no such: the events
    sent, the recording after them, pickled, and whether it is over."""
    from aecore.jobs import keeping

    return keeping.take_over(token)


def take_snapshots(token: str, epoch: int, early: bool) -> list[tuple[int | None, bytes]]:
    """Run on a worker's event loop: an order's newest weights, as keeping.take_snapshots says."""
    from aecore.jobs import keeping

    return keeping.take_snapshots(token, epoch, early)


def outcome(token: str) -> Any:
    """Run on a worker's event loop: the keeping.Outcome of an order; None before its end."""
    from aecore.jobs import keeping

    return keeping.outcome(token)


def forget(token: str) -> None:
    """Run on a worker's event loop: an order's end was taken and written."""
    from aecore.jobs import keeping

    keeping.forget(token)


def take_piece(name: str, file: str, piece: bytes, digest: str, last: bool) -> bool:
    """Run on a worker's event loop: a piece of data that it asked for; whether it is wanted."""
    from aecore.jobs import arriving

    return arriving.take_piece(name, file, piece, digest, last)


def refuse_data(name: str, why: str) -> None:
    """Run on a worker's event loop: data that it asked for will not come."""
    from aecore.jobs import arriving

    arriving.refuse(name, why)


def known(keys: list[str], dask_scheduler: Any = None) -> list[str]:
    """Run on the scheduler: which of these tasks wait there or are under way."""
    under_way = ("released", "waiting", "queued", "no-worker", "processing")
    tasks = dask_scheduler.tasks
    return [key for key in keys if key in tasks and tasks[key].state in under_way]
