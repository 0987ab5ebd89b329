"""A class behind nginx: two replicas of the app, four workers, and one of each is killed.

The settings are deploy/nginx.conf, with the replicas' names and the port put to this machine. The
students start the fast start; when each has seen its first point, a replica and the worker with the
most runs get SIGKILL. Their tabs connect again by themselves, as Streamlit's page does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.lessons.figures import beside, counted, spread
from benchmarks.lessons.student import Student
from benchmarks.served import FOREIGN, ROOT, Served, free_port

WORKERS = 4
PATIENCE = 400.0  # seconds until the last run has ended
BACK = 1.0  # seconds after which a page connects again


class Cluster:
    """All that runs: `apps` by port, nginx at `host`, scheduler and workers; `runs` is the folder
    that the replicas share."""

    def __init__(self, folder: Path, root: Path):
        self.folder, self.root, self.runs = folder, root, folder / "runs"
        self._started: list[subprocess.Popen] = []
        scheduler, self.port = free_port(), free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.address = f"tcp://127.0.0.1:{scheduler}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        aecore = [sys.executable, "-m", "aecore"]
        self._start(
            [*aecore, "scheduler", "--host", "127.0.0.1", "--port", str(scheduler)], environment
        )
        self._start([*aecore, "worker", self.address, "--processes", str(WORKERS)], environment)
        environment |= {
            "AECORE_RUNS": str(self.runs),
            "AECORE_CLUSTER": self.address,
            "STREAMLIT_SERVER_COOKIE_SECRET": "for a benchmark alone",
        }
        self.apps: dict[int, Served] = {}
        for _ in range(2):
            port = free_port()
            command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
            self.apps[port] = Served(
                self._start([*command, f"--server.port={port}"], environment), port
            )
        for app in self.apps.values():
            app.wait()
        self._start_nginx()

    def _start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen:
        log = (self.folder / f"log-{len(self._started)}").open("wb")
        process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=log, stderr=log)
        self._started.append(process)
        return process

    def _start_nginx(self) -> None:
        if shutil.which("nginx") is None:
            raise SystemExit("This lesson needs nginx: apt install nginx-light.")
        text = (self.root / "deploy" / "nginx.conf").read_text("utf-8")
        ports = iter(self.apps)
        text = re.sub(r"server app\d+:\d+", lambda _: f"server 127.0.0.1:{next(ports)}", text)
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
        settings = self.folder / "nginx.conf"
        settings.write_text(text.replace("/tmp/nginx", str(self.folder / "nginx")), "utf-8")
        command = ["nginx", "-p", str(self.folder), "-c", str(settings), "-g", "daemon off;"]
        self._start(command, dict(os.environ))

    def workers(self) -> list[psutil.Process]:
        """The worker processes, those with most work first."""
        members = psutil.Process(self._started[1].pid).children(recursive=True)
        found = [p for p in members if "aecore.jobs.member" in " ".join(p.cmdline())]
        return sorted(found, key=lambda p: -sum(p.cpu_times()[:2]))

    def facts(self) -> list[dict[str, Any]]:
        """What the folder says of each run."""
        found = []
        for file in self.runs.glob("r*/run.json"):
            with contextlib.suppress(ValueError, OSError):
                found.append(json.loads(file.read_bytes()) | {"run": file.parent.name})
        return found

    def end(self) -> None:
        for app in self.apps.values():
            if app.process.poll() is None:
                app.end()
        for process in reversed(self._started):
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(root: Path = ROOT) -> Iterator[Cluster]:
    """All of it, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="replicas-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder), root)
        try:
            yield made
        finally:
            made.end()


async def lesson(app: Cluster, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found` with what became of the runs of asked.students."""
    await asyncio.sleep(asked.warm)  # workers import what they need
    students = [Student(app.host, f"s{i}") for i in range(asked.students)]
    jobs = [
        asyncio.create_task(_attend(s, i * asked.over / len(students)))
        for i, s in enumerate(students)
    ]
    back = [asyncio.create_task(_connect_again(s)) for s in students]
    try:
        await _until(lambda: all(s.point is not None for s in students), PATIENCE)
        found["first_point_s"] = spread([s.point for s in students if s.point is not None])
        before = app.facts()
        leaders = Counter(facts.get("leader") for facts in before)
        killed = next(iter(app.apps.values()))
        worker = app.workers()[0]
        killed.process.kill()
        worker.kill()
        at = time.monotonic()
        found["ended_before"] = sum(s.end is not None for s in students)
        await _until(lambda: all(s.end is not None for s in students), PATIENCE)
        found["all_seen_to_end_s"] = round(time.monotonic() - at, 1)
        await asyncio.sleep(3)
        after = app.facts()
        found["runs"], found["led_by_each_before"] = len(after), sorted(leaders.values())
        found["statuses"] = counted([facts["status"] for facts in after])
        remarks = [facts.get("remark", "") for facts in after]
        found["went_on_by_themselves"] = sum("went on by itself" in r for r in remarks)
        lost = len(students) - sum(facts["status"] == "finished" for facts in after)
        again = sum("from its beginning" in r for r in remarks)
        found["table"] = {"runs_lost": beside(lost, 0), "started_again_from_0": beside(again, 0)}
        found["seen_by_students"] = counted([s.status for s in students])
        found["connected_again"] = sum(s.tab.dropped > 0 for s in students)
        found["remarks"] = counted(remarks)
    finally:
        for job in (*jobs, *back):
            job.cancel()
        await asyncio.gather(*(s.leave() for s in students), return_exceptions=True)


async def _attend(student: Student, after: float) -> None:
    await asyncio.sleep(after)
    await student.come()
    await student.start()
    await student.ended()


async def _connect_again(student: Student) -> None:
    """As Streamlit's page does when its websocket ends."""
    seen = 0
    while True:
        await asyncio.sleep(BACK)
        if student.tab.dropped > seen:
            seen = student.tab.dropped
            with contextlib.suppress(OSError, TimeoutError, ConnectionError):
                await student.tab.open_again()


async def _until(wanted, patience: float) -> None:
    end = time.monotonic() + patience
    while not wanted():
        if time.monotonic() > end:
            raise TimeoutError("it never came")
        await asyncio.sleep(0.1)
