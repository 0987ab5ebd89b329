"""Experiments on the workers: each run's tasks side by side, one a worker, led by a thread.

A run shows what it has found from the first task on. A worker that is lost costs the task that it
had, which is done again elsewhere. Results are kept in the person's folder.
"""

from __future__ import annotations

import logging
import pickle
import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aecore.datasets.own.store import check_access
from aecore.errors import AecoreError, JobError
from aecore.jobs import arriving, lab_orders, orders
from aecore.jobs.cluster import Workers, is_loss
from aecore.jobs.in_hand import InHand, packed
from aecore.jobs.lab_orders import LabOrder
from aecore.jobs.parcel import Parcel
from aecore.lab.about import About
from aecore.lab.experiment import Task, Values
from aecore.lab.record import Record
from aecore.lab.registry import plain_options
from aecore.lab.running import planned
from aecore.lab.store import LabStore, new_id

log = logging.getLogger(__name__)
MAX_LIVE_PER_OWNER = 2
TRIES = 3  # of a task whose worker is lost
LAST = -10  # Dask's priority: behind runs and pages
_TICK = 0.2  # seconds between two looks at the workers
_KEPT = 64  # runs that are over and still in memory
_UNREACHABLE = (JobError, OSError, TimeoutError, RuntimeError, AttributeError, ValueError)


@dataclass(eq=False)
class LabRun:
    """A run as pages look at it. `record` grows while it runs, `version` with it; shares: how much
    of each task under way is done. weights: of all tasks."""

    run_id: str
    owner: str
    record: Record
    weights: dict[str, float]
    version: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    looks: dict[str, Values] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    unsaved: str = ""  # why the result could not be kept
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    ending: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def live(self) -> bool:
        return self.record.state == "running"

    def seen(self) -> Record:
        """What is known now, with what tasks under way have found."""
        with self.lock:
            done = {**self.looks, **self.record.done}
            return Record(**{**vars(self.record), "done": done, "failed": dict(self.record.failed)})

    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        with self.lock:
            over = {*self.record.done, *self.record.failed}
            done = sum(w * (1 if t in over else self.shares.get(t, 0)) for t, w in self._weights())
        return done / max(sum(self.weights.values()), 1e-9)

    def _weights(self) -> Sequence[tuple[str, float]]:
        return list(self.weights.items())

    def seconds_left(self) -> float | None:
        """By its pace so far; None before there is one."""
        share, spent = self.share(), time.monotonic() - self.began
        return None if share < 0.02 or not self.live else spent * (1 - share) / share


