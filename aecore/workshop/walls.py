"""What shuts a child in: limits, a hook on what Python does, and the kernel's own walls."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from aecore import places
from aecore.workshop import landlock, seccomp

_HANDLES = 64
_FORBIDDEN = ("subprocess.", "socket.", "shutil.", "ftplib.", "smtplib.", "urllib.", "webbrowser.")
_CALLS = "system exec posix_spawn spawn fork forkpty startfile remove rename rmdir mkdir link"
_CALLS += " symlink truncate chmod chown kill putenv utime"
_FORBIDDEN_CALLS = {*(f"os.{name}" for name in _CALLS.split()), "pty.spawn", "signal.pthread_kill"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: What of the system a program reads while it runs; a folder of people's is never among them.
_SYSTEM = ("/usr", "/lib", "/lib64", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices")
_SYSTEM += ("/dev/null", "/dev/urandom", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types")


def confine(seconds: float, memory: int, reads: Iterable[Path]) -> None:
    """Put this process under its limits and behind the walls there are, for good.

    seconds: of the processor. memory: bytes above what it has now. reads: what it may open beside
    Python's own and aecore's.
    """
    readable = [*_roots(), *reads]
    _limit(seconds, memory)
    landlock.restrict(readable)
    seccomp.restrict()
    sys.addaudithook(_refuse)


def _roots() -> list[Path]:
    """Where the code lies that runs here, and what it needs of the system.

    The folder that a checkout lies in is not among them: it holds people's runs.
    """
    found = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib")}
    found |= {Path(sysconfig.get_path("platlib")), places.PACKAGE, places.SHIPPED}
    found |= {Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages")}
    return [*found, *map(Path, _SYSTEM)]


def _limit(seconds: float, memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    def limit(which: int, most: int, spare: int = 0) -> None:
        with contextlib.suppress(ValueError, OSError):  # a stricter limit stands already
            resource.setrlimit(which, (most, most + spare))

    # A second between the signal that says why it ends and the one that cannot be caught.
    limit(resource.RLIMIT_CPU, max(1, math.ceil(seconds)), spare=1)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, _HANDLES)
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        limit(resource.RLIMIT_AS, now + memory)


def _refuse(event: str, arguments: tuple) -> None:
    """What work on a file never does. Not a wall by itself: hostile code could go round it."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not (flags or 0) & _WRITING:
            return
    elif event not in _FORBIDDEN_CALLS and not event.startswith(_FORBIDDEN):
        return
    raise PermissionError(f"{event} is not allowed in the workshop")
