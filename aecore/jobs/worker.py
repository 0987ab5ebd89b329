"""What runs inside a Dask worker: many trainings, a thread each, one of which computes at a time;
each reports to, and is steered by, the app."""

from __future__ import annotations

import dataclasses
import gc
import logging
import time

import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError, Interrupted
from aecore.evaluation.batches import between_parts
from aecore.jobs import arriving, keeping
from aecore.jobs.keeping import Kept, Outcome
from aecore.jobs.order import TOPIC, Order
from aecore.jobs.room import needs, room
from aecore.jobs.slices import Place, slices
from aecore.runs import checkpoints
from aecore.training.control import TrainControl
from aecore.training.events import EpochDone, Failed, Finished, Paused, StepDone, Stopped
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

log = logging.getLogger(__name__)
WANTED_EVERY = 0.5  # seconds between two looks whether anybody still wants the run
PAUSE_LIMIT = 4 * 3600.0  # seconds; a forgotten pause ends, resumable
SCARCE_LIMIT = 20 * 60.0  # the same where somebody waits for the memory that it holds


def prewarm(dataset: str = "mnist") -> None:
    """Pay for imports, the data, its PCA and the first optimiser step before anybody waits."""
    spec = ModelSpec("dense-vae", datasets.source(dataset).spec, 2, {"hidden": (8,)})
    data = datasets.load(dataset)
    config = TrainConfig(epochs=1, batch_size=64, limit=256)
    list(train(spec, config, data))
    from aecore.models.families.pca import basis_of

    basis_of(data)
    # What pages compute on the workers: imported in the middle of a lesson it would take seconds.
    import aecore.jobs.views  # noqa: F401

    # What is there now stays: looking through all of it again and again would stop everybody.
    gc.collect()
    gc.freeze()


def run(order: Order) -> None:
    """Train as ordered, sending each event to all who listen; how it ends is kept here until it is
    taken."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def say(kind: str, *rest: object) -> None:
        worker.log_event(TOPIC, (kind, order.run_id, order.token, worker.address, *rest))

    def withdrawn() -> bool:
        # Dask cannot end a task under way; it says so of one whose app withdrew it or is gone.
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    def wanted() -> bool:
        return not withdrawn() and not _in_the_way(kept)

    turn = slices().place(order.owner, order.run_id)
    control = TrainControl(order.paused, PAUSE_LIMIT, wanted, turn)
    control.change(**order.changed)
    kept = Kept(order, control, say)
    keeping.begin(kept)
    torch.set_num_threads(1)  # of this thread alone
    event: Finished | Stopped | Failed
    checkpoint = None
    try:
        with room().taken(order.owner, needs(order.spec, order.config), wanted):
            # Not in turn: what takes long is loaded once, beside those who train.
            data = arriving.load(order.dataset, lambda: say("data"), wanted)
            with turn, between_parts(control.give_way):
                event, checkpoint = _train(order, data, kept, turn)
    except Interrupted:
        event = Stopped({})
    except AecoreError as error:
        event = Failed(str(error), {})
    except BaseException as error:
        kept.end(Outcome(Failed(f"The run could not go on ({error!r}).", {}), None, kept.sent))
        raise
    if withdrawn():
        keeping.drop(kept)  # nobody will ask
    else:
        kept.end(Outcome(event, checkpoint, kept.sent))


def _in_the_way(kept: Kept) -> bool:
    """Whether somebody forgot a paused run while others wait for its memory."""
    since = kept.paused
    return since is not None and room().scarce and time.monotonic() - since > SCARCE_LIMIT


def _train(
    order: Order, data: Dataset, kept: Kept, turn: Place
) -> tuple[Finished | Stopped | Failed, bytes | None]:
    recording, control = kept.recording, kept.control
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
    last_asked, newest = 0.0, None
    for event in train(order.spec, order.config, data, control, state):
        kept.record(event)
        kept.paused = time.monotonic() if isinstance(event, Paused) else None
        if time.monotonic() - last_asked > WANTED_EVERY:
            last_asked = time.monotonic()
            if not control.wanted():
                control.stop()
        if isinstance(event, Finished | Stopped | Failed):
            card = recording.card(order.name, order.spec, order.config, data)
            if recording.epoch is None and previous is not None:
                # Ended within its first epoch: what was reached before still stands.
                card = dataclasses.replace(previous, name=order.name, config=order.config)
            if recording.started is None and previous is None:
                return event, None  # stopped while it was prepared
            if newest is None or not _as_the_epoch_left_it(event):
                newest = checkpoints.to_bytes(state.model, card, state.optimizer)
            return event, newest
        if isinstance(event, EpochDone):
            card = recording.card(order.name, order.spec, order.config, data)
            newest = checkpoints.to_bytes(state.model, card, state.optimizer)
            kept.keep(event.epoch, newest, event.seconds)
        kept.send(event)
        if isinstance(event, StepDone) and event.probe is not None:
            turn.shown()
        if state.now is not None and isinstance(event, StepDone) and kept.early_due(event):
            began = time.monotonic()
            if recording.epoch is None and previous is not None:
                card = dataclasses.replace(previous, name=order.name, config=order.config)
            else:
                card = recording.card(order.name, order.spec, order.config, data)
            card = dataclasses.replace(card, images_seen=event.images_seen, seconds=event.seconds)
            within, memory = state.now()
            content = checkpoints.to_bytes(state.model, card, memory, within)
            kept.keep_early(content, event.seconds, time.monotonic() - began)
    raise AssertionError("training ended without saying how")


def _as_the_epoch_left_it(event: Finished | Stopped | Failed) -> bool:
    """Whether a run ended with the weights of its last whole epoch."""
    return isinstance(event, Finished) or (isinstance(event, Stopped) and event.within is None)


# Called by the app through client.run, on the worker's event loop, while a run computes.


def command(run_id: str, name: str, values: dict[str, float]) -> bool:
    """Steer a live run; False when it is not running here (any more)."""
    live = keeping.live(run_id)
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
