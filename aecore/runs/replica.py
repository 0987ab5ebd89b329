"""Who else has this folder of runs: each process of the app holds a lock of its own for its life.

The system lets go of a lock when its process ends, however that comes about: who is alive is asked
of the lock alone, never of a clock. On a network's folder that is as quick as its server notices.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)
REPLICA = re.compile(r"[0-9a-f]{8}")
PATIENCE = 10.0  # seconds for another who writes one small file


class Replica:
    """This process among those that share a folder. me: what it is called there."""

    def __init__(self, root: Path):
        self.folder = root / "processes"
        self.me = secrets.token_hex(4)
        self._life: FileLock | None = None
        self._locks: dict[str, FileLock] = {}

    def begin(self) -> None:
        """Hold the lock that says that this process lives; once, before it leads anything."""
        if self._life is not None:
            return
        try:
            self._life = self._lock(self.me)
            self._life.acquire(blocking=False)
        except OSError as error:
            # What cannot be written here cannot be shared either: whoever keeps runs says so.
            log.warning("no lock in %s (%s): this folder is for one process", self.folder, error)

    def end(self) -> None:
        """Let others take over what this process leads."""
        life, self._life = self._life, None
        if life is not None:
            with contextlib.suppress(OSError):
                (self.folder / f"{self.me}.lock").unlink()
            life.release(force=True)

    def lives(self, other: str) -> bool:
        """Whether the process called `other` is there."""
        with self.inherit(other) as free:
            return not free

    @contextlib.contextmanager
    def inherit(self, other: str) -> Iterator[bool]:
        """Whether the process called `other` is gone; while this lasts no third one inherits."""
        if other == self.me:
            yield False
            return
        place = self.folder / f"{other}.lock"
        if not REPLICA.fullmatch(other) or not place.exists():
            yield True
            return
        lock = FileLock(place, mode=0o600)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
            with contextlib.suppress(OSError):
                place.unlink()
        finally:
            lock.release(force=True)

    @contextlib.contextmanager
    def alone(self, run_id: str) -> Iterator[None]:
        """Nobody else changes what is written of a run meanwhile. Entered again by the same thread
        at once; sixteen locks for all runs, so that none stays for each."""
        name = f"of-{run_id[-1:]}"
        lock = self._locks.get(name) or self._locks.setdefault(name, self._lock(name))
        try:
            lock.acquire(timeout=PATIENCE)
        except OSError as error:  # Timeout is one
            if isinstance(error, Timeout):
                log.warning("%s was locked for %g s: going on without", lock.lock_file, PATIENCE)
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _lock(self, name: str) -> FileLock:
        with contextlib.suppress(OSError):
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
        return FileLock(self.folder / f"{name}.lock", mode=0o600)
