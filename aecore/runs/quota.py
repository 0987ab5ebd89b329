"""How much of the disk one person's runs may take, and when runs of somebody who left go."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time

from aecore.errors import ConfigError, JobError
from aecore.runs.run import Run, has_cookie
from aecore.runs.store import RunStore
from aecore.runs.visits import Visits
from aecore.writing import disk_room

log = logging.getLogger(__name__)
MAX_RUNS = 200  # of one owner
MAX_BYTES = 2 << 30  # of one owner's runs together
KEEP_VARIABLE, KEEP_DAYS = "AECORE_KEEP_DAYS", 90.0  # days without a visit
PASSING_DAYS = 1.0  # of who has no cookie: nobody finds such runs again when the tab is closed
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
    """What is allowed in a store. visits: who came when, and what each had in view.

    Who has no cookie shares one allowance with all others who have none: an id costs them nothing.
    """

    def __init__(self, store: RunStore):
        self.store = store
        self.visits = Visits(store.root / "visits")

    def sharing(self, owner: str) -> list[Run]:
        """The runs that count as this owner's: those of all without a cookie count together."""
        if has_cookie(owner):
            return self.store.owned_by(owner)
        return [run for run in self.store.all() if not has_cookie(run.owner)]

    def used(self, owner: str) -> tuple[int, int]:
        """How many runs an owner's allowance holds, and their bytes."""
        runs = self.sharing(owner)
        return len(runs), sum(self.store.size(run) for run in runs)

    def check_new(self, owner: str, size: int) -> None:
        """Raise JobError unless an owner may keep one more run, of so many bytes."""
        count = len(self.sharing(owner))
        if count >= MAX_RUNS:
            raise JobError(
                f"{_who(owner)} {count} runs, and at most {MAX_RUNS} are kept for one person; "
                f"{_way_out(owner)} first."
            )
        self.check_room(owner, size)

    def check_room(self, owner: str, size: int) -> None:
        """Raise JobError unless an owner's runs may grow by so many bytes, which the disk has."""
        count, used = self.used(owner)
        if used + size > MAX_BYTES:
            raise JobError(
                f"This needs {size / 1e6:,.0f} MB. {_who(owner)} {count} runs of "
                f"{used / 1e6:,.0f} MB, and {MAX_BYTES / 1e6:,.0f} MB are kept for one person; "
                f"{_way_out(owner)} first."
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
        """Mark that an owner is here, at most once an hour."""
        self.visits.came(owner)

    def leaving(self, days: float, now: float | None = None) -> list[Run]:
        """The runs of owners who were not here for so many days: what `clean_up` would delete.

        An owner who was never marked counts from now on. Whose run is live is here.
        """
        now = time.time() if now is None else now
        gone = []
        by_owner: dict[str, list[Run]] = {}
        for run in self.store.all():
            by_owner.setdefault(run.owner, []).append(run)
        for owner, runs in by_owner.items():
            last = self.visits.last(owner)
            if last is None or any(run.recording.live for run in runs):
                self.visits.mark(owner)
            elif now - last > (days if has_cookie(owner) else min(days, PASSING_DAYS)) * DAY:
                gone += runs
        return gone

    def clean_up(self, days: float, now: float | None = None) -> list[Run]:
        """Delete the runs of owners who were not here for so many days, and what was noted of who
        keeps none; returns the deleted runs."""
        now = time.time() if now is None else now
        gone = self.leaving(days, now)
        for run in gone:
            try:
                self.store.delete(run)
            except JobError as error:
                log.warning("%s", error)
        if gone:
            log.warning("deleted %d runs of owners gone for %g days", len(gone), days)
        self.visits.forget(now - days * DAY, but={run.owner for run in self.store.all()})
        return gone

    def running(self, now: float | None = None) -> None:
        """Mark that the server runs. The days that it was off count as nobody's absence."""
        now = time.time() if now is None else now
        off = self.visits.server_ran(now)
        with contextlib.suppress(OSError):
            marks = [*self.visits.marks(), *self.store.root.glob("data/owners/*")]
            for mark in marks if off > DAY else ():
                later = mark.stat().st_mtime + off
                os.utime(mark, (later, later))


def _who(owner: str) -> str:
    """The beginning of a sentence about what an allowance holds already."""
    if has_cookie(owner):
        return "You keep"
    return "Your browser sends no cookie, and all who send none keep together"


def _way_out(owner: str) -> str:
    if has_cookie(owner):
        return "delete some on the Runs page"
    return "allow cookies for this address, which gives you an allowance of your own,"
