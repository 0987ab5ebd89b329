"""The app as the README starts it, for benchmarks: started, watched and surely ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
MB = 1 << 20
#: Settings of whoever measures that would change what the app does by itself.
FOREIGN = ("OMP_", "MKL_", "OPENBLAS_", "GOMP_", "KMP_", "MALLOC_", "AECORE_", "STREAMLIT_")
CLUSTER = ("aecore.jobs.member", "dask")  # how the command lines of its processes can be told


@contextlib.contextmanager
def served(
    port: int = 0,
    log: Path | None = None,
    root: Path = ROOT,
    prepare: Callable[[Path], None] | None = None,
) -> Iterator[Served]:
    """The app of a checkout on a port (0: a free one), with a folder of runs of its own, until the
    block ends. prepare: puts into that folder what is there from the start."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="classroom-", ignore_cleanup_errors=True) as runs:
        if prepare is not None:
            prepare(Path(runs) / "runs")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        with (log or Path(runs) / "log").open("wb") as out:
            process = subprocess.Popen(
                [*command, f"--server.port={port}"],
                cwd=root,
                env={**environment, "AECORE_RUNS": f"{runs}/runs"},
                stdout=out,
                stderr=out,
            )
            app = Served(process, port)
            try:
                app.wait()
                yield app
            finally:
                app.end()


class Served:
    """A running app and all its processes."""

    def __init__(self, process: subprocess.Popen, port: int):
        self.process, self.port = process, port
        self.host = f"127.0.0.1:{port}"
        self._known: dict[int, psutil.Process] = {}

    def wait(self, seconds: float = 90) -> None:
        """Until it answers. Raises SystemExit."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.2)
        raise SystemExit(f"The app did not start within {seconds:.0f} s.")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Its processes by what they do: "app", "workers" (the cluster's), "workshop"."""
        own = psutil.Process(self.process.pid)
        found: dict[str, list[psutil.Process]] = {"app": [own], "workers": [], "workshop": []}
        for child in own.children(recursive=True):
            self._known[child.pid] = child
            with contextlib.suppress(psutil.Error):
                line = " ".join(child.cmdline())
                found["workers" if any(c in line for c in CLUSTER) else "workshop"].append(child)
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of the processor so far, by role, "clients" being this process. What ended
        meanwhile counts where its parent was told of it."""
        seconds = {"clients": sum(os.times()[:2])}
        for role, members in self.processes().items():
            seconds[role] = 0.0
            for process in members:
                with contextlib.suppress(psutil.Error):
                    t = process.cpu_times()
                    seconds[role] += t.user + t.system
                    seconds[role] += t.children_user + t.children_system if role != "app" else 0
        return seconds

    def memory(self) -> dict[str, float]:
        """Megabytes that are resident, by role; "all" counts what processes share once."""
        mb, together = {}, 0.0
        for role, members in self.processes().items():
            mb[role] = 0.0
            for process in members:
                with contextlib.suppress(psutil.Error):
                    mb[role] += process.memory_info().rss / MB
                    together += process.memory_full_info().pss / MB
        return {role: round(value) for role, value in (mb | {"all": together}).items()}

    async def settled(self, seconds: float = 60) -> None:
        """Until its processes have paid for their imports: quiet for two seconds."""
        until, quiet, before = time.monotonic() + seconds, 0, self.cpu()
        while time.monotonic() < until and quiet < 2:
            await asyncio.sleep(1)
            now = self.cpu()
            used = sum(now[role] - before[role] for role in ("app", "workers", "workshop"))
            there = len(self.processes()["workers"]) > 1
            quiet, before = (quiet + 1 if there and used < 0.15 else 0), now

    def end(self) -> None:
        """As Ctrl-C does; what is left after 20 seconds is killed."""
        with contextlib.suppress(psutil.Error):
            self.processes()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _, left = psutil.wait_procs(list(self._known.values()), timeout=5)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
