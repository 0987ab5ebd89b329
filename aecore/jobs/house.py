"""The whole server at a glance, for who runs it: how full it is, what trains, and how to end it."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

import psutil

from aecore.datasets import source
from aecore.datasets.own import store as own_store
from aecore.errors import AecoreError
from aecore.jobs.engine import JobEngine
from aecore.models import family
from aecore.runs.quota import DAY
from aecore.runs.run import NO_SPEC, Run
from aecore.workshop import workshop
from aecore.writing import disk_room

LOOK, MINUTE = 5.0, 60.0  # seconds


@dataclass(frozen=True)
class LiveRun:
    """A run under way, in words that a projector may show: nothing that its owner typed.

    person: a number that tells people apart; name: what its owner calls it.
    """

    run_id: str
    person: int
    model: str
    data: str
    state: str
    epoch: int
    epochs: int
    name: str


@dataclass(frozen=True)
class House:
    """How full the server is. cpu: of all cores, 0 to 1, mean of the last minute, None before there
    is one; memory and ours (this app with its workers): bytes; disk_left: bytes beside the reserve.
    states: how many runs by their state. files: of check-ups, those looked at and those in line.
    """

    cpu: float | None
    memory: int
    memory_total: int
    ours: int
    disk_left: int
    people_today: int
    states: Counter[str]
    files: tuple[int, int]
    live: list[LiveRun]


class Pulse:
    """How busy the processors were, measured by a thread every few seconds from `start` on."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=round(MINUTE / LOOK) + 1)
        self._started = threading.Lock()

    def start(self) -> None:
        """Begin, once; without a word for who comes later."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=self._beat, name="aecore-pulse", daemon=True).start()

    def _beat(self) -> None:
        while True:
            times = psutil.cpu_times()
            idle = times.idle + getattr(times, "iowait", 0.0)
            self._seen.append((sum(times[:8]), idle))
            time.sleep(LOOK)

    def busy(self) -> float | None:
        """Share of the last minute, 0 to 1, in which the processors worked."""
        if len(self._seen) < 2:
            return None
        (all_before, idle_before), (all_now, idle_now) = self._seen[0], self._seen[-1]
        return 1 - (idle_now - idle_before) / max(all_now - all_before, 1e-9)


pulse = Pulse()


def look(engine: JobEngine) -> House:
    """The server as it is now; takes a few milliseconds."""
    pulse.start()
    runs = engine.store.all()
    memory = psutil.virtual_memory()
    midnight = datetime.datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    disk = 0
    with contextlib.suppress(OSError):
        disk = disk_room(engine.store.root)
    return House(
        pulse.busy(),
        memory.total - memory.available,
        memory.total,
        _ours(),
        disk,
        engine.library.quota.visits.count(midnight.timestamp()),
        Counter(run.recording.status for run in runs if run.kind == "training"),
        workshop().length(),
        _live(runs),
    )


def _ours() -> int:
    total, this = 0, psutil.Process()
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
            total += process.memory_info().rss
    return total


def _live(runs: list[Run]) -> list[LiveRun]:
    runs = sorted(runs, key=lambda run: run.created)
    people = {owner: i + 1 for i, owner in enumerate(dict.fromkeys(run.owner for run in runs))}
    return [
        LiveRun(
            run.run_id,
            people[run.owner],
            "unknown" if run.spec is NO_SPEC else family(run.spec.family).title,
            _title(run.dataset),
            run.recording.status,
            len(run.recording.history),
            run.config.epochs,
            run.name,
        )
        for run in runs
        if run.recording.live
    ]


def _title(dataset: str) -> str:
    """What data are called in public: own data have a name that somebody typed."""
    try:
        return "own data" if own_store.is_own(dataset) else source(dataset).title
    except AecoreError:
        return "data that are gone"


def end_run(engine: JobEngine, run_id: str) -> None:
    """Stop anybody's run; it keeps what it has learned. Raises AecoreError."""
    run = engine.store.get(run_id)
    engine.command(run.owner, run_id, "stop")


def end_all(engine: JobEngine) -> list[str]:
    """Stop every run; a sentence for each that could not be."""
    said = []
    for run in engine.store.all():
        if run.recording.live:
            try:
                end_run(engine, run.run_id)
            except AecoreError as error:
                said.append(str(error))
    return said


def leaving(engine: JobEngine, days: float) -> tuple[int, int, int]:
    """What `clean_up` would delete: runs, their bytes, and how many people's."""
    runs = engine.library.quota.leaving(days)
    return len(runs), sum(map(engine.store.size, runs)), len({run.owner for run in runs})


def clean_up(engine: JobEngine, days: float) -> tuple[int, int]:
    """Delete the runs and own data of people who were not here for so many days; how many of
    each."""
    gone = engine.library.quota.clean_up(days)
    for run in gone:
        engine.library.forget(run.run_id)
    return len(gone), len(own_store.clean_up(engine.store.root / "data", days * DAY))
