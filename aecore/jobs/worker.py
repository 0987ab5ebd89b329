"""What runs inside a Dask worker: one training at a time, reporting to and steered by the app."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import time
from dataclasses import dataclass
from typing import Any

import torch

from aecore import datasets
from aecore.errors import AecoreError
from aecore.jobs.order import Order
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.control import TrainControl
from aecore.training.events import EpochDone, Failed, Finished, StepDone, Stopped
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

log = logging.getLogger(__name__)
MIN_REPORT_GAP = 0.05  # seconds between two plain StepDone events
WANTED_EVERY = 0.5  # seconds between two looks whether anybody still wants the run
PAUSE_LIMIT = 20 * 60.0  # a class shares few workers: a forgotten pause ends, resumable


@dataclass(frozen=True)
class Outcome:
    """How a run ended, its last checkpoint, and how many events were sent before."""

    event: Finished | Stopped | Failed
    checkpoint: bytes | None
    sent: int


@dataclass
class _Live:
    control: TrainControl
    snapshot: tuple[int, bytes] | None = None


_live: dict[str, _Live] = {}


def prewarm(dataset: str = "mnist") -> None:
    """Pay for imports, the data, its PCA and the first optimiser step before anybody waits."""
    spec = ModelSpec("dense-vae", datasets.source(dataset).spec, 2, {"hidden": (8,)})
    data = datasets.load(dataset)
    config = TrainConfig(epochs=1, batch_size=64, limit=256)
    list(train(spec, config, data))
    from aecore.models.families.pca import basis_of

    basis_of(data)


def run(order: Order) -> Outcome:
    """Train as ordered, sending each event to the order's topic; the return value is the end."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    sent = 0

    def send(event: Any) -> None:
        nonlocal sent
        sent += 1
        worker.log_event(order.topic, (order.token, worker.address, sent, pickle.dumps(event)))

    def wanted() -> bool:
        # Dask cannot end a task under way; it says so of one whose app withdrew it or is gone.
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    control = TrainControl(pause_limit=PAUSE_LIMIT, wanted=wanted)
    live = _live[order.run_id] = _Live(control)
    try:
        return _train(order, live, send, lambda: sent)
    except AecoreError as error:
        return Outcome(Failed(str(error), {}), None, sent)
    finally:
        _live.pop(order.run_id, None)


def _train(order: Order, live: _Live, send, sent) -> Outcome:
    # The worker's event loop has to answer while one thread computes.
    torch.set_num_threads(order.threads or torch.get_num_threads())
    data = datasets.load(order.dataset)
    recording = Recording()
    previous = None
    if order.resume is None:
        state = TrainState.fresh(order.spec, order.config.seed)
    else:
        resume = order.resume
        found = (
            checkpoints.from_bytes(resume)
            if isinstance(resume, bytes)
            else checkpoints.load(resume)
        )
        state, previous = found.state(), found.card
        recording.go_back(previous)
    last_sent, last_asked, newest = 0.0, 0.0, None
    for event in train(order.spec, order.config, data, live.control, state):
        recording.add(event)
        if time.monotonic() - last_asked > WANTED_EVERY:
            last_asked = time.monotonic()
            if not live.control.wanted():
                live.control.stop()
        if isinstance(event, Finished | Stopped | Failed):
            card = recording.card(order.name, order.spec, order.config, data)
            if recording.epoch is None and previous is not None:
                # Ended within its first epoch: what was reached before still stands.
                card = dataclasses.replace(previous, name=order.name, config=order.config)
            if recording.started is None and previous is None:
                return Outcome(event, None, sent())  # stopped while it was prepared
            if newest is None or not _as_the_epoch_left_it(event):
                newest = checkpoints.to_bytes(state.model, card, state.optimizer)
            return Outcome(event, newest, sent())
        if isinstance(event, EpochDone):
            card = recording.card(order.name, order.spec, order.config, data)
            newest = checkpoints.to_bytes(state.model, card, state.optimizer)
            live.snapshot = (event.epoch, newest)
        now = time.monotonic()
        plain = isinstance(event, StepDone) and event.probe is None
        if plain and now - last_sent < MIN_REPORT_GAP and not live.control.paused:
            continue
        last_sent = now
        send(event)
    raise AssertionError("training ended without saying how")


def _as_the_epoch_left_it(event: Finished | Stopped | Failed) -> bool:
    """Whether a run ended with the weights of its last whole epoch."""
    return isinstance(event, Finished) or (isinstance(event, Stopped) and event.within is None)


# Called by the app through client.run, on the worker's event loop, while a run computes.


def command(run_id: str, name: str, values: dict[str, float]) -> bool:
    """Steer a live run; False when it is not running here (any more)."""
    live = _live.get(run_id)
    if live is None:
        return False
    if name == "change":
        live.control.change(**values)
    else:
        {
            "pause": live.control.pause,
            "resume": live.control.resume,
            "step": live.control.step,
            "epoch": live.control.epoch,
            "stop": live.control.stop,
        }[name]()
    return True


def take_snapshot(run_id: str, after: int) -> tuple[int, bytes] | None:
    """The newest epoch's checkpoint of a live run, if it is later than the epoch `after`."""
    live = _live.get(run_id)
    snapshot = None if live is None else live.snapshot
    return snapshot if snapshot is not None and snapshot[0] > after else None
