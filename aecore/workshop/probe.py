"""Which walls stand around a child, found by trying each in one."""

from __future__ import annotations

import ctypes
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from aecore.errors import AecoreError
from aecore.workshop.task import Made, Task, Tell


@dataclass(frozen=True)
class Walls:
    """What hostile code in a child could not do, were it to run: true where it was refused.

    files: read what it was not given. writing: write a file. network: connect to a server of this
    machine. programs: start another process. known: whether it could be tried at all.
    """

    files: bool = False
    writing: bool = False
    network: bool = False
    programs: bool = False
    known: bool = False

    def in_words(self) -> str:
        """What holds on this machine, as the rest of a sentence about the process; no more."""
        holds = {
            "write files": self.writing,
            "open files that it was not given": self.files,
            "use the network": self.network,
            "start other programs": self.programs,
        }
        names = [name for name, held in holds.items() if held]
        if not names:
            return "has limits of memory and time"
        listed = ", ".join(names[:-1]) + (" or " if names[1:] else "") + names[-1]
        return f"has limits of memory and time, and can not {listed}"


WALLS = tuple(field.name for field in fields(Walls) if field.name != "known")


def try_walls(run: Callable[..., Made]) -> Walls:
    """Try each wall from a child. run: Workshop.run."""
    task = Task(f"{__name__}:probe", seconds=5, memory=200 << 20, doing="Trying the walls")
    with (
        tempfile.TemporaryDirectory(prefix="aecore-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        secret = Path(folder, "secret")
        secret.write_text("of somebody else")
        told = {"secret": str(secret), "target": str(Path(folder, "target"))}
        try:
            found = run(task, arguments=told | {"port": listener.getsockname()[1]}).about
        except AecoreError:
            return Walls()
    return Walls(known=True, **{name: found.get(name) is True for name in WALLS})


def probe(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Try, as hostile machine code would, past all that Python itself refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    secret = libc.open(arguments["secret"].encode(), os.O_RDONLY)
    written = libc.open(arguments["target"].encode(), os.O_WRONLY | os.O_CREAT, 0o600)
    wrote = written >= 0 and libc.write(written, b"x", 1) == 1
    return Made(
        {
            "files": secret < 0,
            "writing": not wrote,
            "network": not _connects(libc, arguments["port"]),
            "programs": not _forks(libc),
        }
    )


def _connects(libc: ctypes.CDLL, port: int) -> bool:
    handle = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    if handle < 0:
        return False
    address = socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big")
    address += socket.inet_aton("127.0.0.1") + bytes(8)
    return libc.connect(handle, address, len(address)) == 0


def _forks(libc: ctypes.CDLL) -> bool:
    pid = libc.fork()
    if pid == 0:
        libc._exit(0)
    if pid > 0:
        libc.waitpid(pid, None, 0)
    return pid > 0
