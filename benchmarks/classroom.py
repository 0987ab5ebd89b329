"""A class on one server: real websocket sessions that train, look on, and drop files.

    python benchmarks/classroom.py [--students 30] [--seconds 150] [--look-on]
    python benchmarks/classroom.py --check-up 10 [--beside 10]
    python benchmarks/classroom.py --memory [--students 60] [--runs 200]
    python benchmarks/classroom.py --replicas [--students 30]
    python benchmarks/classroom.py --served-network [--students 30]

Starts the app as the README does, with a folder of runs of its own, and ends it in any case.
Prints one JSON object, each figure beside the most that is asked; Ctrl-C and --limit print what
there is so far. benchmarks/README.md says what each means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.lessons import check_up, memory, replicas, served_network, training
from benchmarks.lessons.replicas import cluster
from benchmarks.served import ROOT, served

LESSONS = {
    "training": training.lesson,
    "check_up": check_up.lesson,
    "memory": memory.lesson,
    "replicas": replicas.lesson,
    "served_network": served_network.lesson,
}


async def _held(app: Any, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Hold the lesson, at most asked.limit seconds; `found` is filled as far as it came."""
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    began, found["load_before"] = time.monotonic(), round(os.getloadavg()[0], 2)
    try:
        async with asyncio.timeout(asked.limit) as limit:
            await LESSONS[asked.lesson](app, asked, found)
    except asyncio.CancelledError:
        found["ended"] = "by a signal: this is not everything"
    except Exception as error:  # the figures so far are worth printing, whatever it was
        said = f"after the limit of {asked.limit:.0f} s" if limit.expired() else repr(error)
        found["ended"] = f"{said}: this is not everything"
        if not limit.expired():
            traceback.print_exc()
    found["seconds"] = round(time.monotonic() - began, 1)


def main() -> int:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--students", type=int)
    parser.add_argument("--seconds", type=float, default=150, help="that they stay")
    parser.add_argument("--over", type=float, default=20, help="seconds in which they start")
    parser.add_argument(
        "--look-on", action="store_true", help="each looks at its run on another page at its end"
    )
    parser.add_argument("--check-up", type=int, metavar="FILES")
    parser.add_argument("--beside", type=int, default=10, help="that train beside the check-up")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--replicas", action="store_true", help="two, behind nginx; one is killed")
    parser.add_argument(
        "--served-network", action="store_true", help="all ask a model over the browser's budget"
    )
    parser.add_argument("--warm", type=float, default=40, help="seconds until their lesson begins")
    parser.add_argument(
        "--work", type=float, help="seconds of the processor for one run, instead of measuring"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--limit", type=float, help="seconds, then it ends (default: by lesson)")
    parser.add_argument("--app", type=Path, default=ROOT, help="another checkout to measure")
    parser.add_argument("--log", type=Path, help="keep what the app prints in this file")
    asked = parser.parse_args()
    others = [name for name in LESSONS if getattr(asked, name, None)]
    asked.lesson = others[0] if others else "training"
    asked.students = asked.students or (60 if asked.memory else 30)
    if asked.limit is None:
        asked.limit = {
            "training": asked.seconds + 400,
            "check_up": 900,
            "memory": 1800,
            "replicas": 900,
            "served_network": 170,
        }[asked.lesson]
    found: dict[str, Any] = {"lesson": asked.lesson, "cores": os.cpu_count()}
    try:
        prepare = served_network.prepare if asked.served_network else None
        started = served(asked.port, asked.log, asked.app, prepare)
        where = cluster(asked.app) if asked.replicas else started
        with where as app:
            asyncio.run(_held(app, asked, found))
    finally:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    return 1 if "ended" in found else 0


if __name__ == "__main__":
    sys.exit(main())
