"""Whether one more run has room on this machine, and when there is room again where it has none."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

from aecore.errors import JobError
from aecore.jobs.outlook import outlook
from aecore.runs.run import Run
from aecore.wording import count

RESERVE = 400 << 20  # bytes that are left to what is under way, and to the system
EACH = (
    40 << 20
)  # bytes of a run beside its weights: batches, what lies between layers, the recording
A_WEIGHT = 4 * 5  # bytes of a weight, its gradient, Adam's two, and a copy on its way to the disk
_GROUP = Path("/sys/fs/cgroup")  # what a container is allowed, on Linux


def check_house(runs: Sequence[Run], weights: int) -> None:
    """Raise JobError unless the memory of this machine, where runs train, has room for one more of
    so many weights. runs: everybody's."""
    left = available() - RESERVE
    needed = EACH + A_WEIGHT * weights
    if needed <= left:
        return
    live = [run for run in runs if run.recording.live]
    if not live:
        raise JobError(
            f"This run needs {needed / 1e6:,.0f} MB of memory, and this server has "
            f"{max(left, 0) / 1e6:,.0f} MB left; choose a smaller model, or end other programs."
        )
    said = "is under way" if len(live) == 1 else "are under way"
    raise JobError(
        f"The house is full: {count(len(live), 'run')} {said}, and this server's memory has no "
        f"room for one more. {_come_back(live, runs)}"
    )


def _come_back(live: Sequence[Run], runs: Sequence[Run]) -> str:
    ends = [outlook(run, runs).ends_in for run in live]
    known = [seconds for seconds in ends if seconds is not None]
    if not known:
        return "Try again in a minute or two."
    soonest = min(known)
    when = f"{max(soonest, 5):.0f} s" if soonest < 90 else f"{soonest / 60:.0f} minutes"
    return f"The first of them ends in about {when}: try again then."


def available() -> int:
    """Bytes of memory that processes may still take here, in a container those that it is given."""
    left = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a bound
        most = int((_GROUP / "memory.max").read_text())
        told = (_GROUP / "memory.stat").read_text().split()
        files = int(told[told.index("inactive_file") + 1])  # given back as soon as it is wanted
        left = min(left, most - int((_GROUP / "memory.current").read_text()) + files)
    return left
