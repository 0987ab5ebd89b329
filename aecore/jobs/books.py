"""The books: one thread that takes in what workers report, and keeps each run up to date."""

from __future__ import annotations

import contextlib
import logging
import pickle
import queue
import threading
from typing import Any

from aecore.errors import AecoreError
from aecore.jobs import orders
from aecore.jobs.cluster import ANSWER_TIMEOUT, Workers, is_loss
from aecore.jobs.order import Order
from aecore.machine import cores
from aecore.runs.store import Run, RunStore
from aecore.training.events import EpochDone, Failed, Started, TrainEvent

log = logging.getLogger(__name__)


class Books:
    """Follows the orders that workers carry out. Everything that waits for a worker or a disk
    happens on this one thread, so that neither Dask's nor a page's ever waits."""

    def __init__(self, store: RunStore, workers: Workers):
        self.store, self.workers = store, workers
        self._futures: dict[str, Any] = {}
        self._work: queue.Queue = queue.Queue()
        threading.Thread(target=self._keep, name="aecore-books", daemon=True).start()

    def close(self) -> None:
        """Take in nothing more."""
        self._work.put(None)

    def follow(self, run: Run, order: Order) -> None:
        """Hand the run's order to the workers and take in all that comes of it."""
        self.workers.client.subscribe_topic(
            order.topic, lambda message: self._on_event(run, order, message)
        )
        future = self.workers.submit(order)
        self._futures[run.run_id] = future
        future.add_done_callback(lambda done: self._on_end(run, order, done))
        self._work.put(("threads", run, order, None))

    def withdraw(self, run: Run) -> None:
        """End a run that still waits for a worker."""
        self._futures[run.run_id].cancel()
        run.recording.status = "stopped"
        run.recording.version += 1
        self.store.write_facts(run)
        self._share_threads()

    def threads(self) -> int | None:
        """Threads for each computing run: its share of the cores; None on a foreign cluster.

        A lone run leaves one core to the server and a browser on the same machine: two threads
        that wait for each other at every step are slower than one when a third wants their place.
        """
        if self.workers.address is not None:
            return None
        computing = sum(
            r.recording.status in ("training", "waiting") for r in list(self.store.runs.values())
        )
        return max(1, (cores() - 1) if computing <= 1 else cores() // computing)

    # Called on Dask's threads ----------------------------------------------------------------

    def _on_event(self, run: Run, order: Order, message: tuple) -> None:
        """Called on the client's event loop for each message of a run, in order."""
        _, (address, sequence, content) = message
        # From our own worker, over Dask's own pickled channel.
        event: TrainEvent = pickle.loads(content)
        if order.attempt != run.attempt or not run.recording.live:
            if isinstance(event, Started):
                # Stopped or deleted while its worker was getting ready, which Dask cannot undo.
                self._work.put(("unwanted", run, order, address))
            return
        if isinstance(event, Started):
            if run.worker is not None:
                # A cluster set to retry started the run again from the beginning: refuse.
                self._work.put(("lost", run, order, None))
                return
            run.worker = address
            self._work.put(("threads", run, order, None))
        run.recording.add(event)
        run.received = sequence
        if isinstance(event, EpochDone):
            self._work.put(("snapshot", run, order, event.epoch))

    def _on_end(self, run: Run, order: Order, future: Any) -> None:
        """Called on a thread of Dask's when a run's task is over, however it ended."""
        if order.attempt == run.attempt and future.status == "error" and is_loss(future):
            # At once: the books may just be waiting for an answer of the worker that is gone.
            self._lost(run)
        self._work.put(("ended", run, order, future))

    # On the books' own thread ----------------------------------------------------------------

    def _keep(self) -> None:
        while (item := self._work.get()) is not None:
            what, run, order, extra = item
            try:
                self._enter(what, run, order, extra)
            except Exception:  # the books go on whatever one run does; the log has the rest
                log.exception("keeping the books of run %s", run.run_id)

    def _enter(self, what: str, run: Run, order: Order, extra: Any) -> None:
        if what == "unwanted":
            stop = (run.run_id, "stop", {})
            self.workers.client.run(
                orders.command, *stop, workers=[extra], callback_timeout=ANSWER_TIMEOUT
            )
            return
        if order.attempt != run.attempt or run.run_id not in self.store.runs:
            return
        if what == "snapshot":
            self._pull_snapshot(run)
        elif what == "ended":
            self._settle(run, extra)
        elif what == "lost":
            self._lost(run)
        self._share_threads()

    def _pull_snapshot(self, run: Run) -> None:
        if run.recording.live and run.worker is not None:
            snapshot = self.workers.ask(run, orders.take_snapshot, run.run_id)
            if snapshot is not None:
                epoch, content = snapshot
                self.store.take_in(run, content, epoch)

    def _settle(self, run: Run, future: Any) -> None:
        self._futures.pop(run.run_id, None)
        if future.status == "cancelled":
            return
        if future.status == "error":
            if not is_loss(future):
                error = future.exception()
                log.error("run %s failed: %r", run.run_id, error)
                run.recording.fail(
                    f"The run could not go on ({type(error).__name__}: {str(error)[:200]})."
                )
                self.store.write_facts(run)
            return
        outcome = future.result()
        self._wait_for_events(run, outcome.sent)
        if outcome.checkpoint is not None:
            epoch = None if isinstance(outcome.event, Failed) else run.recording.epoch
            self.store.take_in(run, outcome.checkpoint, epoch and epoch.epoch)
        run.recording.add(outcome.event)
        self.store.write_facts(run)

    def _wait_for_events(self, run: Run, sent: int) -> None:
        """The result may overtake the last events on the way here."""
        done = threading.Event()
        for _ in range(100):
            if run.received >= sent:
                return
            done.wait(0.02)

    def _lost(self, run: Run) -> None:
        run.recording.fail(
            "The worker process of this run was ended from outside. "
            + (
                f"It can be resumed from epoch {run.saved_epoch}."
                if run.saved_epoch
                else "It had finished no epoch yet; resuming starts it again."
            )
        )
        self.store.write_facts(run)

    def _share_threads(self) -> None:
        threads = self.threads()
        for run in list(self.store.runs.values()):
            if threads and run.recording.status == "training" and run.worker is not None:
                with contextlib.suppress(AecoreError):
                    self.workers.ask(
                        run, orders.command, run.run_id, "change", {"threads": threads}
                    )
