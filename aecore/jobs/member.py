"""One process of a cluster: `python -m aecore.jobs.member scheduler`, or `worker`.

What it has to know comes as a line of JSON on its standard input; its address goes out as another.
It ends when its input does: whoever started it is gone then, however that came about. Imports no
torch: a scheduler needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import dask.config
from distributed import Scheduler, Worker
from distributed.security import Security

from aecore.jobs.room import SHARE, room
from aecore.jobs.slices import SLOTS

_PR_SET_PDEATHSIG = 1  # prctl(2)
_FIRST_TO_GO = "800"  # of 1,000 (proc(5), oom_score_adj)
SETTINGS = {
    # A killed worker must fail its run: the default would silently train it again from step 0.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.low-level-log-length": 100,  # events are read as they come, or never
    # A run stays where it was put: its place was chosen by who trains where.
    "distributed.scheduler.work-stealing": False,
    # It looks at all threads a hundred times a second: with fifteen runs 8 % of a core.
    "distributed.worker.profile.enabled": False,
    # Trainings take minutes: who scales by what waits must not take them for half a second each.
    "distributed.scheduler.unknown-task-duration": "10 minutes",
    "distributed.scheduler.worker-ttl": "60 seconds",  # without a sign of life
    # No pages beside: they would answer anybody on the machine.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


def main() -> None:
    """Be what the command says, until the input ends."""
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    order = json.loads(sys.stdin.buffer.readline())
    _end_with_who_started_this()
    logging.getLogger("distributed").setLevel(logging.ERROR)
    dask.config.set(SETTINGS)
    try:
        asyncio.run(_serve(order, said))
    finally:
        # A training thread would keep a process alive that nobody can reach any more.
        os._exit(0)


async def _serve(order: dict[str, Any], said: Any) -> None:
    # Without keys given, Dask's own configuration says whether there are some.
    security = Security(**order["security"]) if order["security"] else None
    common = {"host": order["host"], "security": security}
    if sys.argv[1] == "scheduler":
        server = Scheduler(port=0, dashboard=False, dashboard_address="127.0.0.1:0", **common)
    else:
        _offer_itself_first()
        if hasattr(os, "nice"):
            os.nice(order["behind"])
        room().budget = SHARE * order["memory"]
        # Memory is watched from outside, where a stop does not depend on the watched.
        server = Worker(order["scheduler"], nthreads=SLOTS, memory_limit=0, **common)
    await server
    print(json.dumps({"address": server.address}), file=said, flush=True)
    await server.finished()


def _end_with_who_started_this() -> None:
    def wait() -> None:
        while sys.stdin.buffer.read(1 << 16):
            continue
        os._exit(0)

    threading.Thread(target=wait, name="aecore-end", daemon=True).start()
    if sys.platform.startswith("linux"):
        # Also where this process is stopped, or its interpreter busy.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _offer_itself_first() -> None:
    """Where memory runs out, the kernel ends a worker, whose run can be resumed, not the app."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


if __name__ == "__main__":
    main()
