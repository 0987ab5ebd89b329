"""Workers as processes, watched and replaced, and the embedded cluster: a scheduler with them."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from typing import Any

import psutil

from aecore import places
from aecore.errors import JobError
from aecore.machine import TRAINING, cores

log = logging.getLogger(__name__)
START_LIMIT = 60.0  # seconds for a process to answer, on a machine under load
_STEADY = 30.0  # seconds after which a worker that ends is no sign that the next will
_LONGEST_WAIT = 60.0  # seconds between two tries to replace a worker that does not live long
#: How far workers come after the app, as nice(2) has it: a tenth of its share where both want a
#: core, so that pages answer while everybody trains and sixty people come at once.
BEHIND = 10
LOCAL = "127.0.0.1"  # where the members of an embedded cluster listen, and nowhere else
_NAMES = ("ca_file", "scheduler_key", "scheduler_cert", "worker_key", "worker_cert")


class Member:
    """One process, and what it said of itself. It ends with this process, or by `kill`.

    To be made by a thread that outlives it: on Linux a process ends with the thread it came from.
    """

    def __init__(self, role: str) -> None:
        self.born = time.monotonic()
        self.address = ""
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aecore.jobs.member", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            # Ctrl-C is for the app, which ends this one. In a session of its own it would not come
            # after the app: Linux shares the cores among sessions first (sched(7), autogroup).
            process_group=0,
        )
        threading.Thread(target=self._listen, name="aecore-member", daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self._answers.put(lines.readline().decode())

    def tell(self, **order: Any) -> None:
        """Say what the process has to know."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:  # it ended meanwhile, which is found when it is looked at
            log.warning("process %d of the cluster ended at once", self.process.pid)

    def hear(self, patience: float) -> bool:
        """Wait for the process to say its address; whether it did."""
        if not self.address:
            try:
                answer = self._answers.get(block=patience > 0, timeout=patience or None)
                self.address = json.loads(answer)["address"]
            except (queue.Empty, ValueError):
                return False
        return True

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def memory(self) -> int:
        """Bytes that the process holds; 0 when it has ended."""
        try:
            return psutil.Process(self.process.pid).memory_info().rss
        except psutil.Error:
            return 0

    def kill(self) -> None:
        """End the process now, also one that is stopped, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


class Crew:
    """Worker processes of this machine for one scheduler, watched and replaced. All calls come from
    one thread, which outlives them.

    size: how many. keys: distributed.Security's arguments. host: at which address they are reached,
    None to find it out. behind: as nice(2) has it. `reasons`
    says why a worker was ended here, by its address.
    """

    def __init__(self, size: int, keys: dict[str, Any], host: str | None, behind: int = 0):
        self.memory_limit = int(0.95 * _machine_memory() / size)
        self.reasons: dict[str, str] = {}
        self.workers: list[Member] = []
        self._size, self._keys, self._host = size, keys, host
        self._behind = behind
        self._failures, self._next_try = 0, 0.0
        self._scheduler = ""

    def begin(self) -> None:
        """Start the processes; each takes a second to import what it needs."""
        self.workers += [Member("worker") for _ in range(self._size)]

    def start(self, scheduler: str) -> None:
        """Have them work for the scheduler at this address."""
        self._scheduler = scheduler
        if not self.workers:
            self.begin()
        for worker in self.workers:
            self._employ(worker)

    def _employ(self, worker: Member) -> None:
        worker.tell(
            scheduler=self._scheduler,
            security=self._keys,
            memory=self.memory_limit,
            behind=self._behind,
            host=self._host,
        )

    def look(self) -> None:
        """Replace workers that ended or take too much."""
        for worker in self.workers:
            if worker.hear(0) and worker.memory() > self.memory_limit:
                most = f"{self.memory_limit / 1e9:.1f} GB of memory"
                self.end(worker.address, f"The worker process of this run took more than {most}.")
        now = time.monotonic()
        for worker in [w for w in self.workers if w.ended]:
            self.workers.remove(worker)
            worker.kill()
            # One that keeps ending, for want of memory say, is not started again and again.
            self._failures = 0 if now - worker.born > _STEADY else self._failures + 1
            self._next_try = now + min(_LONGEST_WAIT, 2.0**self._failures - 1)
        while len(self.workers) < self._size and now >= self._next_try:
            self.workers.append(Member("worker"))
            self._employ(self.workers[-1])

    def end(self, address: str, why: str) -> None:
        """End a worker; `look` replaces it."""
        for worker in self.workers:
            if worker.address == address:
                self.reasons[address] = why
                log.warning("ended the worker at %s: %s", address, why)
                worker.process.kill()

    def close(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.process.kill()  # all, before one is waited for that reports another's end
        for worker in self.workers:
            worker.kill()


class Embedded:
    """A scheduler and its workers. All calls come from one thread, which outlives them.

    closing: when it is set, `start` gives up.
    """

    def __init__(self, closing: threading.Event):
        from distributed.security import Security

        # Keys of this cluster's own: who has none gets no word with scheduler or workers, so that
        # another account on this machine cannot have them run anything.
        self.security = Security.temporary()
        self._keys = {f"tls_{name}": getattr(self.security, f"tls_{name}") for name in _NAMES}
        self._keys["require_encryption"] = True
        self._closing = closing
        self.crew = Crew(cores(), self._keys, LOCAL, BEHIND)
        self.scheduler: Member | None = None

    @property
    def workers(self) -> list[Member]:
        return self.crew.workers

    @property
    def reasons(self) -> dict[str, str]:
        """Why workers were ended here, by their addresses."""
        return self.crew.reasons

    def start(self) -> str:
        """Start all and wait until they have met; the scheduler's address. Raises JobError."""
        # All at once: each takes a second to import what it needs.
        self.scheduler = Member("scheduler")
        self.crew.begin()
        self.scheduler.tell(security=self._keys, host=LOCAL)
        self._hear(self.scheduler, "The training workers' scheduler")
        self.crew.start(self.scheduler.address)
        for worker in self.workers:
            self._hear(worker, "A training worker")
        return self.scheduler.address

    def _hear(self, member: Member, what: str) -> None:
        end = time.monotonic() + START_LIMIT
        while not member.hear(0.1):
            if member.ended or self._closing.is_set() or time.monotonic() > end:
                raise JobError(f"{what} could not be started; see the server's log.")

    def look(self) -> str:
        """Replace workers that ended or take too much; why the cluster is lost, or ""."""
        if self.scheduler is None or self.scheduler.ended:
            return "The scheduler of the training workers ended."
        self.crew.look()
        return ""

    def end(self, address: str, why: str) -> None:
        """End a worker; `look` replaces it."""
        self.crew.end(address, why)

    def close(self) -> None:
        """End all processes."""
        if self.scheduler is not None:
            self.scheduler.process.kill()  # before its workers, whose end it would report
        self.crew.close()
        if self.scheduler is not None:
            self.scheduler.kill()


def _machine_memory() -> int:
    """Bytes that this machine, or the container, gives."""
    from distributed.system import MEMORY_LIMIT

    return MEMORY_LIMIT


def _environment() -> dict[str, str]:
    """What a member's settings come from before it reads its order."""
    paths = [str(places.IMPORT_PATH), *filter(None, [os.environ.get("PYTHONPATH")])]
    joined = {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    return TRAINING | dict(os.environ) | joined
