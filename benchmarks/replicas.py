"""Runs of a class while a process of the app and a worker are killed: python benchmarks/replicas.py

Two processes of the app (their engines, without pages) share a folder and a cluster of four worker
processes, started by their commands; each hands out half of 30 runs. When all have a point, one of
the two and one worker are ended by kill -9. Prints how many runs were lost, how many were started
again from 0 although something had been seen of them, after how many seconds the other process led
all, and how far behind a live run it was before.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from aecore import datasets
from aecore.jobs.engine import JobEngine
from aecore.types import ModelSpec, TrainConfig

HOME = Path(__file__).resolve().parents[1]
PATIENCE = 600.0


def until(wanted, patience: float = PATIENCE) -> float:
    """Seconds until wanted() is true."""
    began = time.monotonic()
    while not wanted():
        if time.monotonic() - began > patience:
            raise SystemExit("it never came")
        time.sleep(0.02)
    return time.monotonic() - began


def submit(engine: JobEngine, name: str, runs: int, epochs: int) -> None:
    spec = ModelSpec("dense-vae", datasets.source("digits").spec, 2, {"hidden": (64,)})
    config = TrainConfig(epochs=epochs, batch_size=32, device="cpu")
    for number in range(runs):
        engine.submit(f"{name}-{number}", f"Run {number}", spec, config, "digits")


def app(root: str, address: str, runs: str, epochs: str) -> None:
    """The process that will be killed."""
    engine = JobEngine(Path(root), address)
    submit(engine, "one", int(runs), int(epochs))
    print("submitted", flush=True)
    while True:
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--workers", type=int, default=4)
    args = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, root = f"tcp://127.0.0.1:{port}", tempfile.mkdtemp()
    aecore = [sys.executable, "-m", "aecore"]
    quiet = {"stderr": subprocess.DEVNULL, "cwd": HOME}
    started = [
        subprocess.Popen(
            [*aecore, "scheduler", "--host", "127.0.0.1", "--port", str(port)], **quiet
        ),
        subprocess.Popen([*aecore, "worker", address, "--processes", str(args.workers)], **quiet),
    ]
    half = args.runs // 2
    killed = subprocess.Popen(
        [sys.executable, __file__, "app", root, address, str(half), str(args.epochs)],
        stdout=subprocess.PIPE,
        cwd=HOME,
    )
    engine = JobEngine(Path(root), address)
    try:
        measured = measure(engine, killed, args, half)
    finally:
        engine.close()
        for process in (killed, *reversed(started)):
            process.terminate()
            process.wait(30)
    print(json.dumps(measured))


def measure(engine: JobEngine, killed: subprocess.Popen, args, half: int) -> dict:
    until(lambda: _connected(engine))
    submit(engine, "two", args.runs - half, args.epochs)
    assert killed.stdout is not None
    killed.stdout.readline()
    until(lambda: len(_scanned(engine)) == args.runs)
    runs = _scanned(engine)
    until(lambda: all(r.recording.probes and (r.early or r.saved_epoch) for r in runs))
    seen = {r.run_id: r.saved_epoch for r in runs}
    here = [r for r in runs if r.leader == engine.store.replica.me]
    pids = engine.workers.client.run(os.getpid)
    victim = max(pids, key=lambda w: sum(r.worker == w for r in runs))
    on_it = sum(r.worker == victim and r.recording.live for r in runs)
    os.kill(killed.pid, signal.SIGKILL)
    os.kill(pids[victim], signal.SIGKILL)
    me = engine.store.replica.me
    led = until(lambda: all(r.leader == me for r in runs if r.recording.live))
    until(lambda: not any(r.recording.live for r in runs))
    lost = [r for r in runs if r.recording.status != "finished"]
    again = [r for r in runs if "from its beginning" in r.remark]
    for run in lost:
        print(run.name, run.recording.status, run.recording.message, file=sys.stderr)
    return {
        "runs": len(runs),
        "led_by_the_killed": len(runs) - len(here),
        "on_the_killed_worker": on_it,
        "epochs_before": [min(seen.values()), max(seen.values())],
        "lost": len(lost),
        "started_again_from_0": len(again),
        "whole_curves": sum(
            [row["epoch"] for row in r.recording.history] == list(range(1, args.epochs + 1))
            for r in runs
        ),
        "seconds_until_the_other_led_all": round(led, 1),
        "load": round(psutil.getloadavg()[0], 1),
    }


def _connected(engine: JobEngine) -> bool:
    from aecore.errors import JobError

    try:
        engine.start()
    except JobError as error:
        print(error, file=sys.stderr)
        return False
    return True


def _scanned(engine: JobEngine) -> list:
    engine.store.scan()
    return engine.store.all()


if __name__ == "__main__":
    if sys.argv[1:2] == ["app"]:
        app(*sys.argv[2:])
    else:
        main()
