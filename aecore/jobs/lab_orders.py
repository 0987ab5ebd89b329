"""What Dask runs on a worker for experiments, in a module that imports no torch by itself: see
orders.py. Orders and answers travel as bytes, so that the scheduler between never opens them."""

from __future__ import annotations


def carry_out(order: bytes) -> bytes:
    """Run on a worker: do a pickled LabOrder; the pickled (how it ended, what, seconds)."""
    from aecore.jobs import lab_worker

    return lab_worker.carry_out(order)
