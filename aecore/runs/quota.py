"""How much of the disk one person's runs may take, and when runs of somebody who left go."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import threading
import time
from pathlib import Path

from aecore.errors import ConfigError, JobError
from aecore.runs.run import Run
from aecore.runs.store import RunStore
from aecore.writing import disk_room

log = logging.getLogger(__name__)
MAX_RUNS = 200  # of one owner
MAX_BYTES = 2 << 30  # of one owner's runs together
KEEP_VARIABLE, KEEP_DAYS = "AECORE_KEEP_DAYS", 90.0  # days without a visit
_MARK_EVERY = 3600.0  # seconds between two marks of one owner's visits
_SERVER = "server"  # the mark that says when the server ran last
DAY = 86_400.0


def keep_days() -> float:
    """Days that runs are kept after their owner's last visit, from AECORE_KEEP_DAYS; infinity for
    its 0. Raises ConfigError for what is no number of days."""
    text = os.environ.get(KEEP_VARIABLE, "").strip()
    try:
        days = float(text) if text else KEEP_DAYS
    except ValueError:
        days = math.nan
    if not 0 <= days < math.inf:
        raise ConfigError(
            f"{KEEP_VARIABLE} must be a number of days from 0 (for ever) up; it was {text[:40]!r}."
        )
    return days or math.inf


class Quota:
    """What is allowed in a store, and who came when: an empty file visits/WHO for each owner of
    runs, as old as the last visit."""

    def __init__(self, store: RunStore):
        self.store = store
        self._marked: dict[str, float] = {}
        self._lock = threading.Lock()

    def used(self, owner: str) -> tuple[int, int]:
        """How many runs an owner keeps, and their bytes."""
        runs = self.store.owned_by(owner)
        return len(runs), sum(self.store.size(run) for run in runs)

    def check_new(self, owner: str, size: int) -> None:
        """Raise JobError unless an owner may keep one more run, of so many bytes."""
        count = len(self.store.owned_by(owner))
        if count >= MAX_RUNS:
            raise JobError(
                f"You keep {count} runs, and at most {MAX_RUNS} are kept for one person; delete "
                "some on the Runs page first."
            )
        self.check_room(owner, size)

    def check_room(self, owner: str, size: int) -> None:
        """Raise JobError unless an owner's runs may grow by so many bytes, which the disk has."""
        count, used = self.used(owner)
        if used + size > MAX_BYTES:
            raise JobError(
                f"This needs {size / 1e6:,.0f} MB, and your {count} runs take {used / 1e6:,.0f} of "
                f"the {MAX_BYTES / 1e6:,.0f} MB that are kept for one person; delete some on the "
                "Runs page first."
            )
        try:
            room = disk_room(self.store.root)
        except OSError:
            return  # no folder at all: what cannot be written is said where it is written
        if room < size:
            raise JobError(
                f"This needs {size / 1e6:,.0f} MB, and this server's disk has "
                f"{max(room, 0) / 1e6:,.0f} MB left beside what it keeps for runs under way; "
                "delete runs or data of your own first."
            )

    def visited(self, owner: str) -> None:
        """Mark that an owner is here, at most once an hour; only of those who keep something."""
        now = time.time()
        with self._lock:
            if now - self._marked.get(owner, 0.0) < _MARK_EVERY:
                return
            self._marked[owner] = now
        self._mark(owner)

    def clean_up(self, days: float, now: float | None = None) -> list[Run]:
        """Delete the runs of owners who were not here for so many days; returns the deleted.

        An owner who was never marked counts from now on. Whose run is live is here.
        """
        now = time.time() if now is None else now
        gone = []
        by_owner: dict[str, list[Run]] = {}
        for run in self.store.all():
            by_owner.setdefault(run.owner, []).append(run)
        for owner, runs in by_owner.items():
            last = self._last_visit(owner)
            if last is None or any(run.recording.live for run in runs):
                self._mark(owner)
            elif now - last > days * DAY:
                gone += runs
        for run in gone:
            try:
                self.store.delete(run)
            except JobError as error:
                log.warning("%s", error)
        if gone:
            log.warning("deleted %d runs of owners gone for %g days", len(gone), days)
        return gone

    def running(self, now: float | None = None) -> None:
        """Mark that the server runs. The days that it was off count as nobody's absence."""
        now = time.time() if now is None else now
        folder = self.store.root / "visits"
        with contextlib.suppress(OSError):
            seen = (folder / _SERVER).stat().st_mtime
            off = now - seen
            marks = [*folder.iterdir(), *self.store.root.glob("data/owners/*")]
            for mark in marks if off > DAY else ():
                later = mark.stat().st_mtime + off
                os.utime(mark, (later, later))
        self._touch(folder / _SERVER)

    def _place(self, owner: str) -> Path:
        name = hashlib.sha256(owner.encode()).hexdigest()[:32]
        return self.store.root / "visits" / name

    def _last_visit(self, owner: str) -> float | None:
        try:
            return self._place(owner).stat().st_mtime
        except OSError:
            return None

    def _mark(self, owner: str) -> None:
        self._touch(self._place(owner))

    @staticmethod
    def _touch(place: Path) -> None:
        with contextlib.suppress(OSError):  # a folder that cannot be written is not cleaned either
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.touch(mode=0o600)
            os.utime(place)
