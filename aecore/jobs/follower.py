"""One order under way, and the thread that leads it: who waits for its worker waits alone."""

from __future__ import annotations

import logging
import pickle
import queue
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from aecore.errors import AecoreError, JobError
from aecore.jobs import arriving, orders
from aecore.jobs.cluster import RETRY, Workers, is_loss
from aecore.jobs.handing import order_of, to_resume, where_in_words
from aecore.jobs.news import News
from aecore.jobs.order import Order
from aecore.jobs.placing import place, place_better
from aecore.runs.store import Run, RunStore
from aecore.training.events import Failed, Stopped

log = logging.getLogger(__name__)
FETCH_LIMIT = 120.0  # seconds for the largest checkpoint to come from its worker
NEW_TRIES = 2  # times in a row that a run whose worker ended is handed out anew by itself
STEADY = 120.0  # seconds after which a run that goes on is no sign that it ends its workers
EVENTS_LIMIT = 2.0  # seconds for the last events to come, which the end may overtake


class Follower:
    """Hands a run's order to the workers and takes in all that comes of it, until it is over.

    order: None for one that is under way, which another process led. on_end: called once, when it
    is over; on_new: with the old and the new token, where it was handed out anew. What is heard
    comes on other threads; everything that waits for a worker or a disk happens on this one's own.
    """

    def __init__(
        self,
        run: Run,
        order: Order | None,
        store: RunStore,
        workers: Workers,
        news: News,
        on_end: Callable[[Follower], None],
        on_new: Callable[[Follower, str], None],
    ):
        self.run, self.token = run, run.token
        self._order, self._store, self._workers, self._news = order, store, workers, news
        self._on_end, self._on_new = on_end, on_new
        self._post: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._handing = threading.Lock()  # while the order changes hands
        self._future: Any = None
        self._over = threading.Event()  # withdrawn or settled: what still comes is for nobody
        self._elsewhere = False  # another process leads it now
        self._tries, self._begun = 0, 0.0
        threading.Thread(target=self._follow, name=f"aecore-{run.run_id}", daemon=True).start()

    def withdraw(self) -> None:
        """End the order where it is: unsent, in the queue, or at a worker, which then stops."""
        self._over.set()
        with self._handing:
            self._workers.cancel(self.token, self._future)
        if self.run.recording.live:
            self.run.recording.status = "stopped"
            self.run.recording.version += 1
        self._post.put(("over", None))

    def leave(self) -> None:
        """Follow no longer: the run goes on, led by another process, or by the next."""
        self._elsewhere = True
        self.run.placed = None
        self._over.set()
        self._post.put(("over", None))

    def lose(self, why: str) -> None:
        """The worker is gone, or given up."""
        self._post.put(("lost", (self.token, why)))

    def hear(self, what: str) -> None:
        """Something happened: "begun", "data", "epoch", "snapshot", "ended", "again", in the words
        of its worker; or "connected": there is a cluster again."""
        self._post.put((what, (self.token, "")))

    @property
    def hears_of_its_end(self) -> bool:
        """Whether Dask says here how the task ends: it does so where it was submitted."""
        return self._future is not None

    @property
    def astray(self) -> bool:
        """Whether the order waits for a worker that went before it took it. Dask does not look for
        another where there was none just then."""
        present, run = self._workers.present, self.run
        waits = self._future is not None and run.worker is None and not self._over.is_set()
        return waits and bool(present) and run.placed is not None and run.placed not in present

    def _fail(self, message: str) -> None:
        with self.run.lock:
            if self.run.recording.live and not self._over.is_set():
                self.run.recording.fail(message)

    # On the follower's own thread -----------------------------------------------------------

    def _follow(self) -> None:
        try:
            if self._hand_out() if self._order is not None else self._attach():
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
        if future is not None and future.done():
            future.release()  # whoever still holds it, Dask need not
        if not self._elsewhere:
            # The worker stops by itself when nobody wants its task any more.
            if future is not None and not future.done():
                self._workers.cancel(self.token, future)
            with self.run.lock:
                if self.run.token == self.token and not self.run.recording.live:
                    self.run.leader = self.run.token = ""
                    self.run.remark = (
                        "" if self.run.recording.status == "failed" else self.run.remark
                    )
                self._store.write_facts(self.run)
            self._workers.say("facts", self.run.run_id, self.token, self._store.replica.me)
        self._on_end(self)

    def _connected(self) -> bool:
        """Wait until there are workers; False if it was withdrawn meanwhile."""
        while not self._over.is_set():
            try:
                self._workers.start()
                return True
            except JobError as error:
                log.warning("run %s waits: %s", self.run.run_id, error)
                self._over.wait(RETRY)
        return False

    def _hand_out(self) -> bool:
        """Give the order to the workers, as soon as there are any; False if it was withdrawn."""
        if not self._connected():
            return False
        with self._handing:
            if self._over.is_set():
                return False
            assert self._order is not None
            where = place(self.run, self._store.all(), self._workers.present)
            self._future = self._workers.submit(self._order, where)
        self._future.add_done_callback(self._ended)
        return True

    def _attach(self) -> bool:
        """Find an order that is under way, wherever it is by now; whether the run goes on."""
        while self._connected():
            try:
                found = self._news.catch_up(self.run)
                # Asked after the workers: an order that ends in between is found there.
                waits = found or self._workers.knows(self.token)
                break
            except JobError as error:
                log.warning("run %s: %s", self.run.run_id, error)
                self._over.wait(RETRY)
        else:
            return False
        return True if waits else self._go_on("Its worker process was ended.")

    def _ended(self, future: Any) -> None:
        """Called on a thread of Dask's when the task is over, however it ended."""
        if future is self._future and not self._over.is_set():
            self._post.put(("task", (self.token, future)))

    def _enter(self, what: str, about: Any) -> bool:
        """Take in one thing; whether the run goes on."""
        if what == "over" or self._over.is_set() or self.run.run_id not in self._store.runs:
            return False
        token, given = about
        if token != self.token:
            return True  # of an order that was lost, and is known to be
        if what == "begun":
            self._begun = time.monotonic()
            self.run.placed = self.run.worker  # Dask may have had to choose another
            self._store.write_facts(self.run)  # where it is, for whoever leads it next
        elif what == "data":
            self._send_data()
        elif what in ("epoch", "snapshot"):
            newer = self._fetch_snapshots()
            if newer and place_better(self.run, self._store.all(), self._workers.present):
                return self._hand_out_anew("")
        elif what == "ended":
            return self._settle()
        elif what == "task":
            return self._task_ended(given)
        elif what == "connected":
            return self.hears_of_its_end or self._attach()
        elif what == "astray":
            return not self.astray or self._hand_out_anew("")
        elif what == "again":
            return self._go_on("Its worker process was ended.")
        elif what == "lost":
            return self._go_on(given)
        return True

    def _send_data(self) -> None:
        """The worker has not the data of this run: send them to it."""
        name = self.run.dataset
        try:
            for piece in arriving.pieces(name):
                if not self._workers.ask(self.run, orders.take_piece, name, *piece, patience=60.0):
                    return  # another run's came first
        except (AecoreError, OSError) as error:
            log.warning("data of run %s: %s", self.run.run_id, error)
            self._workers.ask(self.run, orders.refuse_data, name, str(error))

    def _fetch_snapshots(self) -> bool:
        """Take in the newest weights; whether there were any."""
        run = self.run
        if not run.recording.live or run.worker is None:
            return False
        try:
            found = self._workers.ask(
                run,
                orders.take_snapshots,
                self.token,
                run.saved_epoch,
                True,
                patience=FETCH_LIMIT,
            )
        except JobError as error:
            log.warning("%s", error)  # the next one comes soon, or the run is over
            return False
        for epoch, content in found:
            if epoch is not None:
                self._take_in(content, epoch)
            else:
                self._store.take_early(run, content)
        return bool(found)

    def _take_in(self, content: bytes, epoch: int | None, done: int | None = None) -> None:
        """Store a checkpoint, unless the run was withdrawn meanwhile: it may go on elsewhere."""
        with self.run.lock:
            if self._over.is_set():
                return
            self._store.take_in(self.run, content, epoch, done)
        self._workers.say("facts", self.run.run_id, self.token, self._store.replica.me)

    def _task_ended(self, future: Any) -> bool:
        if future.status == "finished":
            return self._settle()
        if future.status != "error":  # the connection broke, or the scheduler knows it no more
            if self._workers.outlives:
                return self._attach()
            return self._go_on("The connection to the training workers was lost.")
        if is_loss(future):
            return self._go_on(self._workers.why_ended(self.run.worker))
        error = future.exception()
        log.error("run %s failed: %r", self.run.run_id, error)
        self._fail(f"The run could not go on ({_short(error)}).")
        return False

    def _go_on(self, why: str) -> bool:
        """Hand the run out anew, from the newest weights that are kept of it, with a word of it;
        whether it goes on. One that ends each worker that takes it fails."""
        if self._begun and time.monotonic() - self._begun > STEADY:
            self._tries = 0
        self._begun = 0.0
        if self._tries >= NEW_TRIES:
            self._fail(f"{why} {self.run.way_on()}")
            return False
        self._tries += 1
        return self._hand_out_anew(why)

    def _hand_out_anew(self, why: str) -> bool:
        """Under a new token, from the newest weights that are kept; whether the run goes on. why:
        what happened to it, "" where it only moves."""
        run, store, old = self.run, self._store, self.token
        with run.lock:
            if not run.recording.live or self._over.is_set():
                return False
            card, resume = to_resume(store, run, not self._workers.outlives)
            if not store.lead(run, secrets.token_hex(8), of=store.replica.me):
                self._elsewhere = True
                return False
            order = order_of(run, resume, as_it_stood=True)
            if why:
                run.remark = f"{why} It went on by itself {where_in_words(card, run)}."
            before, run.worker, run.received = run.worker, None, 0
            run.recording.go_back(card)
            run.recording.wait()
            store.write_facts(run)
            self._order, self.token = order, run.token
        log.warning("run %s: %s", run.run_id, why or f"moves from {before} to {run.placed}")
        with self._handing:
            # First forgotten, then cancelled: that it ends is no news then.
            future, self._future = self._future, None
            self._workers.cancel(old, future)
        self._on_new(self, old)
        return self._hand_out()

    def _settle(self) -> bool:
        run = self.run
        try:
            outcome = self._workers.ask(run, orders.outcome, self.token, patience=FETCH_LIMIT)
        except JobError as error:
            log.warning("fetching the end of run %s: %s", run.run_id, error)
            return self._go_on("Its worker process was ended.")
        if outcome is None:
            return self._go_on("How it ended was lost on the way from its worker.")
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
                self._store.write_facts(run)
        event = pickle.dumps(outcome.event)
        self._workers.say("end", run.run_id, self.token, self._store.replica.me, event)
        try:
            self._workers.ask(run, orders.forget, self.token)
        except JobError as error:
            log.info("%s", error)  # it is gone, and what it kept with it
        return False

    def _wait_for_events(self, sent: int) -> None:
        """The end may overtake the last events on the way here."""
        end, tick = time.monotonic() + EVENTS_LIMIT, threading.Event()
        while self.run.received < sent and time.monotonic() < end:
            tick.wait(0.02)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
