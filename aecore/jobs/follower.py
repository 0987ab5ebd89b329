"""One order under way, and the thread that follows it: who waits for its worker waits alone."""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from collections.abc import Callable
from typing import Any

from aecore.errors import AecoreError, JobError
from aecore.jobs import orders
from aecore.jobs.cluster import RETRY, Workers, is_loss
from aecore.jobs.order import Order
from aecore.runs.store import Run, RunStore
from aecore.training.events import EpochDone, Failed, Started, Stopped, TrainEvent

log = logging.getLogger(__name__)
FETCH_LIMIT = 120.0  # seconds for the largest checkpoint to come from its worker
NEW_TRIES = 2  # times that a run which had not begun is handed out anew with its worker gone


class Follower:
    """Hands a run's order to the workers and takes in all that comes of it, until it is over.

    on_end: called once, then. Events come on Dask's thread, pages' wishes on theirs; everything
    that waits for a worker or a disk happens on this one's own.
    """

    def __init__(
        self,
        run: Run,
        order: Order,
        store: RunStore,
        workers: Workers,
        on_end: Callable[[Follower], None],
    ):
        self.run, self.order = run, order
        self._store, self._workers, self._on_end = store, workers, on_end
        self._threads, self._wanted_threads = order.threads, order.threads
        self._post: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._handing = threading.Lock()  # while the order changes hands
        self._future: Any = None
        self._over = threading.Event()  # withdrawn or settled: what still comes is for nobody
        self._tries = 0
        threading.Thread(target=self._follow, name=f"aecore-{run.run_id}", daemon=True).start()

    def withdraw(self) -> None:
        """End the order where it is: unsent, in the queue, or at a worker, which then stops."""
        self._over.set()
        with self._handing:
            if self._future is not None:
                self._future.cancel()
        if self.run.recording.live:
            self.run.recording.status = "stopped"
            self.run.recording.version += 1
        self._post.put(("over", None))

    def share(self, threads: int | None) -> None:
        """Have the run compute with so many threads from its next step on."""
        self._wanted_threads = threads
        self._post.put(("threads", None))

    def lose(self, why: str) -> None:
        """The worker is gone, or given up: mark the run at once, whatever its thread waits for."""
        self._fail(f"{why} {self.run.way_on()}")
        self._post.put(("over", None))

    def _fail(self, message: str) -> None:
        with self.run.lock:
            if self.run.recording.live and not self._over.is_set():
                self.run.recording.fail(message)

    def take_event(self, address: str, sequence: int, content: bytes) -> None:
        """One message of the run's worker, in order; on Dask's thread."""
        run = self.run
        if self._over.is_set() or not run.recording.live:
            return
        # From our own worker, over Dask's own pickled channel.
        event: TrainEvent = pickle.loads(content)
        if sequence == 1:
            if run.worker is not None:
                # A cluster set to retry started the run again from the beginning: refuse.
                self.lose("The worker process of this run was ended from outside.")
                return
            run.worker = address
        run.recording.add(event)
        if isinstance(event, Started):
            self._post.put(("threads", None))
        run.received = sequence
        if isinstance(event, EpochDone):
            self._post.put(("snapshot", None))

    # On the follower's own thread -----------------------------------------------------------

    def _follow(self) -> None:
        try:
            if self._hand_out():
                while self._enter(*self._post.get()):
                    continue
        except AecoreError as error:
            self._fail(str(error))
        except Exception as error:  # one run's end; the log has the rest
            log.exception("following run %s", self.run.run_id)
            self._fail(f"The run could not go on ({_short(error)}).")
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._over.set()
        with self._handing:
            future, self._future = self._future, None
        if future is not None:
            # The worker stops by itself when nobody wants its task any more.
            future.cancel() if not future.done() else future.release()
        self._on_end(self)
        self._store.write_facts(self.run)

    def _hand_out(self) -> bool:
        """Give the order to the workers, as soon as there are any; False if it was withdrawn."""
        while not self._over.is_set():
            try:
                self._workers.start()
                break
            except JobError as error:
                log.warning("run %s waits: %s", self.run.run_id, error)
                self._over.wait(RETRY)
        with self._handing:
            if self._over.is_set():
                return False
            self._future = self._workers.submit(self.order)
        self._future.add_done_callback(self._ended)
        return True

    def _ended(self, future: Any) -> None:
        """Called on a thread of Dask's when the task is over, however it ended."""
        if future is not self._future or self._over.is_set():
            return
        if self.run.worker is not None and _lost(future):
            # At once: the thread may just be waiting for an answer of the worker that is gone.
            self.lose(self._why_lost(future))
        self._post.put(("ended", future))

    def _enter(self, what: str, future: Any) -> bool:
        """Take in one thing; whether the run goes on."""
        if what == "over" or self.run.run_id not in self._store.runs:
            return False
        if what == "snapshot":
            self._fetch_snapshot()
        elif what == "threads":
            self._tell_threads()
        elif what == "ended":
            return self._settle(future)
        return True

    def _fetch_snapshot(self) -> None:
        run = self.run
        if not run.recording.live or run.worker is None:
            return
        try:
            snapshot = self._workers.ask(
                run, orders.take_snapshot, run.run_id, run.saved_epoch, patience=FETCH_LIMIT
            )
        except JobError as error:
            log.warning("%s", error)  # the next epoch brings the next one, or the run is over
            return
        if snapshot is not None:
            epoch, content = snapshot
            self._take_in(content, epoch)

    def _take_in(self, content: bytes, epoch: int | None, done: int | None = None) -> None:
        """Store a checkpoint, unless the run was withdrawn meanwhile: it may go on elsewhere."""
        with self.run.lock:
            if not self._over.is_set():
                self._store.take_in(self.run, content, epoch, done)

    def _tell_threads(self) -> None:
        run, threads = self.run, self._wanted_threads
        if threads is None or threads == self._threads or run.recording.status != "training":
            return
        try:
            self._workers.ask(run, orders.command, run.run_id, "change", {"threads": threads})
            self._threads = threads
        except JobError as error:
            log.warning("%s", error)  # it goes on with as many as before

    def _settle(self, future: Any) -> bool:
        run = self.run
        if _lost(future):
            if run.worker is None and run.recording.live and self._tries < NEW_TRIES:
                self._tries += (
                    future.status == "error"
                )  # else no worker had it, nor could end of it
                return self._hand_out()
            self.lose(self._why_lost(future))
            return False
        if future.status == "error":
            error = future.exception()
            log.error("run %s failed: %r", run.run_id, error)
            self._fail(f"The run could not go on ({_short(error)}).")
            return False
        try:
            outcome = future.result(timeout=FETCH_LIMIT)
        except Exception as error:  # what its way here does to it is Dask's; the run is lost
            log.warning("fetching the end of run %s: %r", run.run_id, error)
            self.lose("How this run ended was lost on the way from its worker.")
            return False
        self._wait_for_events(outcome.sent)
        if outcome.checkpoint is not None:
            reached = run.recording.epoch
            if isinstance(outcome.event, Failed):
                reached = outcome.event.kept  # the best epoch's weights, not the last one's
            epoch = reached.epoch if reached is not None else None
            within = isinstance(outcome.event, Failed) or (
                isinstance(outcome.event, Stopped) and outcome.event.within is not None
            )
            # Weights from within an epoch are no epoch's: its own file stays as it is.
            self._take_in(outcome.checkpoint, *((None, epoch) if within else (epoch, None)))
        with run.lock:
            if not self._over.is_set():
                run.recording.add(outcome.event)
        return False

    def _wait_for_events(self, sent: int) -> None:
        """The result may overtake the last events on the way here."""
        done = threading.Event()
        for _ in range(100):
            if self.run.received >= sent:
                return
            done.wait(0.02)

    def _why_lost(self, future: Any) -> str:
        if future.status == "error":
            return self._workers.why_ended(self.run.worker)
        return "The connection to the training workers was lost."


def _lost(future: Any) -> bool:
    """Whether a task ended with its worker, or with the scheduler that knew of it."""
    return future.status not in ("finished", "error") or (
        future.status == "error" and is_loss(future)
    )


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
