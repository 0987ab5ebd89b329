"""What the tests of runs share: an engine on a real embedded cluster, and patience."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import distributed
import pytest

from aecore.errors import JobError
from aecore.jobs import prewarm, processes
from aecore.jobs.engine import JobEngine
from aecore.runs.store import Run
from aecore.types import TrainConfig

LONG = TrainConfig(epochs=1000, batch_size=32, device="cpu")
SHORT = TrainConfig(epochs=3, batch_size=32, device="cpu")
ME, OTHER = "me", "somebody else"
PATIENCE = 250.0  # a machine under load; no wait lasts longer than what it waits for


def until(wanted: Callable, patience: float = PATIENCE):
    """Wait for wanted() to be true; returns its value."""
    tick, end = threading.Event(), time.monotonic() + patience
    while not (value := wanted()):
        assert time.monotonic() < end, f"it never came: {wanted.__code__.co_names}"
        tick.wait(0.01)
    return value


def status(run: Run, *names: str, patience: float = PATIENCE) -> Run:
    """Wait until a run has one of these statuses."""
    until(lambda: run.recording.status in names, patience)
    return run


def trained(run: Run, epochs: int = 1) -> Run:
    """Wait until a run's checkpoint of this epoch is in the folder."""
    until(lambda: run.saved and run.recording.epoch and run.recording.epoch.epoch >= epochs)
    return run


def pids(engine: JobEngine) -> dict[str, int]:
    """The process of each worker, by its address."""
    return engine.workers.client.run(os.getpid)


@pytest.fixture(scope="module")
def engine(request, tmp_path_factory) -> Iterator[JobEngine]:
    """One cluster for a module's tests, started from another working directory than the
    project's; as many workers as the module's WORKERS says. They warm up only for what is asked:
    tests that kill them wait for none that is not needed."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.MonkeyPatch.context() as patch:
        if count := getattr(request.module, "WORKERS", None):
            patch.setattr(processes, "cores", lambda: count)
        patch.setattr(processes, "BEHIND", 0)  # the machine may be full of other tests
        patch.setattr(prewarm, "Prewarm", distributed.WorkerPlugin)
        engine = JobEngine(tmp_path_factory.mktemp("runs"))
        engine.start()
        yield engine
        engine.close()
    os.chdir(before)


@pytest.fixture
def submit(engine, tiny_ae) -> Iterator[Callable[..., Run]]:
    """Start a run; what a test leaves running is stopped."""
    made = []

    def start(config=LONG, owner=ME, spec=None, name="A run") -> Run:
        made.append(engine.submit(owner, name, spec or tiny_ae, config, "digits"))
        return made[-1]

    yield start
    for run in made:
        if run.run_id in engine.store.runs and run.recording.live:
            try:
                engine.command(run.owner, run.run_id, "stop")
            except JobError:
                until(lambda run=run: run.worker is not None or not run.recording.live)
                if run.recording.live:
                    engine.command(run.owner, run.run_id, "stop")
            status(run, "stopped", "finished", "failed")
