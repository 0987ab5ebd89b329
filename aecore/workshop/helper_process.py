"""The app's side of the helper process (Linux): start it, send it orders, notice that it died."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from typing import Any

from aecore import places
from aecore.machine import ONE_THREAD
from aecore.workshop import helper

START_SECONDS = 120
MOST_BUSY = 540  # seconds beside, in which it computes or waits for a core
_KEPT = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP")
_KEPT += ("XDG_CACHE_HOME", "AECORE_DATA", "AECORE_FAMILIES", "AECORE_DATASETS")


class HelperError(Exception):
    """The helper process could not be started, or does not listen."""


class HelperProcess:
    """One process that forks, started when it is first needed and again when it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._environment: dict[str, str] = {}
        self._owner = 0

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        return None if self._process is None else self._process.pid

    def busy(self) -> float:
        """Seconds in which the process has computed, or would have and others had the cores."""
        pid = self.pid
        return 0.0 if pid is None else sum(helper.active(pid))

    def send(self, message: dict[str, Any], handles: list[int]) -> None:
        """Send an order. Raises HelperError."""
        data = json.dumps(message).encode()
        if len(data) > helper.LARGEST_MESSAGE:
            raise ValueError("an order is longer than a message may be")
        with self._lock:
            for last in (False, True):
                try:
                    socket.send_fds(self._ready(), [data], handles)
                    return
                except OSError as error:  # it has died since the last order
                    self._drop()
                    if last:
                        raise HelperError("it does not listen") from error

    def stop(self, number: int) -> None:
        """Have a child killed, if its helper still lives."""
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None and self._owner == os.getpid():
                self._control.send(json.dumps({"stop": number}).encode())

    def close(self, pid: int | None = None) -> None:
        """End the process, only if it is still the one with this pid where one is given."""
        with self._lock:
            if pid is None or pid == self.pid:
                self._drop()

    def _ready(self) -> socket.socket:
        """The socket to a process that is ready; called with the lock held."""
        process, control = self._process, self._control
        # A fork of the app inherits this object, but must not share the socket.
        ours = self._owner == os.getpid() and self._environment == environment()
        if ours and process is not None and control is not None and process.poll() is None:
            return control
        self._drop()
        # Packets keep their bounds, so that a file's handles come with its own message.
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = environment()
        with far:
            handle = far.fileno()
            self._process = subprocess.Popen(
                command(["fork", str(handle), str(os.getpid())]),
                pass_fds=[handle],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl+C in the terminal is for the app
            )
        self._control, self._owner = near, os.getpid()
        near.settimeout(START_SECONDS)
        try:
            ready = near.recv(16)
        except OSError:
            ready = b""
        if ready != helper.READY:
            self._drop()
            raise HelperError("it did not start")
        return near

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._process = self._control = None


def command(arguments: list[str]) -> list[str]:
    """The command line of a helper."""
    return [sys.executable, "-P", "-m", "aecore.workshop.helper", *arguments]


def environment() -> dict[str, str]:
    """The variables that a helper gets: nothing of the app's secrets, one thread, no graphics."""
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return {
        **kept,
        **ONE_THREAD,
        "PYTHONPATH": str(places.IMPORT_PATH),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        # One heap, and large blocks apart from it: what was freed counts no more, though it costs
        # some time to get it anew. Search for a network took 470 MB without, 140 MB with it.
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 17),
    }
