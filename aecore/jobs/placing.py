"""On which worker a run is to train: where it gets most, by who trains where."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from aecore.jobs.outlook import outlook, share_beside
from aecore.runs.run import Run

WORTH = 1.3  # times its share, for which a run is moved
LEFT = 10.0  # seconds to its end, under which it is not
_choosing = threading.Lock()


def place(run: Run, runs: Iterable[Run], workers: Collection[str]) -> str | None:
    """Choose among the workers' addresses and write it down as `run.placed`; None where there is no
    worker to choose. runs: all that this process knows, live or not."""
    with _choosing:  # two that come at once see each other
        run.placed = choose(run, runs, workers)
        return run.placed


def place_better(run: Run, runs: Iterable[Run], workers: Collection[str]) -> bool:
    """Whether a run that trains would get much more elsewhere, because a worker is new or others
    ended; then `run.placed` says where."""
    runs = list(runs)
    ends_in = outlook(run, runs).ends_in
    if run.recording.status != "training" or ends_in is None or ends_in < LEFT:
        return False
    with _choosing:
        where = choose(run, runs, workers)
        here = _place_of(run)
        if where is None or _share(run, runs, where) < WORTH * _share(run, runs, here):
            return False
        run.placed = where
        return True


def _place_of(run: Run) -> str | None:
    return run.placed or run.worker


def _share(run: Run, runs: Iterable[Run], worker: str | None) -> float:
    """What a run gets of a worker, there already or not."""
    busy = [r for r in runs if r.recording.live and r.recording.status != "paused"]
    beside = [r for r in busy if r is not run and _place_of(r) == worker]
    return share_beside(run.owner, beside)


def choose(run: Run, runs: Iterable[Run], workers: Collection[str]) -> str | None:
    """The worker with the fewest people once the run is there; of those, where its owner has the
    fewest runs, then that with the fewest. Who pauses takes no time, but memory."""
    live = [r for r in runs if r.recording.live and r is not run]

    def load(worker: str) -> tuple[int, int, int]:
        there = [r for r in live if _place_of(r) == worker]
        busy = [r for r in there if r.recording.status != "paused"]
        people = {r.owner for r in busy} | {run.owner}
        return len(people), sum(r.owner == run.owner for r in busy), len(there)

    return min(workers, key=load, default=None)