class LabRuns:
    """All runs of experiments of this process. Safe from any thread.

    root: folder of the results. begin: waits until the workers are there.
    """

    def __init__(self, root: Path, workers: Workers, begin: Any):
        self.store = LabStore(root)
        self._workers, self._begin = workers, begin
        self._lock = threading.Lock()
        self._runs: dict[str, LabRun] = {}
        self._busy: Counter[str] = Counter()  # tasks on each worker
        self._posts: dict[str, queue.SimpleQueue] = {}  # of each order under way, its run's post
        self._client: Any = None  # that listens

    def start(
        self,
        owner: str,
        name: str,
        options: Any,
        about: About,
        held: InHand | None,
        guess: Sequence[float] = (),
    ) -> LabRun:
        """Start a run. held: the model, for an experiment that uses one. guess: what was predicted.
        Raises AecoreError at once if it cannot be."""
        record = Record(name, plain_options(options), about, tuple(guess))
        one = record.of()
        if about.dataset:
            check_access(about.dataset, owner)
        tasks = planned(one, options, about)
        asked = one.asks(options, about)
        if guess and asked is not None:
            record.guess = asked.check(guess)
        self.store.check_new(owner)
        record.planned = len(tasks)
        with self._lock:
            live = [run for run in self._runs.values() if run.owner == owner and run.live]
            if len(live) >= MAX_LIVE_PER_OWNER:
                raise JobError(
                    f"You have {len(live)} experiments under way; wait for one to end or stop one."
                )
            run = LabRun(new_id(), owner, record, {task.name: task.weight for task in tasks})
            self._runs[run.run_id] = run
            over = [r.run_id for r in self._runs.values() if not r.live]
            for old in over[: max(0, len(over) - _KEPT)]:
                del self._runs[old]
        model = None if held is None else packed(held)
        lead = _Lead(self, run, tasks, model)
        threading.Thread(target=lead.follow, name=f"aecore-{run.run_id}", daemon=True).start()
        return run

    def get(self, owner: str, run_id: str) -> LabRun | None:
        """A run of one's own that this process had; None for none."""
        run = self._runs.get(run_id)
        return run if run is not None and run.owner == owner else None

    def record(self, owner: str, run_id: str) -> Record:
        """What is known of a run of one's own, under way or kept. Raises JobError."""
        run = self.get(owner, run_id)
        return self.store.load(owner, run_id) if run is None else run.seen()

    def live(self, owner: str) -> list[LabRun]:
        """An owner's runs under way."""
        return [run for run in list(self._runs.values()) if run.owner == owner and run.live]

    def stop(self, owner: str, run_id: str) -> None:
        """Stop a run at once; what is done is kept. Nothing happens to one that is over."""
        run = self.get(owner, run_id)
        if run is not None and run.live:
            self._end(run, "stopped")

    def close(self) -> None:
        """Stop all, keeping what they found."""
        for run in list(self._runs.values()):
            if run.live:
                self._end(run, "stopped")

    def _end(self, run: LabRun, state: str) -> None:
        with run.lock:
            if run.ending.is_set():
                return
            run.ending.set()
            seconds = time.monotonic() - run.began
            over = Record(**{**vars(run.record), "state": state, "seconds": seconds})
            try:
                # Before anybody is told: whoever sees its end may open it, or give a link.
                if over.done:
                    self.store.keep(run.owner, run.run_id, over)
            except AecoreError as error:
                run.unsaved = str(error)
            run.record = over
            run.looks.clear()
            run.version += 1

    # For those who lead ---------------------------------------------------------------------

    def client(self) -> Any:
        """Dask's client, which listens to what tasks say. Raises what _UNREACHABLE names."""
        self._begin()
        client = self._workers.client
        with self._lock:
            if client is not self._client:
                client.subscribe_topic(lab_orders.TOPIC, self._hear)
                self._client = client
        return client

    def _hear(self, message: Any) -> None:
        """On Dask's thread: somebody's task says something."""
        kind, token, address, *rest = message[1]
        post = self._posts.get(token)
        if post is not None:
            post.put((kind, token, address, *rest))

    def place(self) -> str | None:
        """The worker with the fewest tasks of experiments, whose place is taken; None for none."""
        with self._lock:
            address = min(self._workers.present, key=lambda a: self._busy[a], default=None)
            if address is not None:
                self._busy[address] += 1
            return address

    def leave(self, address: str) -> None:
        """A place is free again."""
        with self._lock:
            self._busy[address] -= 1

    def width(self) -> int:
        """How many tasks of a run are under way at a time: one a worker."""
        return max(1, len(self._workers.present))


@dataclass(eq=False)
class _Sent:
    """A task on a worker."""

    task: Task
    address: str
    future: Any


