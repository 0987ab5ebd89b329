"""How long runs take to be there again when their processes die; one JSON object.

python benchmarks/faults.py [--repeat 3]

Three people train on three workers, whatever the machine has; each fault is a real process killed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aecore import datasets  # noqa: E402
from aecore.jobs import processes  # noqa: E402
from aecore.jobs.engine import JobEngine  # noqa: E402
from aecore.runs.store import Run, RunStore  # noqa: E402
from aecore.types import ModelSpec, TrainConfig  # noqa: E402

PEOPLE = 3
LONG = TrainConfig(epochs=1000, batch_size=32, device="cpu")


def until(wanted: Callable) -> None:
    while not wanted():
        time.sleep(0.005)


def spec() -> ModelSpec:
    return ModelSpec("dense-ae", datasets.source("digits").spec, 3, {"hidden": (16,)})


def three(engine: JobEngine) -> list[Run]:
    runs = [engine.submit(f"person {n}", "A run", spec(), LONG, "digits") for n in range(PEOPLE)]
    until(lambda: all(run.saved_epoch >= 2 for run in runs))
    return runs


def scheduler_killed(folder: Path) -> dict[str, float]:
    """Seconds after the kill, and how many of the three went on from their last epoch."""
    engine = JobEngine(folder)
    engine.start()
    runs = three(engine)
    pid = next(
        child.pid
        for child in psutil.Process().children()
        if child.cmdline()[-2:] == ["aecore.jobs.member", "scheduler"]
    )
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(run.recording.live for run in runs))
    seconds = {"said": time.monotonic() - began}
    epochs = [run.saved_epoch for run in runs]
    following = engine.submit("another", "Next", spec(), LONG, "digits")
    seconds["cluster"] = time.monotonic() - began
    until(lambda: following.recording.last_step)
    seconds["next_trains"] = time.monotonic() - began
    engine.command("another", following.run_id, "stop")
    for run in runs:
        engine.resume(run.owner, run.run_id)
    until(lambda: all(run.recording.last_step for run in runs))
    seconds["three_train"] = time.monotonic() - began
    pairs = zip(runs, epochs, strict=True)
    seconds["resumed"] = sum(run.recording.started.first_epoch == epoch for run, epoch in pairs)
    engine.close()
    return seconds


def app_killed(folder: Path) -> dict[str, float]:
    """Processes left 5 seconds after the app was killed, and its runs as they are listed then."""
    command = [sys.executable, __file__, "--train", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as app:
        assert app.stdout is not None
        app.stdout.readline()
        below = psutil.Process(app.pid).children(recursive=True)
        app.kill()
    began, until_none = time.monotonic(), 5.0
    while time.monotonic() - began < 5:
        if not any(alive(process) for process in below):
            until_none = time.monotonic() - began
            break
        time.sleep(0.01)
    runs = RunStore(folder).all()
    return {
        "processes": len(below),
        "orphans": sum(alive(process) for process in below),
        "until_none": until_none,
        "resumable": sum(run.saved_epoch >= 2 and not run.recording.live for run in runs),
    }


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--train", type=Path)
    arguments = parser.parse_args()
    processes.cores = lambda: PEOPLE
    if arguments.train is not None:
        engine = JobEngine(arguments.train)
        engine.start()
        three(engine)
        print("three train", flush=True)
        time.sleep(600)
        return
    found: dict[str, list[dict[str, float]]] = {"scheduler_killed": [], "app_killed": []}
    for _ in range(arguments.repeat):
        for fault in (scheduler_killed, app_killed):
            with tempfile.TemporaryDirectory() as folder:
                found[fault.__name__].append(fault(Path(folder)))
    medians = {
        name: {k: round(statistics.median(row[k] for row in rows), 2) for k in rows[0]}
        for name, rows in found.items()
    }
    print(json.dumps({"load": os.getloadavg()[0], "people": PEOPLE, **medians}, indent=1))


if __name__ == "__main__":
    main()
