"""The process in which files that nobody trusts are parsed: no writing, little memory and time.

    python -P -m aecore.inspection.files.confined fork FD MODULE:FUNCTION MAIN_PID
    python -P -m aecore.inspection.files.confined once NAME MODULE:FUNCTION

`fork` imports everything once and then forks a child for each file that comes through the socket
FD; `once` reads one file from standard input. FUNCTION takes the open file and its name, and
returns Contents or raises an AecoreError.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from aecore.errors import AecoreError
from aecore.inspection.files import passing
from aecore.inspection.files.contents import Contents

Reader = Callable[[BinaryIO, str], Contents]

SECONDS = 8  # of the clock, and of the processor
MEMORY = 900 << 20  # bytes above what the process has before it reads
READY = b"ready"
_FILES = 32
_LOOK = 0.005  # seconds between looks at running children
_FORBIDDEN = ("subprocess.", "socket.", "shutil.", "ftplib.", "smtplib.", "urllib.", "webbrowser.")
_FORBIDDEN_CALLS = {
    *(
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.fork",
        "os.forkpty",
        "os.startfile",
    ),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *(
        "os.chmod",
        "os.chown",
        "os.kill",
        "os.putenv",
        "os.utime",
        "pty.spawn",
        "signal.pthread_kill",
    ),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine() -> None:
    """Put this process under its limits, for good."""
    sys.addaudithook(_refuse)
    if sys.platform == "win32":
        return
    import resource

    def limit(which: int, most: int) -> None:
        with contextlib.suppress(ValueError, OSError):  # a stricter limit stands already
            resource.setrlimit(which, (most, most))

    limit(resource.RLIMIT_CPU, SECONDS)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, _FILES)
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        limit(resource.RLIMIT_AS, now + MEMORY)


def _refuse(event: str, arguments: tuple) -> None:
    """What reading a file never does. Not a wall by itself: the limits and weights_only are."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not (flags or 0) & _WRITING:
            return
    elif event not in _FORBIDDEN_CALLS and not event.startswith(_FORBIDDEN):
        return
    raise PermissionError(f"{event} is not allowed while a file is read")


def answer(reader: Reader, file: BinaryIO, name: str, write: Callable[[Any], object]) -> None:
    """Read a file under the limits and write what was found, or the sentence why not."""
    confine()
    try:
        contents = reader(file, name)
    except AecoreError as error:
        passing.send_sentence(str(error), write)
    except MemoryError:
        passing.send_sentence(TOO_MUCH_MEMORY, write)
    except Exception as error:  # a parser that stumbled over a hostile file
        passing.send_sentence(stumbled(error), write)
    else:
        try:
            passing.send(contents, write)
        except AecoreError as error:
            passing.send_sentence(str(error), write)


TOO_MUCH_MEMORY = (
    f"Reading the file would take more than {MEMORY >> 20} MB of memory, so it was stopped; choose "
    "a smaller model or save only its weights."
)


def stumbled(error: Exception) -> str:
    """The sentence for an error of a library that had no words for a person."""
    if "allocate" in str(error) or "bad_alloc" in str(error):
        return TOO_MUCH_MEMORY
    return "The file is damaged or of a kind that cannot be read; save or download it again."


@dataclass
class _Child:
    deadline: float
    begun: float
    status: int


def serve(control: socket.socket, reader: Reader, main: int) -> None:
    """Fork a child for each file until the app process (main) ends or closes the socket."""
    control.sendall(READY)
    children: dict[int, _Child] = {}
    while True:
        readable, _, _ = select.select([control], [], [], _LOOK if children else 2.0)
        if os.getppid() != main:
            break
        if readable:
            message, handles, _, _ = socket.recv_fds(control, 4096, 3)
            if not message:
                break
            _fork(reader, json.loads(message), handles, control, children)
        _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(
    reader: Reader, job: dict, handles: list[int], control: socket.socket, children: dict
) -> None:
    source, out, status = handles
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            control.close()
            os.write(status, b"%d\n" % _resident())
            for handle in (status, *(child.status for child in children.values())):
                os.close(handle)
            # Should the process that watches be gone, the kernel still ends this one.
            signal.setitimer(signal.ITIMER_REAL, SECONDS + 2)
            with os.fdopen(source, "rb") as file, os.fdopen(out, "wb", buffering=0) as target:
                answer(reader, file, job["name"], _whole(target.write))
            code = 0
        finally:
            os._exit(code)
    os.close(source)
    os.close(out)
    now = time.monotonic()
    children[pid] = _Child(now + job["seconds"], now, status)


def _whole(write: Callable[[Any], int]) -> Callable[[Any], None]:
    """A pipe may take a part of what is written."""

    def all_of(data: Any) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[write(rest) :]

    return all_of


def _reap(children: dict[int, _Child]) -> None:
    for pid, child in list(children.items()):
        done, code, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            if time.monotonic() > child.deadline:
                os.kill(pid, signal.SIGKILL)
            continue
        del children[pid]
        seconds = time.monotonic() - child.begun
        late = time.monotonic() > child.deadline or -os.waitstatus_to_exitcode(code) in (
            signal.SIGXCPU,
            signal.SIGALRM,
        )
        report = {"late": late, "seconds": seconds, "kibibytes": usage.ru_maxrss}
        with contextlib.suppress(OSError):  # whoever asked has gone
            os.write(child.status, json.dumps(report).encode())
        os.close(child.status)


def _resident() -> int:
    """This process's memory in KiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def _load(target: str) -> Reader:
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)


def main(arguments: list[str]) -> None:
    import torch

    torch.set_num_threads(1)
    how, what, target, *rest = arguments
    reader = _load(target)
    if how == "fork":
        with socket.socket(fileno=int(what)) as control:
            serve(control, reader, int(rest[0]))
    else:
        with os.fdopen(os.dup(0), "rb") as file:
            answer(reader, file, what, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
