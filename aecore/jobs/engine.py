"""The job engine: runs the event stream on dask.distributed, embedded or on a running cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import pickle
import queue
import threading
from pathlib import Path

from aecore import places
from aecore.datasets import source
from aecore.errors import AecoreError, JobError
from aecore.jobs import orders
from aecore.machine import cores
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.checkpoints import SUFFIX, Checkpoint
from aecore.runs.store import Run, RunStore, new_run_id, restore
from aecore.types import Failed, ModelSpec, Started, TrainConfig

log = logging.getLogger(__name__)
MAX_LIVE_PER_OWNER = 3
MAX_NAME = 60
ANSWER_TIMEOUT = 5.0  # seconds; Dask itself tries for 30 to reach a worker that is gone
CLUSTER_VARIABLE = "AECORE_CLUSTER"


class JobEngine:
    """Starts, steers and remembers runs for every session of the app. Safe from any thread.

    address: of a running Dask scheduler; None embeds one worker process per core.
    root: folder of the runs.
    """

    def __init__(self, root: Path, address: str | None = None):
        self.store = RunStore(root)
        self.address = address
        self._client = None
        self._cluster = None
        self._starting = threading.Lock()
        self._futures: dict[str, object] = {}
        self._work: queue.Queue = queue.Queue()
        self._closed = False
        threading.Thread(target=self._keep_books, name="aecore-books", daemon=True).start()

    # Life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect to the cluster, starting the embedded one; once, later calls return at once."""
        with self._starting:
            if self._client is None and not self._closed:
                self._client = self._connect()
                from aecore.jobs.prewarm import Prewarm

                self._client.register_plugin(Prewarm())

    def _connect(self):
        import dask
        from distributed import Client, LocalCluster

        dask.config.set({"distributed.scheduler.allowed-failures": 0})
        if self.address is not None:
            try:
                return Client(self.address, timeout="10s", set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise JobError(
                    f"No Dask scheduler answers at {self.address} ({error}); start it, or unset "
                    f"{CLUSTER_VARIABLE} to train on this machine."
                ) from error
        # Worker processes read their settings from the environment. A killed worker must fail
        # its run: Dask's default would silently train it again from step 0.
        os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"
        paths = [str(places.IMPORT_PATH), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        options = {"n_workers": cores(), "threads_per_worker": 1, "dashboard_address": None}
        if os.name == "nt":
            self._cluster = LocalCluster(processes=True, **options)
        else:
            # Not LocalCluster: its workers are spawned children, and a child spawned from a
            # Streamlit script runs app.py again.
            from distributed.deploy.subprocess import SubprocessCluster

            self._cluster = SubprocessCluster(**options)
        return Client(self._cluster, set_as_default=False)

    def close(self) -> None:
        """End the embedded cluster; live runs are marked as interrupted and can be resumed."""
        self._closed = True
        self._work.put(None)
        with self._starting:
            try:
                for run in self.store.runs.values():
                    if run.recording.live:
                        run.recording.fail("The server was restarted during this run.")
                        self.store.write_facts(run)
                if self._client is not None:
                    self._client.close(timeout=2)
                if self._cluster is not None:
                    self._cluster.close(timeout=5)
            except Exception:  # the server ends all the same; the log has the rest
                log.exception("closing the job engine")

    # What pages ask ------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """Return a run by id, whoever owns it: knowing the id is the permission to look."""
        return self.store.get(run_id)

    def runs(self, owner: str) -> list[Run]:
        """An owner's runs, newest first."""
        return self.store.owned_by(owner)

    def submit(
        self, owner: str, name: str, spec: ModelSpec, config: TrainConfig, dataset: str
    ) -> Run:
        """Start a new run. Raises AecoreError at once if it cannot be; returns before it trains."""
        self._check(owner, spec, config, dataset)
        self.start()  # an unreachable cluster must not leave a run that waits for ever
        run = Run(new_run_id(), owner, _name(name), spec, config, dataset)
        self.store.add(run)
        self._launch(run, None)
        return run

    def resume(self, owner: str, run_id: str, more_epochs: int = 0) -> Run:
        """Go on with a run from its last whole epoch, for more epochs than planned if asked."""
        run = self._owned(owner, run_id)
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
        run = self._owned(owner, run_id)
        if not run.recording.live:
            raise JobError(f"The run {run.name!r} is over; train it further on the Runs page.")
        if run.recording.status == "waiting" and name == "stop":
            self._futures[run_id].cancel()
            run.recording.status = "stopped"
            run.recording.version += 1
            self.store.write_facts(run)
            self._share_threads()
            return
        if run.worker is None:
            raise JobError(f"The run {run.name!r} waits for a free worker; it can only be stopped.")
        self._on_worker(run, orders.command, run_id, name, values)

    def rename(self, owner: str, run_id: str, name: str) -> None:
        run = self._owned(owner, run_id)
        run.name = _name(name)
        if run.has_model and not run.recording.live:
            found = checkpoints.from_bytes(self.store.content(run))
            card = dataclasses.replace(found.card, name=run.name)
            self.store.take_in(run, checkpoints.to_bytes(found.model, card, found.optimizer))
        self.store.write_facts(run)

    def delete(self, owner: str, run_id: str) -> None:
        """Delete a run and its files; a live one is stopped first."""
        run = self._owned(owner, run_id)
        if run.recording.live:
            with contextlib.suppress(AecoreError):
                self.command(owner, run_id, "stop")
        self.store.delete(run)

    def upload(self, owner: str, name: str, content: bytes) -> Run:
        """Take in a checkpoint file that somebody brought. Raises CheckpointError."""
        found = checkpoints.from_bytes(content)
        card = found.card
        title = _name(card.name or name.removesuffix(SUFFIX))
        run = Run(new_run_id(), owner, title, card.spec, card.config, card.dataset, kind="upload")
        run.end_seen = True
        run.recording.status = "finished"
        restore(run, card)
        self.store.add(run)
        self.store.take_in(run, content)
        return run

    def reread(self, owner: str, run_id: str, content: bytes) -> Run:
        """Put another reading of an uploaded file in its run's place. Raises AecoreError."""
        run = self._owned(owner, run_id)
        if run.kind != "upload":
            raise JobError(f"The run {run.name!r} was trained here; only a file can be read anew.")
        card = checkpoints.from_bytes(content).card
        run.spec, run.config, run.dataset = card.spec, card.config, card.dataset
        restore(run, card)
        self.store.take_in(run, content)
        self.store.write_facts(run)
        return run

    def checkpoint(self, run_id: str) -> Checkpoint:
        """A run's newest checkpoint, read anew. Raises JobError or CheckpointError."""
        return checkpoints.from_bytes(self.store.content(self.get(run_id)))

    def download(self, run_id: str) -> bytes:
        """A run's newest checkpoint as a file, without Adam's memory."""
        found = self.checkpoint(run_id)
        # The card has the name that the run had when it started.
        card = dataclasses.replace(found.card, name=self.get(run_id).name)
        return checkpoints.to_bytes(found.model, card)

    def ahead_of(self, run: Run) -> int:
        """Runs that train or wait before this one."""
        return sum(
            r.recording.live and r.created < run.created and r is not run
            for r in list(self.store.runs.values())
        )

    # Inside --------------------------------------------------------------------------------

    def _owned(self, owner: str, run_id: str) -> Run:
        run = self.store.get(run_id)
        if run.owner != owner:
            raise JobError(
                f"The run {run.name!r} belongs to another browser: you can watch it, not change it."
            )
        return run

    def _check(self, owner: str, spec: ModelSpec, config: TrainConfig, dataset: str) -> None:
        config.check()
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
        order = orders.Order(
            run.run_id,
            run.attempt,
            run.name,
            run.spec,
            run.config,
            run.dataset,
            self._threads(),
            resume,
        )
        self._client.subscribe_topic(order.topic, lambda event: self._on_event(run, order, event))
        future = self._client.submit(orders.carry_out, order, pure=False, retries=0)
        self._futures[run.run_id] = future
        future.add_done_callback(lambda done: self._ended(run, order, done))
        self._work.put(("threads", run, order, None))

    def _on_event(self, run: Run, order: orders.Order, event: tuple) -> None:
        """Called on the client's event loop for each message of a run, in order."""
        _, (address, sequence, content) = event
        event = pickle.loads(content)  # from our own worker, over Dask's own pickled channel
        if order.attempt != run.attempt or not run.recording.live:
            if isinstance(event, Started):
                # Stopped or deleted while its worker was getting ready, which Dask cannot undo.
                self._work.put(("unwanted", run, order, address))
            return
        if isinstance(event, Started):
            if run.worker is not None:
                # A cluster set to retry started the run again from the beginning: refuse.
                self._work.put(("lost", run, order, None))
                return
            run.worker = address
            self._work.put(("threads", run, order, None))
        run.recording.add(event)
        run.received = sequence
        if event.kind == "epoch":
            self._work.put(("snapshot", run, order, event.epoch))

    def _ended(self, run: Run, order: orders.Order, future) -> None:
        """Called on a thread of Dask's when a run's task is over, however it ended."""
        if order.attempt == run.attempt and future.status == "error" and _is_loss(future):
            # At once: the books may just be waiting for an answer of the worker that is gone.
            self._lost(run)
        self._work.put(("ended", run, order, future))

    def _keep_books(self) -> None:
        """Everything that waits for workers or disks happens on this one thread."""
        while (item := self._work.get()) is not None:
            what, run, order, extra = item
            try:
                if what == "unwanted":
                    stop = (run.run_id, "stop", {})
                    self._client.run(
                        orders.command, *stop, workers=[extra], callback_timeout=ANSWER_TIMEOUT
                    )
                    continue
                if order.attempt != run.attempt or run.run_id not in self.store.runs:
                    continue
                if what == "snapshot":
                    self._pull_snapshot(run)
                elif what == "ended":
                    self._settle(run, order, extra)
                elif what == "lost":
                    self._lost(run)
                self._share_threads()
            except Exception:  # the books go on whatever one run does; the log has the rest
                log.exception("keeping the books of run %s", run.run_id)

    def _pull_snapshot(self, run: Run) -> None:
        if run.recording.live and run.worker is not None:
            snapshot = self._on_worker(run, orders.take_snapshot, run.run_id)
            if snapshot is not None:
                self.store.take_in(run, snapshot[1], snapshot[0])

    def _settle(self, run: Run, order: orders.Order, future) -> None:
        self._futures.pop(run.run_id, None)
        if future.status == "cancelled":
            return
        if future.status == "error":
            if not _is_loss(future):
                error = future.exception()
                log.error("run %s failed: %r", run.run_id, error)
                run.recording.fail(
                    f"The run could not go on ({type(error).__name__}: {str(error)[:200]})."
                )
                self.store.write_facts(run)
            return
        outcome = future.result()
        self._wait_for_events(run, outcome.sent)
        if outcome.checkpoint is not None:
            epoch = None if isinstance(outcome.event, Failed) else run.recording.epoch
            self.store.take_in(run, outcome.checkpoint, epoch and epoch.epoch)
        run.recording.add(outcome.event)
        self.store.write_facts(run)

    def _wait_for_events(self, run: Run, sent: int) -> None:
        """The result may overtake the last events on the way here."""
        done = threading.Event()
        for _ in range(100):
            if run.received >= sent:
                return
            done.wait(0.02)

    def _lost(self, run: Run) -> None:
        run.recording.fail(
            "The worker process of this run was ended from outside. "
            + (
                f"It can be resumed from epoch {run.saved_epoch}."
                if run.saved_epoch
                else "It had finished no epoch yet; resuming starts it again."
            )
        )
        self.store.write_facts(run)

    def _on_worker(self, run: Run, function, *args):
        try:
            answers = self._client.run(
                function, *args, workers=[run.worker], callback_timeout=ANSWER_TIMEOUT
            )
            return answers[run.worker]
        except (OSError, KeyError, ValueError, TimeoutError) as error:
            raise JobError(f"The worker of the run {run.name!r} does not answer.") from error

    def _threads(self) -> int | None:
        """Threads for each computing run: its share of the cores.

        A lone run leaves one core to the server and a browser on the same machine: two threads
        that wait for each other at every step are slower than one when a third wants their place.
        """
        if self.address is not None:
            return None
        computing = sum(
            r.recording.status in ("training", "waiting") for r in list(self.store.runs.values())
        )
        return max(1, (cores() - 1) if computing <= 1 else cores() // computing)

    def _share_threads(self) -> None:
        threads = self._threads()
        for run in list(self.store.runs.values()):
            if threads and run.recording.status == "training" and run.worker is not None:
                with contextlib.suppress(AecoreError):
                    self._on_worker(run, orders.command, run.run_id, "change", {"threads": threads})


def _is_loss(future) -> bool:
    """Whether a task ended because its worker process did."""
    return type(future.exception()).__name__ in ("KilledWorker", "CommClosedError")


_engine: JobEngine | None = None
_engine_lock = threading.Lock()


def engine() -> JobEngine:
    """The process's one engine, from the environment: AECORE_RUNS (folder), AECORE_CLUSTER."""
    global _engine
    with _engine_lock:
        if _engine is None or _engine._closed:
            _engine = JobEngine(places.runs(), os.environ.get(CLUSTER_VARIABLE) or None)
        return _engine


def _name(name: str) -> str:
    """A name as people may give it: trimmed, printable, not empty, not endless."""
    cleaned = "".join(c for c in name if c.isprintable()).strip()[:MAX_NAME]
    if not cleaned:
        raise JobError("A run needs a name of at least one letter.")
    return cleaned
