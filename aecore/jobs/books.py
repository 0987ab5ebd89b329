"""The books: which orders are under way, and who follows each."""

from __future__ import annotations

import threading
from typing import Any

from aecore.jobs.cluster import Workers
from aecore.jobs.follower import Follower
from aecore.jobs.order import Order
from aecore.machine import cores
from aecore.runs.store import Run, RunStore


class Books:
    """One follower for each order under way. address: of a running cluster, else an own one."""

    def __init__(self, store: RunStore, address: str | None):
        self.store = store
        self.workers = Workers(address, self._on_event, self._on_silent)
        self._lock = threading.Lock()
        self.followers: dict[str, Follower] = {}

    def follow(self, run: Run, order: Order) -> None:
        """Hand the run's order to the workers and take in all that comes of it."""
        with self._lock:
            self.followers[order.token] = Follower(
                run, order, self.store, self.workers, self._is_over
            )
        self._share_threads()

    def withdraw(self, run: Run) -> None:
        """End a run's order, wherever it is."""
        for follower in self._under_way():
            if follower.run is run:
                follower.withdraw()

    def threads(self) -> int | None:
        """Threads for each computing run: its share of the cores; None on a foreign cluster.

        A lone run leaves one core to the server and a browser on the same machine: two threads
        that wait for each other at every step are slower than one when a third wants their place.
        """
        if self.workers.address is not None:
            return None
        computing = sum(
            r.recording.status in ("training", "preparing", "waiting") for r in self.store.all()
        )
        return max(1, (cores() - 1) if computing <= 1 else cores() // computing)

    def _under_way(self) -> list[Follower]:
        with self._lock:
            return list(self.followers.values())

    def _share_threads(self) -> None:
        threads = self.threads()
        for follower in self._under_way():
            follower.share(threads)

    def _is_over(self, follower: Follower) -> None:
        with self._lock:
            self.followers.pop(follower.order.token, None)
        self._share_threads()

    # On Dask's thread, and on that which keeps the cluster -------------------------------------

    def _on_event(self, message: Any) -> None:
        _, (token, address, sequence, content) = message
        follower = self.followers.get(token)
        if follower is not None:
            follower.take_event(address, sequence, content)

    def _on_silent(self, address: str, why: str) -> None:
        for follower in self._under_way():
            if follower.run.worker == address:
                follower.lose(why)
