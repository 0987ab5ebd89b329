"""A run of an experiment as this process has it in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aecore.lab.experiment import Values
from aecore.lab.record import Record


@dataclass(eq=False)
class LabRun:
    """A run as pages look at it. `record` grows while it runs, `version` with it; shares: how much
    of each task under way is done. weights: of all tasks."""

    run_id: str
    owner: str
    record: Record
    weights: dict[str, float]
    version: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    looks: dict[str, Values] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    unsaved: str = ""  # why the result could not be kept
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    ending: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def live(self) -> bool:
        return self.record.state == "running"

    def seen(self) -> Record:
        """What is known now, with what tasks under way have found."""
        with self.lock:
            done = {**self.looks, **self.record.done}
            return Record(**{**vars(self.record), "done": done, "failed": dict(self.record.failed)})

    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        with self.lock:
            over = {*self.record.done, *self.record.failed}
            done = sum(w * (1 if t in over else self.shares.get(t, 0)) for t, w in self._weights())
        return done / max(sum(self.weights.values()), 1e-9)

    def _weights(self) -> Sequence[tuple[str, float]]:
        return list(self.weights.items())

    def seconds_left(self) -> float | None:
        """By its pace so far; None before there is one."""
        share, spent = self.share(), time.monotonic() - self.began
        return None if share < 0.02 or not self.live else spent * (1 - share) / share
