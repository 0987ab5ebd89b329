"""The books: which orders are under way, who follows each, and whose this process takes over."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from aecore.errors import AecoreError
from aecore.jobs.cluster import Workers
from aecore.jobs.follower import Follower
from aecore.jobs.handing import order_of
from aecore.jobs.news import News
from aecore.jobs.order import Order
from aecore.runs.store import Run, RunStore

log = logging.getLogger(__name__)
LOOK_AROUND = 1.0  # seconds between two looks whether other processes are there
LETTING_GO = 20.0  # seconds at most until a run that is over can be gone on with


class Books:
    """One follower for each order that this process leads. address: of a running cluster, which
    outlives this process, else an own one."""

    def __init__(self, store: RunStore, address: str | None):
        self.store = store
        self.workers = Workers(address, self._on_event, self._on_silent, self._on_connected)
        self.news = News(store, self.workers, self._tell, self._look_at)
        self._lock = threading.Lock()
        self.followers: dict[str, Follower] = {}
        self._closing = threading.Event()
        self._watching = threading.Lock()  # taken by the one thread that looks around

    def start(self) -> None:
        """Live among the processes that share the folder."""
        self.store.replica.begin()
        if self._watching.acquire(blocking=False):
            threading.Thread(target=self._look_around, name="aecore-others", daemon=True).start()

    def close(self) -> None:
        """Lead nothing any more; what a cluster that goes on trains is for the next to take."""
        self._closing.set()
        for follower in self._under_way():
            follower.leave()
        self.news.close()

    def settled(self, run: Run) -> None:
        """Wait until what is over of a run is let go of: it may just have ended. Not to be called
        with the run's lock."""
        end = time.monotonic() + LETTING_GO
        while time.monotonic() < end:
            if not any(follower.run is run for follower in self._under_way()):
                return
            time.sleep(0.02)

    def launch(self, run: Run, resume: bytes | Path | None) -> bool:
        """Lead a run from now on and hand it out under a new token; whether it was not withdrawn by
        another process meanwhile. Raises no error of the workers': the run waits for them."""
        if not self.store.lead(run, secrets.token_hex(8)):
            return False
        run.worker, run.received, run.end_seen, run.remark = None, 0, False, ""
        run.recording.wait()
        self.store.write_facts(run)
        self._follow(run, order_of(run, resume))
        return True

    def _follow(self, run: Run, order: Order | None) -> None:
        with self._lock:
            self.followers[run.token] = Follower(
                run, order, self.store, self.workers, self.news, self._is_over, self._is_new
            )

    def withdraw(self, run: Run) -> None:
        """End a run's order, wherever it is, whoever leads it."""
        mine = [follower for follower in self._under_way() if follower.run is run]
        for follower in mine:
            follower.withdraw()
        token = run.token
        if mine or not token or not self.store.lead(run, secrets.token_hex(8), of=run.leader):
            return
        # Led by another process: it hears that this one leads it now, and lets go.
        self.workers.cancel(token, None)
        with run.lock:
            run.recording.status = "stopped"
            run.recording.version += 1
            run.leader = run.token = ""
            self.store.write_facts(run)
        self.workers.say("facts", run.run_id, token, self.store.replica.me)

    def _under_way(self) -> list[Follower]:
        with self._lock:
            return list(self.followers.values())

    def _is_over(self, follower: Follower) -> None:
        with self._lock:
            if self.followers.get(follower.token) is follower:
                del self.followers[follower.token]

    def _is_new(self, follower: Follower, old: str) -> None:
        with self._lock:
            self.followers.pop(old, None)
            self.followers[follower.token] = follower

    # On Dask's thread, and on that which keeps the cluster -------------------------------------

    def _on_event(self, message: Any) -> None:
        try:
            self.news.hear(message)
        except Exception:  # Dask would say it in its own way, and what follows is worth hearing
            log.exception("hearing of a run")

    def _tell(self, token: str, what: str) -> None:
        with self._lock:
            follower = self.followers.get(token)
        if follower is not None:
            follower.hear(what)

    def _look_at(self, run: Run) -> None:
        """Others changed a run: perhaps it is led by one of them now."""
        for follower in self._under_way():
            if follower.run is run and run.leader not in ("", self.store.replica.me):
                follower.leave()

    def _on_silent(self, address: str, why: str) -> None:
        for follower in self._under_way():
            if follower.run.worker == address:
                follower.lose(why)

    def _on_connected(self) -> None:
        for follower in self._under_way():
            follower.hear("connected")

    # On a thread of its own ----------------------------------------------------------------------

    def _look_around(self) -> None:
        """Find runs of other processes, and lead those whose process is gone."""
        while not self._closing.wait(LOOK_AROUND):
            try:
                self.look_around()
                for follower in self._under_way():
                    # Led here after another process, and not begun: nobody else would say that it
                    # never will.
                    if not follower.hears_of_its_end and follower.run.worker is None:
                        follower.hear("connected")
                    elif follower.astray:
                        follower.hear("astray")
            except Exception:  # the next look may do
                log.exception("looking for runs of other processes")

    def look_around(self) -> None:
        """Look once."""
        store, me = self.store, self.store.replica.me
        store.scan()
        others: dict[str, list[Run]] = {}
        for run in store.all():
            if run.recording.live and run.leader != me and store.look(run) and run.token:
                others.setdefault(run.leader, []).append(run)
        for leader, runs in others.items():
            with store.replica.inherit(leader) as free:
                for run in runs if free else ():
                    self._inherit(run, leader)

    def _inherit(self, run: Run, leader: str) -> None:
        if not self.store.look(run, now=True) or run.leader != leader or not run.recording.live:
            return
        if not self.workers.outlives:
            run.interrupted()
            self.store.write_facts(run)
            return
        try:
            if self.store.lead(run, run.token, of=leader):
                log.warning("run %s: its process of the app is gone; led here now", run.run_id)
                self._follow(run, None)
        except AecoreError as error:
            log.warning("taking over run %s: %s", run.run_id, error)
