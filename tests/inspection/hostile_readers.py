"""Readers that do in the sandbox what a hostile file would make a real one do."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch

from aecore.inspection.files.contents import Contents


def _limits() -> dict[str, int]:
    """The limits of this process, as the kernel holds them."""
    import resource

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    return {
        "seconds": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "written": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0] - now,
        "threads": torch.get_num_threads(),
    }


def obey(file, name: str) -> Contents:
    """Do what the file's text says."""
    order, _, argument = file.read().decode().partition(" ")
    if order == "sleep":
        time.sleep(float(argument))
    elif order == "spin":
        while True:
            pass
    elif order == "hoard":
        kept = []
        while True:
            kept.append(bytearray(16 << 20))
    elif order == "big":
        size = int(argument)
        return Contents("torch", {"w": torch.ones(size)})
    elif order == "leak":
        kept = b"x" * int(argument)
        return Contents("torch", {"w": torch.ones(1)}, facts={"bytes": len(kept)})
    elif order == "limits":
        return Contents("torch", {"w": torch.ones(1)}, facts=_limits())
    elif order == "crash":
        os.abort()
    elif order == "write":
        Path(argument).write_text("written")
    elif order == "append":
        handle = os.open(argument, os.O_RDWR)
        os.write(handle, b"more")
    elif order == "system":
        os.system(f"touch {argument}")
    elif order == "kill-parent":
        signal.raise_signal(signal.SIGKILL)
    return Contents("torch", {"w": torch.tensor([1.0, float("nan")])}, facts={"pid": os.getpid()})
