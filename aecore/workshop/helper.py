"""The process that children come from.

    python -P -m aecore.workshop.helper fork SOCKET MAIN_PID
    python -P -m aecore.workshop.helper once ORDER FILE...

`fork` (Linux) keeps what was prepared in memory, and forks a child for each order that comes
through the socket; `once` is such a child itself, whose order and files are paths.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from aecore.workshop import child

log = logging.getLogger(__name__)

READY = b"ready"
LARGEST_MESSAGE = 4096
MOST_FILES = 8  # that a piece of work may have
_LOOK = 0.005  # seconds between looks at running children
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_GENTLE = 2  # nice: pages go first, and trainings, which somebody watches, after who waits
_FIRST_TO_GO = "1000"  # for the kernel, when memory runs out


@dataclass
class _Child:
    number: int
    deadline: float
    longest: float
    report: int
    late: bool = False


def serve(control: socket.socket, main: int) -> None:
    """Fork a child for each order until the app process (main) ends or closes the socket."""
    control.sendall(READY)
    children: dict[int, _Child] = {}
    prepared: set[str] = set()
    while True:
        readable, _, _ = select.select([control], [], [], _LOOK if children else 2.0)
        if os.getppid() != main:
            break
        if readable:
            message, handles, _, _ = socket.recv_fds(control, LARGEST_MESSAGE, MOST_FILES + 3)
            if not message:
                break
            _obey(json.loads(message), handles, control, children, prepared)
        _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _obey(
    message: dict[str, Any],
    handles: list[int],
    control: socket.socket,
    children: dict[int, _Child],
    prepared: set[str],
) -> None:
    """Prepare, start or stop, as the message says."""
    if "stop" in message:
        for pid, one in children.items():
            if one.number == message["stop"]:
                os.kill(pid, signal.SIGKILL)
        return
    for name in (message["target"], message["prepare"]):
        if name and name not in prepared:
            prepared.add(name)
            _prepare(name, call=name == message["prepare"])
    if handles:
        _fork(message, handles, control, children)


def _prepare(name: str, call: bool) -> None:
    """Have in memory, once for all children, what a target needs."""
    try:
        function = child.load(name)
        if call:
            function()
    except Exception as error:  # the child meets it again, and has words for it
        log.warning("%s could not be prepared: %r", name, error)
    gc.collect()
    gc.freeze()  # children then leave these pages shared


def _fork(
    message: dict[str, Any],
    handles: list[int],
    control: socket.socket,
    children: dict[int, _Child],
) -> None:
    order, out, report, *files = handles
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _settle(os.getppid())
            control.close()
            os.write(report, b"%d\n" % _resident())
            for handle in (report, *(one.report for one in children.values())):
                os.close(handle)
            # Should the process that watches hang, the kernel still ends this one.
            signal.setitimer(signal.ITIMER_REAL, message["longest"] + 2)
            with os.fdopen(order, "rb") as file:
                told = json.load(file)
            opened: list[BinaryIO] = [os.fdopen(handle, "rb") for handle in files]
            with os.fdopen(out, "wb", buffering=0) as target:
                child.work(told, opened, _whole(target.write))
            code = 0
        finally:
            os._exit(code)
    for handle in (order, out, *files):
        os.close(handle)
    now = time.monotonic()
    children[pid] = _Child(
        message["number"], now + message["clock"], now + message["longest"], report
    )


def _settle(parent: int) -> None:
    """Live no longer than the helper, behind everybody else, and be the first to go."""
    ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.nice(_GENTLE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_FIRST_TO_GO)


def _whole(write: Callable[[Any], int]) -> Callable[[Any], None]:
    """A pipe may take a part of what is written."""

    def all_of(data: Any) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[write(rest) :]

    return all_of


def _reap(children: dict[int, _Child]) -> None:
    for pid, one in list(children.items()):
        done, code, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            now = time.monotonic()
            # A class on two cores is no fault of the file's.
            if now > one.deadline and now > min(one.longest, one.deadline + active(pid)[1]):
                one.late = True
                os.kill(pid, signal.SIGKILL)
            continue
        del children[pid]
        exit_code = os.waitstatus_to_exitcode(code)
        late = one.late or -exit_code in (signal.SIGXCPU, signal.SIGALRM)
        report = {
            "late": late,
            "seconds": usage.ru_utime + usage.ru_stime,
            "kibibytes": usage.ru_maxrss,
        }
        with contextlib.suppress(OSError):  # whoever asked has gone
            os.write(one.report, json.dumps(report).encode())
        os.close(one.report)


def active(pid: int) -> tuple[float, float]:
    """Seconds in which a process's main thread computed, and in which it would have and others had
    the cores; none where the system does not say."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            ran, waited, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0.0, 0.0
    return ran / 1e9, waited / 1e9


def _resident() -> int:
    """This process's memory in KiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def _once(order: str, paths: list[str]) -> None:
    with open(order, "rb") as file:
        told = json.load(file)
    # The process ends with them.
    opened: list[BinaryIO] = [open(path, "rb") for path in paths]  # noqa: SIM115
    if told["prepare"]:
        child.load(told["prepare"])()
    child.work(told, opened, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> None:
    how, *rest = arguments
    if how == "fork":
        with socket.socket(fileno=int(rest[0])) as control:
            serve(control, int(rest[1]))
    else:
        _once(rest[0], rest[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
