"""What a worker keeps of each order, for whichever process of the app asks: what happened, as a
recording; the newest weights; and how it ended, until that was taken."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aecore.jobs.order import Order
from aecore.runs.recording import Recording
from aecore.training.control import TrainControl
from aecore.training.events import Failed, Finished, StepDone, Stopped, TrainEvent

MIN_REPORT_GAP = 0.05  # seconds between two plain StepDone events
EARLY_EVERY = 5.0  # seconds that a run computes between two snapshots within an epoch
EARLY_SHARE = 50  # and so many times as long as one takes: 2 % of a run's time at most
EARLY_RATE = 2e8  # bytes a second that a snapshot takes on its way to a disk
MOST_ENDED = 512 << 20  # bytes of the ends that nobody has taken yet


@dataclass(frozen=True)
class Outcome:
    """How a run ended, its last checkpoint, and how many events were sent before."""

    event: Finished | Stopped | Failed
    checkpoint: bytes | None
    sent: int


class Kept:
    """One order here. say: sends a message to all who listen, in order.

    `recording` and `sent` belong together: they are changed and read under `lock`, the one by the
    thread that trains, the other on the worker's event loop. newest: the epoch and the checkpoint
    of its end. early: a checkpoint from within the epoch after.
    """

    def __init__(self, order: Order, control: TrainControl, say: Callable[..., None]):
        self.order, self.control = order, control
        self.recording = Recording()
        self.sent = 0
        self.newest: tuple[int, bytes] | None = None
        self.early: bytes | None = None
        self.outcome: Outcome | None = None
        self.paused: float | None = None  # since when it waits to go on; None while it trains
        self.lock = threading.Lock()
        self._say = say
        self._last_sent = 0.0
        self._next_early = 0.0

    def record(self, event: TrainEvent) -> None:
        """Take in an event."""
        with self.lock:
            self.recording.add(event)

    def send(self, event: TrainEvent) -> None:
        """Send an event on, unless it says nothing that the next would not say in a moment."""
        now = time.monotonic()
        plain = isinstance(event, StepDone) and event.probe is None
        if plain and now - self._last_sent < MIN_REPORT_GAP and not self.control.paused:
            return
        self._last_sent = now
        with self.lock:
            self.sent += 1
            self._say("event", self.sent, pickle.dumps(event))

    def early_due(self, event: TrainEvent) -> bool:
        """Whether weights are to be kept now, in the middle of an epoch: as soon as somebody has
        seen a point, and then every few seconds."""
        if not isinstance(event, StepDone):
            return False
        if not self._next_early:
            return event.probe is not None
        # By the run's own clock: thirty who take turns would each collect and send weights in each
        # turn, a fifth of all the work, though no more could be lost.
        return event.seconds > self._next_early

    def keep_early(self, content: bytes, seconds: float, took: float) -> None:
        """Keep weights from within an epoch, of so many seconds of training, which took so many to
        collect."""
        self.early = content
        gap = EARLY_SHARE * (took + len(content) / EARLY_RATE)
        self._next_early = seconds + max(EARLY_EVERY, gap)
        self._say("snapshot")

    def keep(self, epoch: int, content: bytes, seconds: float) -> None:
        """Keep the weights of an epoch's end, after so many seconds of training."""
        self.newest, self.early = (epoch, content), None
        self._next_early = seconds + EARLY_EVERY

    def end(self, outcome: Outcome) -> None:
        """Keep how it ended until somebody has taken that."""
        self.outcome, self.newest, self.early = outcome, None, None
        _bound()
        self._say("ended")

    @property
    def size(self) -> int:
        return 0 if self.outcome is None else len(self.outcome.checkpoint or b"")


_kept: dict[str, Kept] = {}  # by the orders' tokens, in the order in which they came


def begin(kept: Kept) -> None:
    """Keep an order's run from now on."""
    _kept[kept.order.token] = kept


def drop(kept: Kept) -> None:
    """Keep nothing of an order that was withdrawn."""
    _kept.pop(kept.order.token, None)


def _bound() -> None:
    """Give up the oldest ends where nobody takes them: their apps are gone for long."""
    ended = [kept for kept in list(_kept.values()) if kept.outcome is not None]
    size = sum(kept.size for kept in ended)
    for kept in ended[:-1]:
        if size <= MOST_ENDED:
            return
        size -= kept.size
        _kept.pop(kept.order.token, None)


# Called on the worker's event loop, by whichever process of the app --------------------------


def live(run_id: str) -> Kept | None:
    """The newest order of a run that is under way here."""
    found = [k for k in list(_kept.values()) if k.order.run_id == run_id and k.outcome is None]
    return found[-1] if found else None


def take_over(token: str) -> tuple[int, bytes, bool] | None:
    """The events sent, the recording after them, pickled, and whether the run is over; None where
    this order is not here."""
    kept = _kept.get(token)
    if kept is None:
        return None
    with kept.lock:
        return kept.sent, pickle.dumps(kept.recording), kept.outcome is not None


def take_snapshots(token: str, epoch: int, early: bool) -> list[tuple[int | None, bytes]]:
    """The newest weights of a live run: of an epoch's end, with its number, if it is later than
    `epoch`; and if asked for, those from within the next one, with None."""
    kept, found = _kept.get(token), []
    if kept is None:
        return found
    newest, within = kept.newest, kept.early
    if newest is not None and newest[0] > epoch:
        found.append(newest)
    if early and within is not None:
        found.append((None, within))
    return found


def outcome(token: str) -> Any:
    """How an order ended; None where it has not, or nothing is known of it."""
    kept = _kept.get(token)
    return None if kept is None else kept.outcome


def forget(token: str) -> None:
    """Its end was taken and written: nothing of it is wanted any more."""
    kept = _kept.get(token)
    if kept is not None and kept.outcome is not None:
        del _kept[token]
