"""Workers that are ready before somebody waits; apart, because only this needs all of Dask."""

from __future__ import annotations

import getpass
import tempfile
import threading
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin


class Prewarm(WorkerPlugin):
    """Makes every worker ready before somebody waits, also one that replaces a killed one."""

    name = "aecore-prewarm"

    def setup(self, worker: Any) -> None:
        threading.Thread(target=_take_turn, name="aecore-prewarm", daemon=True).start()


def _take_turn() -> None:
    # Workers of one machine take turns: the first is ready in half the time that all together
    # take.
    from filelock import FileLock

    with FileLock(Path(tempfile.gettempdir()) / f"aecore-prewarm-{getpass.getuser()}.lock"):
        from aecore.jobs.worker import prewarm

        prewarm()
