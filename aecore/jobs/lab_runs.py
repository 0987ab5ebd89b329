"""Experiments on the workers: started, looked at, stopped, kept; in what others leave over.

A run shows what it has found from the first task on; its result is kept in the person's folder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aecore.datasets.own.store import check_access
from aecore.errors import AecoreError, JobError
from aecore.jobs.cluster import Workers
from aecore.jobs.in_hand import InHand, packed
from aecore.jobs.lab_desk import LabDesk
from aecore.jobs.lab_lead import Lead
from aecore.jobs.lab_run import LabRun
from aecore.lab.about import About
from aecore.lab.record import Record
from aecore.lab.registry import plain_options
from aecore.lab.running import planned
from aecore.lab.store import LabStore, new_id

MAX_LIVE_PER_OWNER = 2
_KEPT = 64  # runs that are over and still in memory


class LabRuns:
    """All runs of experiments of this process. Safe from any thread.

    root: folder of the results. begin: waits until the workers are there.
    """

    def __init__(self, root: Path, workers: Workers, begin: Any):
        self.store = LabStore(root)
        self._desk = LabDesk(workers, begin)
        self._lock = threading.Lock()
        self._runs: dict[str, LabRun] = {}

    def start(
        self,
        owner: str,
        name: str,
        options: Any,
        about: About,
        held: InHand | None,
        guess: Sequence[float] = (),
    ) -> LabRun:
        """Start a run. held: the model, for an experiment that uses one. guess: what was predicted.
        Raises AecoreError at once if it cannot be."""
        record = Record(name, plain_options(options), about, tuple(guess))
        one = record.of()
        if about.dataset:
            check_access(about.dataset, owner)
        tasks = planned(one, options, about)
        asked = one.asks(options, about)
        if guess and asked is not None:
            record.guess = asked.check(guess)
        self.store.check_new(owner)
        record.planned = len(tasks)
        with self._lock:
            live = [run for run in self._runs.values() if run.owner == owner and run.live]
            if len(live) >= MAX_LIVE_PER_OWNER:
                raise JobError(
                    f"You have {len(live)} experiments under way; wait for one to end or stop one."
                )
            run = LabRun(new_id(), owner, record, {task.name: task.weight for task in tasks})
            self._runs[run.run_id] = run
            over = [r.run_id for r in self._runs.values() if not r.live]
            for old in over[: max(0, len(over) - _KEPT)]:
                del self._runs[old]
        model = None if held is None else packed(held)
        lead = Lead(self._desk, run, tasks, model, self._end)
        threading.Thread(target=lead.follow, name=f"aecore-{run.run_id}", daemon=True).start()
        return run

    def get(self, owner: str, run_id: str) -> LabRun | None:
        """A run of one's own that this process had; None for none."""
        run = self._runs.get(run_id)
        return run if run is not None and run.owner == owner else None

    def record(self, owner: str, run_id: str) -> Record:
        """What is known of a run of one's own, under way or kept. Raises JobError."""
        run = self.get(owner, run_id)
        return self.store.load(owner, run_id) if run is None else run.seen()

    def live(self, owner: str) -> list[LabRun]:
        """An owner's runs under way."""
        return [run for run in list(self._runs.values()) if run.owner == owner and run.live]

    def stop(self, owner: str, run_id: str) -> None:
        """Stop a run at once; what is done is kept. Nothing happens to one that is over."""
        run = self.get(owner, run_id)
        if run is not None and run.live:
            self._end(run, "stopped")

    def close(self) -> None:
        """Stop all, keeping what they found."""
        for run in list(self._runs.values()):
            if run.live:
                self._end(run, "stopped")

    def _end(self, run: LabRun, state: str) -> None:
        with run.lock:
            if run.ending.is_set():
                return
            run.ending.set()
            seconds = time.monotonic() - run.began
            over = Record(**{**vars(run.record), "state": state, "seconds": seconds})
            try:
                # Before anybody is told: whoever sees its end may open it, or give a link.
                if over.done:
                    self.store.keep(run.owner, run.run_id, over)
            except AecoreError as error:
                run.unsaved = str(error)
            run.record = over
            run.looks.clear()
            run.version += 1
