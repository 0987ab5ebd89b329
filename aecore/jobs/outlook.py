"""Who trains now, what a run gets of its worker, and when it will end: from recordings alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aecore.jobs.slices import SLICE
from aecore.runs.run import Run

_ROUNDS = 3  # of everybody's slices, after which a pace on the clock says more than counting does


@dataclass(frozen=True)
class Outlook:
    """people, runs: that train now, everywhere. share: of its worker's time that a run gets, by who
    trains there. ends_in: seconds of the clock, as things go now; None while nothing is known."""

    people: int
    runs: int
    share: float
    ends_in: float | None


def share_beside(owner: str, beside: Sequence[Run]) -> float:
    """What one more run of an owner gets of a worker beside others: fair by person, then by run."""
    people = len({r.owner for r in beside} | {owner})
    return 1 / people / (1 + sum(r.owner == owner for r in beside))


def outlook(run: Run, all_runs: Iterable[Run]) -> Outlook:
    """What a run has before it. all_runs: everybody's, the run among them or not."""
    live = [r for r in all_runs if r.recording.status in ("preparing", "training")]
    beside = [r for r in live if r.worker == run.worker and r is not run]
    share = share_beside(run.owner, beside)
    ends_in = None
    if run.recording.status == "training":
        ends_in = _ends_in(run, share, _ROUNDS * SLICE * (1 + len(beside)))
    return Outlook(len({r.owner for r in live}), len(live), share, ends_in)


def _ends_in(run: Run, share: float, enough: float) -> float | None:
    """Seconds to the end. enough: seconds of looking on after which the clock is believed."""
    recording = run.recording
    started, step, recent = recording.started, recording.last_step, recording.recent
    if started is None or step is None or not recent:
        return None
    left = started.epochs * started.examples - step.images_seen
    began, images = recent[0]
    passed, done = time.monotonic() - began, step.images_seen - images
    pace = done / passed if passed >= enough and done > 0 else step.images_per_second * share
    return max(0.0, left / pace) if pace > 0 else None
