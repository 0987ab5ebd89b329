"""What a worker does of an experiment: one task, in what everybody else leaves over."""

from __future__ import annotations

import pickle
import time
from typing import Any

import torch

from aecore.errors import AecoreError, Interrupted
from aecore.jobs import arriving, in_hand, lab_order
from aecore.jobs.lab_order import LabOrder
from aecore.jobs.slices import slices
from aecore.lab.about import LabSubject
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone, LabLook
from aecore.lab.experiment import Task
from aecore.lab.registry import experiment, options_from
from aecore.lab.running import done

EVERY = 0.25  # seconds between two looks that are sent


def carry_out(content: bytes) -> bytes:
    """Do the task that an order names."""
    from distributed import get_worker

    order: LabOrder = pickle.loads(content)  # from our own app, over Dask's own channel
    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        # Dask cannot end a task under way; it says so of one whose app withdrew it or is gone.
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    def say(kind: str, *rest: Any) -> None:
        worker.log_event(lab_order.TOPIC, (kind, order.token, worker.address, *rest))

    torch.set_num_threads(1)  # of this thread alone
    try:
        return pickle.dumps(_done(order, wanted, say), protocol=5)
    except Interrupted:
        return pickle.dumps((lab_order.STOPPED, None, 0.0))
    except AecoreError as error:
        return pickle.dumps((lab_order.REFUSED, str(error), 0.0))


def _done(order: LabOrder, wanted: Any, say: Any) -> tuple[str, Any, float]:
    # Not in turn: what takes long is loaded once, beside those who train.
    data = None
    if order.dataset:
        data = arriving.load(order.dataset, lambda: say(lab_order.DATA, order.dataset), wanted)
    held = None if order.model is None else in_hand.unpacked(order.model)
    model, card = (None, None) if held is None else (held.model, held.card)
    turn = slices().place(order.owner, order.run_id, background=True)
    control, sent = LabControl(turn, wanted), 0.0
    one = experiment(order.experiment)
    options = options_from(one, order.options)
    with turn:
        subject = LabSubject(data, model, card)
        for event in done(one, Task(*order.task), options, subject, control):
            if isinstance(event, LabDone):
                return lab_order.DONE, event.values, event.seconds
            if isinstance(event, LabLook) and time.monotonic() - sent > EVERY:
                sent = time.monotonic()
                say(lab_order.LOOK, pickle.dumps((event.values, event.share), protocol=5))
    raise AssertionError("a task ended without a result")
