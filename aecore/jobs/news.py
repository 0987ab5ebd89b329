"""What workers and other processes of the app say of runs, taken in by each process that hears it.

Messages of an order are numbered. Whoever missed some, came later, or has just begun to listen asks
the worker for its whole recording, and goes on from there.
"""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from collections.abc import Callable
from typing import Any

from aecore.errors import JobError
from aecore.jobs import orders
from aecore.jobs.cluster import Workers
from aecore.runs.recording import Recording
from aecore.runs.store import ID_PATTERN, Run, RunStore

log = logging.getLogger(__name__)
MOST_HELD = 1000  # messages of one order that wait for its recording
_TAKEN = ("started", "pca_sample", "probe", "epoch", "last_step")  # theirs where there is one
_WHOLE = ("status", "message", "preparing", "newest", "summary")


class News:
    """Feeds the recordings of all runs that the store knows. tell: called with a run's token and
    what happened ("begun", "epoch", "snapshot", "ended", "again"), for whoever leads it here.
    changed: called with a run that other processes may have changed.
    """

    def __init__(
        self,
        store: RunStore,
        workers: Workers,
        tell: Callable[[str, str], None],
        changed: Callable[[Run], None],
    ):
        self._store, self._workers, self._tell, self._changed = store, workers, tell, changed
        self._lock = threading.Lock()  # held for moments, on Dask's thread too
        self._held: dict[str, list[tuple[int, str, Any]]] = {}  # by token
        self._asked: dict[str, None] = {}
        self._jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        self._jobs.put(None)

    # On Dask's thread ---------------------------------------------------------------------------

    def hear(self, message: Any) -> None:
        """Take in one message."""
        kind, run_id, token, who, *rest = message[1]
        run = self._store.runs.get(run_id)
        if who == self._store.replica.me:
            return
        if run is None or run.token != token or kind == "facts":
            self._ask(run_id)
        elif kind == "event":
            self._event(run, token, who, *rest)
        elif kind == "end":
            run.recording.add(pickle.loads(rest[0]))
            self._ask(run_id)
        else:
            run.worker = who
            self._tell(token, kind)

    def _event(self, run: Run, token: str, address: str, sequence: int, content: bytes) -> None:
        with self._lock:
            if sequence <= run.received:
                if sequence == 1 and address != run.worker:
                    self._tell(token, "again")  # a cluster set to retry started it once more
                return
            # From our own worker, over Dask's own pickled channel.
            event = pickle.loads(content)
            if sequence != run.received + 1 or token in self._held:
                held = self._held.setdefault(token, [])
                if len(held) < MOST_HELD:
                    held.append((sequence, address, event))
                self._ask(run.run_id)
                return
            self._add(run, sequence, address, event)
        if sequence == 1:
            self._tell(token, "begun")
        if event.kind == "epoch":
            self._tell(token, "epoch")

    def _add(self, run: Run, sequence: int, address: str, event: Any) -> None:
        run.worker = address
        run.recording.add(event)
        run.received = sequence

    def _ask(self, run_id: str) -> None:
        """Have the other thread look at what is not known here."""
        if run_id in self._asked or not ID_PATTERN.fullmatch(run_id):
            return
        self._asked[run_id] = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="aecore-news", daemon=True)
            self._thread.start()
        self._jobs.put(run_id)

    # On its own ----------------------------------------------------------------------------------

    def _work(self) -> None:
        while (run_id := self._jobs.get()) is not None:
            self._asked.pop(run_id, None)
            try:
                run = self._store.get(run_id)
                if not self._store.look(run, now=True):
                    continue
                self._changed(run)
                if run.recording.live and run.token and (run.token in self._held or self._new(run)):
                    self.catch_up(run)
            except JobError as error:
                log.info("%s", error)
                # Deleted, or its worker is gone: what is held of it is for nobody.
                with self._lock:
                    run = self._store.runs.get(run_id)
                    self._held.pop(run.token if run else "", None)
            except Exception:  # of one run; the others' news go on
                log.exception("taking in what is new of %s", run_id)

    @staticmethod
    def _new(run: Run) -> bool:
        """Whether nothing has been heard of its order yet, although it may be long under way."""
        return run.received < 0

    def catch_up(self, run: Run) -> bool:
        """Bring a run's recording up to what its worker has; whether one has it. Raises JobError
        where the workers do not answer."""
        token = run.token
        # All that the scheduler knows, not the one that is written down: that may be gone, and Dask
        # would try to reach it for half a minute.
        for address, found in self._workers.everywhere(orders.take_over, token).items():
            if found is None:
                continue
            sent, recording, over = found
            with self._lock:
                if run.token != token:
                    return False
                if sent > run.received:
                    bring_up(run.recording, pickle.loads(recording), over)
                    run.received = sent
                run.worker = address
                for sequence, place, event in self._held.pop(token, []):
                    if sequence == run.received + 1:
                        self._add(run, sequence, place, event)
            self._tell(token, "ended" if over else "begun")
            self._tell(token, "snapshot")
            return True
        with self._lock:
            self._held.pop(token, None)
        return False


def bring_up(ours: Recording, theirs: Recording, over: bool) -> None:
    """Take into a recording what a worker's says, which begins where its order began.

    over: whether the order has ended; whoever leads the run says so when its files are there.
    """
    start = theirs.probes[0][0] if theirs.probes else float("inf")
    ours.probes = [row for row in ours.probes if row[0] < start] + theirs.probes
    before = [change for change in ours.changes if change not in theirs.changes]
    ours.changes = [change for change in before if change.images_seen < start] + theirs.changes
    if theirs.history:
        ours.history = theirs.history
    for name in _TAKEN:
        if getattr(theirs, name) is not None:
            setattr(ours, name, getattr(theirs, name))
    for name in _WHOLE if not over else ():
        if getattr(theirs, name) or name == "message":
            setattr(ours, name, getattr(theirs, name))
    ours.version += 1
