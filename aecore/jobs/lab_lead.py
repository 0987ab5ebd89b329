"""One run of an experiment on the workers: its tasks handed out, one a worker, and taken in.

A worker that is lost costs the task that it had, which is done again elsewhere.
"""

from __future__ import annotations

import logging
import pickle
import queue
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aecore.errors import AecoreError
from aecore.jobs import arriving, lab_order, lab_orders, orders
from aecore.jobs.cluster import is_loss
from aecore.jobs.lab_desk import UNREACHABLE, LabDesk
from aecore.jobs.lab_order import LabOrder
from aecore.jobs.lab_run import LabRun
from aecore.jobs.parcel import Parcel
from aecore.lab.experiment import Task, Values

log = logging.getLogger(__name__)
TRIES = 3  # of a task whose worker is lost
LAST = -10  # Dask's priority: behind runs and pages
TICK = 0.2  # seconds between two looks at the workers


@dataclass(eq=False)
class _Sent:
    """A task on a worker."""

    task: Task
    address: str
    future: Any


class Lead:
    """Leads a run. end: called with how it ended: "finished", or "stopped"."""

    def __init__(
        self,
        desk: LabDesk,
        run: LabRun,
        tasks: list[Task],
        model: Parcel | None,
        end: Callable[[LabRun, str], None],
    ):
        self.desk, self.run, self.model, self.end = desk, run, model, end
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
            self.end(run, "finished")
        except Exception as error:  # whatever it is, the page says it
            log.exception("the experiment %s", run.run_id)
            for task in self.waiting:
                self._failed(task, f"It could not be done ({error!r:.200}).")
            self.end(run, "stopped")
        finally:
            self._withdraw()

    def _send(self) -> None:
        """Hand out tasks while there is room."""
        while self.waiting and len(self.sent) < self.desk.width():
            if self.run.ending.is_set():
                return
            try:
                client = self.desk.client()
                address = self.desk.place()
            except UNREACHABLE as error:
                log.info("no workers for an experiment: %s", error)
                self.run.ending.wait(1.0)
                return
            if address is None:
                self.run.ending.wait(TICK)
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
            self.desk.posts[token] = self.post
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
            except UNREACHABLE as error:
                log.info("an experiment's task was not taken: %s", error)
                self._give_up(token, address)
                self.waiting.insert(0, task)
                return
            self.sent[token] = _Sent(task, address, future)
            future.add_done_callback(lambda _, token=token: self.post.put(("over", token)))

    def _take_in(self) -> None:
        """One message, if there is one soon."""
        try:
            kind, token, *rest = self.post.get(timeout=TICK)
        except queue.Empty:
            self._look_for_lost()
            return
        sent = self.sent.get(token)
        if sent is None:
            return
        if kind == "over":
            self._over(token, sent)
        elif kind == lab_order.LOOK:
            values, share = pickle.loads(rest[1])  # from our own worker
            with self.run.lock:
                if sent.task.name not in self.run.record.done and self.run.live:
                    self.run.looks[sent.task.name] = values
                    self.run.shares[sent.task.name] = share
                    self.run.version += 1
        elif kind == lab_order.DATA:
            threading.Thread(target=self._bring, args=(rest[0], rest[1]), daemon=True).start()

    def _over(self, token: str, sent: _Sent) -> None:
        """A task ended, in whichever way."""
        future = sent.future
        self._give_up(token, sent.address)
        del self.sent[token]
        try:
            if future.status == "finished":
                how, what, seconds = pickle.loads(future.result(timeout=30))  # our own worker's
                if how == lab_order.DONE:
                    self._done(sent.task, what)
                elif how == lab_order.REFUSED:
                    self._failed(sent.task, what)
                else:
                    self._again(sent.task, "it was withdrawn")
                log.debug("%s took %.2f s", sent.task.name, seconds)
            elif future.status == "error" and not is_loss(future):
                self._failed(sent.task, f"It could not be done ({future.exception()!r:.200}).")
            else:
                self._again(sent.task, "its worker process was ended")
        except UNREACHABLE as error:
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
        client = self.desk.heard
        if client is None or client.status == "running":
            return
        for token, sent in list(self.sent.items()):
            self._give_up(token, sent.address)
            del self.sent[token]
            self.tries[sent.task.name] -= 1  # not the task's doing
            self._again(sent.task, "the workers were gone")

    def _bring(self, address: str, name: str) -> None:
        """Send data to a worker on a machine that has not got them."""
        client = self.desk.heard
        try:
            for piece in arriving.pieces(name):
                taken = client.run(orders.take_piece, name, *piece, workers=[address])
                if not taken.get(address):
                    return  # another's came first
        except (AecoreError, *UNREACHABLE) as error:
            log.warning("data of an experiment: %s", error)
            client.run(orders.refuse_data, name, str(error), workers=[address], on_error="ignore")

    def _give_up(self, token: str, address: str) -> None:
        self.desk.posts.pop(token, None)
        self.desk.leave(address)

    def _withdraw(self) -> None:
        """End what is still under way; a worker leaves it within a moment."""
        for token, sent in list(self.sent.items()):
            self._give_up(token, sent.address)
            try:
                sent.future.cancel()
            except UNREACHABLE as error:
                log.info("a task was not withdrawn: %s", error)
        self.sent.clear()
