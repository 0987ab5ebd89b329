"""The app as its own process, for tests that look at it from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
# What pages say first whose heading is not their name in the sidebar.
HEADINGS = {"home": "Autoencoders, live", "experiment": "How many numbers?"}


def wait_for(url: str) -> None:
    """Until the Streamlit server at an address answers."""
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the app did not start within a minute")


class Server:
    """The app, started as the README says on a port of its own; settings: environment variables."""

    def __init__(self, runs: Path, **settings: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {**os.environ, "AECORE_RUNS": str(runs), **settings}
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, the first time or again on the same port."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        command += ["--server.headless=true", f"--server.port={self.port}"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL
        )
        wait_for(self.url)

    def kill(self) -> None:
        """End it as a power cut would, and wait until the port is free."""
        self.process.kill()
        self.process.wait()

    def workers(self) -> list[psutil.Process]:
        """The processes that train."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [p for p in below if p.cmdline()[-2:] == ["aecore.jobs.member", "worker"]]

    def stop(self) -> list[psutil.Process]:
        """Stop as Ctrl-C does; return the processes that are still there."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _, alive = psutil.wait_procs(below, timeout=20)
        return alive
