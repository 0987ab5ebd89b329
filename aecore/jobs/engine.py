"""The job engine: runs the event stream on dask.distributed, embedded or on a running cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import secrets
import threading
from pathlib import Path

from aecore import places
from aecore.datasets import source
from aecore.datasets.own import store as own_store
from aecore.datasets.own.store import check_access
from aecore.errors import AecoreError, CheckpointError, ConfigError, JobError
from aecore.jobs import orders
from aecore.jobs.books import Books
from aecore.jobs.cluster import CLUSTER_VARIABLE
from aecore.jobs.full_house import check_house
from aecore.jobs.handing import to_resume
from aecore.jobs.lab_runs import LabRuns
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.library import Library
from aecore.runs.naming import numbered
from aecore.runs.quota import DAY, keep_days
from aecore.runs.store import Run, RunStore, new_run_id
from aecore.types import ModelSpec, TrainConfig

log = logging.getLogger(__name__)
MAX_LIVE_PER_OWNER = 3
HOUSEKEEPING = 6 * 3600.0  # seconds between two looks for what nobody needs any more


class JobEngine:
    """Starts, steers and remembers runs for every session of the app. Safe from any thread.

    address: of a running Dask scheduler; None embeds one worker process per core.
    root: folder of the runs. `library` holds what needs no worker: their kept models. `lab` has the
    experiments.
    """

    def __init__(self, root: Path, address: str | None = None):
        self.store = RunStore(root, outlived=address is not None)
        self.library = Library(self.store)
        self.closed = False
        self._books = Books(self.store, address)
        self.workers = self._books.workers
        self.lab = LabRuns(root / "lab", self.workers, self.start)
        self._closing = threading.Event()
        self._keeping = threading.Lock()  # taken by the one thread that keeps house

    # Life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Wait until the cluster is there, starting the embedded one; at once where it is.

        Raises JobError if it does not come. From the first call on, what nobody needs any more is
        deleted now and then.
        """
        if self._keeping.acquire(blocking=False):
            threading.Thread(target=self._keep_house, name="aecore-house", daemon=True).start()
        self._books.start()
        self.workers.start()

    def close(self) -> None:
        """End the embedded cluster: its live runs are marked as interrupted and can be resumed. On
        another one they go on, led by the next process that finds them."""
        self.closed = True
        self._closing.set()
        self.lab.close()
        self._books.close()
        for run in self.store.all():
            if run.recording.live and run.leader == self.store.replica.me:
                if not self.workers.outlives:
                    run.interrupted()
                self.store.write_facts(run)
        self.workers.close()
        self.store.replica.end()

    def _keep_house(self) -> None:
        quota = self.library.quota
        while True:
            try:
                quota.running()
                self.store.remove_left_overs()
                days = keep_days()
                for run in quota.clean_up(days):
                    self.library.forget(run.run_id)
                own_store.clean_up(self.store.root / "data", days * DAY)
                self.lab.store.clean_up(days * DAY)
            except ConfigError as error:
                log.error("%s No run is deleted for its age.", error)
            if self._closing.wait(HOUSEKEEPING):
                return

    # Looking -------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """Return a run by id, whoever owns it: for those who know that it may be looked at."""
        return self.store.get(run_id)

    def runs(self, owner: str) -> list[Run]:
        """An owner's runs, newest first."""
        runs = self.store.owned_by(owner)
        if runs:
            self.library.quota.visited(owner)
        own_store.visited(self.store.root / "data", owner)
        self.lab.store.visited(owner)
        return runs

    def share(self, owner: str, run_id: str) -> str:
        """The token with which anybody may look at a run, until it is withdrawn. Raises JobError
        for another's."""
        run = self.store.owned(owner, run_id)
        with run.lock:
            if not run.watch:
                run.watch = secrets.token_hex(12)
                self.store.write_facts(run)
            return run.watch

    def withdraw_share(self, owner: str, run_id: str) -> None:
        """Let nobody but its owner look at a run any more; raises JobError for another's."""
        run = self.store.owned(owner, run_id)
        with run.lock:
            run.watch = ""
            self.store.write_facts(run)

    def watched(self, token: str) -> Run | None:
        """The run that a token lets one look at; None where it was withdrawn, or never given."""
        return self.store.watched(token)

    def ahead_of(self, run: Run) -> int:
        """Runs that wait longer than this one for room in a worker's memory."""
        waiting = [r for r in self.store.all() if r.recording.status == "waiting"]
        return sum(r.created < run.created for r in waiting)

    # Training ------------------------------------------------------------------------------

    def submit(
        self, owner: str, name: str, spec: ModelSpec, config: TrainConfig, dataset: str
    ) -> Run:
        """Start a new run, whose name gets a number. Raises AecoreError at once if it cannot be;
        returns before it trains."""
        weights = self._check(owner, spec, config, dataset)
        self.library.quota.check_new(owner, checkpoints.room_of(weights))
        self.start()  # an unreachable cluster must not leave a run that waits for ever
        title = numbered(name, (r.name for r in self.store.owned_by(owner)))
        run = Run(new_run_id(), owner, title, spec, config, dataset)
        self.store.add(run)
        self._books.launch(run, None)
        return run

    def resume(self, owner: str, run_id: str, more_epochs: int = 0) -> Run:
        """Go on with a run from its last whole epoch, for more epochs than planned if asked.

        After a stop within an epoch, from the weights as they were then. What was recorded after
        them is forgotten.
        """
        run = self.store.owned(owner, run_id)
        if run.recording.live:
            raise JobError(f"The run {run.name!r} is under way already.")
        if run.kind == "damaged":
            raise JobError(f"The run {run.name!r} cannot be resumed. {run.notice}")
        config = dataclasses.replace(run.config, epochs=run.config.epochs + more_epochs)
        weights = self._check(owner, run.spec, config, run.dataset)
        more = max(checkpoints.room_of(weights) - self.store.size(run), 0)
        self.library.quota.check_room(owner, more)
        self._books.settled(run)
        card, resume = to_resume(self.store, run, not self.workers.outlives)
        self.start()
        with run.lock:
            if run.recording.live:
                raise JobError(f"The run {run.name!r} is under way already.")
            self._go_on(run, config, card, resume)
        return run

    def go_back(
        self, owner: str, run_id: str, epoch: int, learning_rate: float | None = None
    ) -> Run:
        """Go on with a run from an earlier epoch whose weights are kept; a live one is stopped.

        With Adam's memory where the newest checkpoint is of that very epoch; of others the weights
        alone are kept, and Adam begins anew. learning_rate: to go on with. What was recorded after
        that epoch is forgotten. Raises AecoreError.
        """
        run = self.store.owned(owner, run_id)
        config = run.config
        if learning_rate is not None:
            config = dataclasses.replace(config, learning_rate=learning_rate)
        path = self.store.epochs(run).get(epoch)
        if path is None or run.kind != "training":
            raise JobError(f"The run {run.name!r} keeps no weights of epoch {epoch}.")
        if epoch >= config.epochs:
            raise JobError(f"Epoch {epoch} is the last of {config.epochs}: nothing comes after it.")
        if run.recording.live:
            self._books.withdraw(run)
        self._books.settled(run)
        self._check(owner, run.spec, config, run.dataset)
        self.start()
        with run.lock:
            if run.recording.live:
                raise JobError(f"The run {run.name!r} is under way already.")
            content = self._of_epoch(run, epoch, path)
            self.store.forget_early(run)
            self.store.take_in(run, content, done=epoch)
            self._go_on(run, config, checkpoints.read_header(content)[0], content)
        return run

    def _of_epoch(self, run: Run, epoch: int, path: Path) -> bytes:
        """The checkpoint of an epoch, with the curve up to it. Raises CheckpointError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"The file {path} could not be read ({error}).") from error
        card = checkpoints.from_bytes(content).card
        with contextlib.suppress(AecoreError):  # without a newest one that can be read
            newest = self.store.content(run)
            reached = checkpoints.read_header(newest)[0]
            same = (reached.epochs_done, reached.images_seen) == (epoch, card.images_seen)
            content = newest if same else content
        history = [row for row in run.recording.history if row.get("epoch", 0) <= epoch]
        return checkpoints.with_card(content, dataclasses.replace(card, history=history))

    def _go_on(
        self,
        run: Run,
        config: TrainConfig,
        card: checkpoints.Card | None,
        resume: bytes | Path | None,
    ) -> None:
        """Forget what came after the weights that a run goes on from, and hand it out."""
        run.config = config
        run.recording.go_back(card)
        run.saved_epoch = 0 if card is None else card.epochs_done
        self.store.forget_later(run)
        if not self._books.launch(run, resume):
            raise JobError(f"The run {run.name!r} was deleted or taken on elsewhere just now.")

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
            raise JobError(f"The run {run.name!r} has not begun yet; it can only be stopped.")
        self.workers.ask(run, orders.command, run_id, name, values)

    def delete(self, owner: str, run_id: str) -> None:
        """Delete a run and its files; a live one is stopped first."""
        run = self.store.owned(owner, run_id)
        if run.recording.live:
            with contextlib.suppress(AecoreError):
                self.command(owner, run_id, "stop")
        self.store.delete(run)
        self._books.withdraw(run)
        self.library.forget(run_id)

    def _check(self, owner: str, spec: ModelSpec, config: TrainConfig, dataset: str) -> int:
        """How many weights a run has that may be started now; raises AecoreError."""
        config.check()
        check_access(dataset, owner)
        options_of(spec)
        shape = source(dataset).spec.shape
        if spec.data.shape != shape:
            raise JobError(
                f"The model takes examples of shape {spec.data.shape}, but {dataset} has shape "
                f"{shape}; choose a model made for this dataset."
            )
        live = [r for r in self.library.quota.sharing(owner) if r.recording.live]
        if len(live) >= MAX_LIVE_PER_OWNER:
            raise JobError(
                f"You have {len(live)} runs under way; wait for one to end or stop one, so that "
                "everybody gets a turn."
            )
        weights = checkpoints.check_trainable(spec)
        if self.workers.address is None:
            check_house(self.store.all(), weights)
        return weights


_engine: JobEngine | None = None
_engine_lock = threading.Lock()


def engine() -> JobEngine:
    """The process's one engine, from the environment: AECORE_RUNS (folder), AECORE_CLUSTER."""
    global _engine
    with _engine_lock:
        if _engine is None or _engine.closed:
            _engine = JobEngine(places.runs(), os.environ.get(CLUSTER_VARIABLE) or None)
        return _engine
