"""The job engine: runs the event stream on dask.distributed, embedded or on a running cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from pathlib import Path

from aecore import places
from aecore.datasets import source
from aecore.datasets.own.store import check_access
from aecore.errors import AecoreError, JobError
from aecore.jobs import orders
from aecore.jobs.books import Books
from aecore.jobs.cluster import CLUSTER_VARIABLE, Workers
from aecore.jobs.order import Order
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.library import Library, run_name
from aecore.runs.store import Run, RunStore, new_run_id
from aecore.types import ModelSpec, TrainConfig

MAX_LIVE_PER_OWNER = 3


class JobEngine:
    """Starts, steers and remembers runs for every session of the app. Safe from any thread.

    address: of a running Dask scheduler; None embeds one worker process per core.
    root: folder of the runs. `library` holds what needs no worker: their kept models.
    """

    def __init__(self, root: Path, address: str | None = None):
        self.store = RunStore(root)
        self.library = Library(self.store)
        self.workers = Workers(address)
        self.closed = False
        self._books = Books(self.store, self.workers)

    # Life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to the cluster, starting the embedded one; once, later calls return at once."""
        self.workers.start()

    def close(self) -> None:
        """End the embedded cluster; live runs are marked as interrupted and can be resumed."""
        self.closed = True
        self._books.close()
        for run in list(self.store.runs.values()):
            if run.recording.live:
                run.recording.fail("The server was restarted during this run.")
                self.store.write_facts(run)
        self.workers.close()

    # Looking -------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """Return a run by id, whoever owns it: knowing the id is the permission to look."""
        return self.store.get(run_id)

    def runs(self, owner: str) -> list[Run]:
        """An owner's runs, newest first."""
        return self.store.owned_by(owner)

    def ahead_of(self, run: Run) -> int:
        """Runs that train or wait before this one."""
        return sum(
            r.recording.live and r.created < run.created and r is not run
            for r in list(self.store.runs.values())
        )

    # Training ------------------------------------------------------------------------------

    def submit(
        self, owner: str, name: str, spec: ModelSpec, config: TrainConfig, dataset: str
    ) -> Run:
        """Start a new run. Raises AecoreError at once if it cannot be; returns before it trains."""
        self._check(owner, spec, config, dataset)
        self.start()  # an unreachable cluster must not leave a run that waits for ever
        run = Run(new_run_id(), owner, run_name(name), spec, config, dataset)
        self.store.add(run)
        self._launch(run, None)
        return run

    def resume(self, owner: str, run_id: str, more_epochs: int = 0) -> Run:
        """Go on with a run from its last whole epoch, for more epochs than planned if asked."""
        run = self.store.owned(owner, run_id)
        if run.recording.live:
            raise JobError(f"The run {run.name!r} is under way already.")
        config = dataclasses.replace(run.config, epochs=run.config.epochs + more_epochs)
        self._check(owner, run.spec, config, run.dataset)
        content = self.store.content(run) if run.has_model else None
        if content is not None and checkpoints.read_header(content)[0].epochs_done == 0:
            content = None
        run.config = config
        self._launch(run, content)
        return run

    def command(self, owner: str, run_id: str, name: str, **values: float) -> None:
        """Steer a run: pause, resume, step, epoch, stop, or change(learning_rate=, beta=).

        Takes effect within milliseconds, from the next step on. Raises JobError when the run is
        over or belongs to another browser.
        """
        run = self.store.owned(owner, run_id)
        if not run.recording.live:
            raise JobError(f"The run {run.name!r} is over; train it further on the Runs page.")
        if run.recording.status == "waiting" and name == "stop":
            self._books.withdraw(run)
            return
        if run.worker is None:
            raise JobError(f"The run {run.name!r} waits for a free worker; it can only be stopped.")
        self.workers.ask(run, orders.command, run_id, name, values)

    def delete(self, owner: str, run_id: str) -> None:
        """Delete a run and its files; a live one is stopped first."""
        run = self.store.owned(owner, run_id)
        if run.recording.live:
            with contextlib.suppress(AecoreError):
                self.command(owner, run_id, "stop")
        self.store.delete(run)

    def _check(self, owner: str, spec: ModelSpec, config: TrainConfig, dataset: str) -> None:
        config.check()
        check_access(dataset, owner)
        options_of(spec)
        shape = source(dataset).spec.shape
        if spec.data.shape != shape:
            raise JobError(
                f"The model takes examples of shape {spec.data.shape}, but {dataset} has shape "
                f"{shape}; choose a model made for this dataset."
            )
        live = [r for r in self.runs(owner) if r.recording.live]
        if len(live) >= MAX_LIVE_PER_OWNER:
            raise JobError(
                f"You have {len(live)} runs under way; wait for one to end or stop one, so that "
                "everybody gets a turn."
            )

    def _launch(self, run: Run, resume: bytes | None) -> None:
        self.start()
        run.attempt += 1
        run.worker, run.received, run.end_seen = None, 0, False
        run.recording.status, run.recording.message = "waiting", ""
        run.recording.version += 1
        order = Order(
            run.run_id,
            run.attempt,
            run.name,
            run.spec,
            run.config,
            run.dataset,
            self._books.threads(),
            resume,
        )
        self._books.follow(run, order)


_engine: JobEngine | None = None
_engine_lock = threading.Lock()


def engine() -> JobEngine:
    """The process's one engine, from the environment: AECORE_RUNS (folder), AECORE_CLUSTER."""
    global _engine
    with _engine_lock:
        if _engine is None or _engine.closed:
            _engine = JobEngine(places.runs(), os.environ.get(CLUSTER_VARIABLE) or None)
        return _engine