class _Lead:
    """Leads a run on a thread of its own."""

    def __init__(self, runs: LabRuns, run: LabRun, tasks: list[Task], model: Parcel | None):
        self.runs, self.run, self.model = runs, run, model
        self.waiting = list(tasks)
        self.sent: dict[str, _Sent] = {}
        self.tries: Counter[str] = Counter()
        self.post: queue.SimpleQueue[tuple] = queue.SimpleQueue()

    def follow(self) -> None:
        """Until all tasks are over, or it is stopped."""
        run = self.run
        try:
            while not run.ending.is_set() and (self.waiting or self.sent):
                self._send()
                self._take_in()
            self.runs._end(run, "finished")
        except Exception as error:  # whatever it is, the page says it
            log.exception("the experiment %s", run.run_id)
            for task in self.waiting:
                self._failed(task, f"It could not be done ({error!r:.200}).")
            self.runs._end(run, "stopped")
        finally:
            self._withdraw()

    def _send(self) -> None:
        """Hand out tasks while there is room."""
        while self.waiting and len(self.sent) < self.runs.width():
            if self.run.ending.is_set():
                return
            try:
                client = self.runs.client()
                address = self.runs.place()
            except _UNREACHABLE as error:
                log.info("no workers for an experiment: %s", error)
                self.run.ending.wait(1.0)
                return
            if address is None:
                self.run.ending.wait(_TICK)
                return
            task, token = self.waiting.pop(0), secrets.token_hex(8)
            self.tries[task.name] += 1
            record = self.run.record
            order = LabOrder(
                token,
                self.run.run_id,
                self.run.owner,
                record.experiment,
                record.options,
                (task.name, task.values, task.seed, task.weight),
                record.about.dataset,
                self.model,
            )
            self.runs._posts[token] = self.post
            try:
                future = client.submit(
                    lab_orders.carry_out,
                    pickle.dumps(order, protocol=5),
                    key=f"aecore-lab-{token}",
                    workers=[address],
                    allow_other_workers=True,
                    pure=False,
                    priority=LAST,
                    retries=0,
                )
            except _UNREACHABLE as error:
                log.info("an experiment's task was not taken: %s", error)
                self._give_up(token, address)
                self.waiting.insert(0, task)
                return
            self.sent[token] = _Sent(task, address, future)
            future.add_done_callback(lambda _, token=token: self.post.put(("over", token)))

    def _take_in(self) -> None:
        """One message, if there is one soon."""
        try:
            kind, token, *rest = self.post.get(timeout=_TICK)
        except queue.Empty:
            self._look_for_lost()
            return
        sent = self.sent.get(token)
        if sent is None:
            return
        if kind == "over":
            self._over(token, sent)
        elif kind == lab_orders.LOOK:
            values, share = pickle.loads(rest[1])  # from our own worker
            with self.run.lock:
                if sent.task.name not in self.run.record.done and self.run.live:
                    self.run.looks[sent.task.name] = values
                    self.run.shares[sent.task.name] = share
                    self.run.version += 1
        elif kind == lab_orders.DATA:
            threading.Thread(target=self._bring, args=(rest[0], rest[1]), daemon=True).start()

    def _over(self, token: str, sent: _Sent) -> None:
        """A task ended, in whichever way."""
        future = sent.future
        self._give_up(token, sent.address)
        del self.sent[token]
        try:
            if future.status == "finished":
                how, what, seconds = pickle.loads(future.result(timeout=30))  # our own worker's
                if how == lab_orders.DONE:
                    self._done(sent.task, what)
                elif how == lab_orders.REFUSED:
                    self._failed(sent.task, what)
                else:
                    self._again(sent.task, "it was withdrawn")
                log.debug("%s took %.2f s", sent.task.name, seconds)
            elif future.status == "error" and not is_loss(future):
                self._failed(sent.task, f"It could not be done ({future.exception()!r:.200}).")
            else:
                self._again(sent.task, "its worker process was ended")
        except _UNREACHABLE as error:
            self._again(sent.task, f"its answer did not come ({error})")

    def _done(self, task: Task, values: Values) -> None:
        with self.run.lock:
            if self.run.ending.is_set():
                return
            self.run.record.done[task.name] = values
            self.run.looks.pop(task.name, None)
            self.run.version += 1

    def _failed(self, task: Task, why: str) -> None:
        with self.run.lock:
            self.run.record.failed[task.name] = why
            self.run.looks.pop(task.name, None)
            self.run.version += 1

    def _again(self, task: Task, why: str) -> None:
        """Do a task once more that came to nothing through no fault of its own."""
        if self.run.ending.is_set():
            return
        if self.tries[task.name] >= TRIES:
            self._failed(task, f"It was tried {TRIES} times, and {why} each time.")
            return
        with self.run.lock:
            self.run.looks.pop(task.name, None)
            self.run.shares.pop(task.name, None)
        self.waiting.insert(0, task)

    def _look_for_lost(self) -> None:
        """Tasks of a cluster that is gone: nobody says so of them."""
        client = self.runs._client
        if client is None or client.status == "running":
            return
        for token, sent in list(self.sent.items()):
            self._give_up(token, sent.address)
            del self.sent[token]
            self.tries[sent.task.name] -= 1  # not the task's doing
            self._again(sent.task, "the workers were gone")

    def _bring(self, address: str, name: str) -> None:
        """Send data to a worker on a machine that has not got them."""
        client = self.runs._client
        try:
            for piece in arriving.pieces(name):
                taken = client.run(orders.take_piece, name, *piece, workers=[address])
                if not taken.get(address):
                    return  # another's came first
        except (AecoreError, *_UNREACHABLE) as error:
            log.warning("data of an experiment: %s", error)
            client.run(orders.refuse_data, name, str(error), workers=[address], on_error="ignore")

    def _give_up(self, token: str, address: str) -> None:
        self.runs._posts.pop(token, None)
        self.runs.leave(address)

    def _withdraw(self) -> None:
        """End what is still under way; a worker leaves it within a moment."""
        for token, sent in list(self.sent.items()):
            self._give_up(token, sent.address)
            try:
                sent.future.cancel()
            except _UNREACHABLE as error:
                log.info("a task was not withdrawn: %s", error)
        self.sent.clear()
