"""Between runs of experiments and the workers: who is asked, and whom an answer is for."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from typing import Any

from aecore.errors import JobError
from aecore.jobs import lab_order
from aecore.jobs.cluster import Workers

UNREACHABLE = (JobError, OSError, TimeoutError, RuntimeError, AttributeError, ValueError)


class LabDesk:
    """Safe from any thread. begin: waits until the workers are there. posts: of each order under
    way, by its token, where what is said of it goes. heard: the client that listens."""

    def __init__(self, workers: Workers, begin: Any):
        self._workers, self._begin = workers, begin
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()  # tasks on each worker
        self.posts: dict[str, queue.SimpleQueue] = {}
        self.heard: Any = None

    def client(self) -> Any:
        """Dask's client, which listens to what tasks say. Raises what UNREACHABLE names."""
        self._begin()
        client = self._workers.client
        with self._lock:
            if client is not self.heard:
                client.subscribe_topic(lab_order.TOPIC, self._hear)
                self.heard = client
        return client

    def _hear(self, message: Any) -> None:
        """On Dask's thread: somebody's task says something."""
        kind, token, address, *rest = message[1]
        post = self.posts.get(token)
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
