"""Targets that do in a child what a hostile file would make a real one do."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np

from aecore.errors import ConfigError, InspectionError, UnknownNameError
from aecore.workshop import Made, landlock, seccomp

PREPARED: list[int] = []


def prepare() -> None:
    """Called once in the helper."""
    PREPARED.append(os.getpid())


def _limits() -> dict[str, int]:
    """The limits of this process, as the kernel holds them."""
    import resource

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    return {
        "seconds": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "written": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0] - now,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "handles": len(os.listdir("/proc/self/fd")),
        "nice": os.nice(0),
    }


def obey(files, arguments, tell) -> Made:
    """Do what the order says."""
    order, *rest = arguments["order"]
    if order == "sleep":
        time.sleep(rest[0])
    elif order == "spin":
        while True:
            pass
    elif order == "hoard":
        kept = []
        while True:
            kept.append(bytearray(16 << 20))
    elif order == "big":
        return Made(arrays={"w": np.ones(rest[0], np.float32)})
    elif order == "leak":
        kept = b"x" * rest[0]
        return Made({"bytes": len(kept)})
    elif order == "limits":
        return Made(_limits())
    elif order == "abort":
        os.abort()
    elif order == "kill":
        signal.raise_signal(signal.SIGKILL)
    elif order == "kill helper":
        os.kill(os.getppid(), signal.SIGKILL)
    elif order == "write":
        Path(rest[0]).write_text("written")
    elif order == "system":
        os.system(f"touch {rest[0]}")
    elif order == "raise":
        raise {
            "config": ConfigError("too wide"),
            "finding": InspectionError("other data", "other-data"),
            "name": UnknownNameError("fruit", "pear", ["apple"]),
            "bug": ZeroDivisionError("of the parser"),
        }[rest[0]]
    elif order == "nonsense":
        handle = next(h for h in range(3, 60) if _is_pipe(h))
        os.write(handle, rest[0].encode("latin1"))
        os._exit(0)
    elif order == "tell":
        for i in range(5):
            tell(i / 5, f"part\n{i}")
            time.sleep(0.12)
    elif order == "texts":
        return Made({"texts": [file.read().decode() for file in files], **arguments})
    arrays = {"f": np.array([1.0, np.nan], np.float32), "b": np.array([True]), "n": np.arange(6)}
    return Made({"pid": os.getpid(), "prepared": PREPARED}, arrays)


def _is_pipe(handle: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{handle}").startswith("pipe:")
    except OSError:
        return False


def alone(files, arguments, tell) -> Made:
    """Behind one wall at a time, in a process of its own: what machine code may still do."""
    libc = ctypes.CDLL(None, use_errno=True)
    refused = []
    for name, do in _DEEDS.items():
        ctypes.set_errno(0)
        if do(libc, arguments) < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES):
            refused.append(name)
    return Made({"refused": refused})


def _connect(libc, arguments) -> int:
    handle = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    address = socket.AF_INET.to_bytes(2, "little") + arguments["port"].to_bytes(2, "big")
    return libc.connect(handle, address + socket.inet_aton("127.0.0.1") + bytes(8), 16)


def _fork(libc, arguments) -> int:
    pid = libc.fork()
    if pid == 0:
        libc._exit(0)
    return pid


_DEEDS = {
    "read": lambda libc, a: libc.open(a["secret"].encode(), os.O_RDONLY),
    "list": lambda libc, a: libc.open(os.path.dirname(a["secret"]).encode(), os.O_DIRECTORY),
    "make": lambda libc, a: libc.open(a["target"].encode(), os.O_WRONLY | os.O_CREAT, 0o600),
    "remove": lambda libc, a: libc.unlink(a["removed"].encode()),
    "connect": _connect,
    "fork": _fork,
    "run": lambda libc, a: libc.execve(b"/none", None, None),
    "signal": lambda libc, a: libc.kill(a["pid"], 0),
    "trace": lambda libc, a: libc.ptrace(16, a["pid"], None, None),
    "limits": lambda libc, a: libc.setrlimit(1, (ctypes.c_ulong * 2)(1 << 20, 1 << 20)),
}
WALLS = {"landlock": lambda: landlock.restrict([Path("/usr")]), "seccomp": seccomp.restrict}
