"""The app's side of the sandbox: start the reading process, hand it files, stop what overruns."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files import confined, passing
from aecore.inspection.files.contents import Contents
from aecore.places import IMPORT_PATH

AT_ONCE = 2
WAIT_SECONDS = 60  # for a turn, and for the reading process to start
_GRACE = 2.0  # seconds that the reading process has to stop a child itself
_KEPT = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP")


@dataclass(frozen=True)
class Cost:
    """What reading one file took: seconds of the clock, MB of memory above an idle process."""

    seconds: float
    megabytes: float


class Sandbox:
    """Runs `reader` ("module:function") on files in processes of their own, from many threads.

    On Linux one helper process imports torch once and forks a child for each file; elsewhere each
    file has a fresh process. seconds: of the clock, for one file.
    """

    def __init__(self, reader: str, seconds: float = confined.SECONDS):
        self.reader, self.seconds = reader, seconds
        self.costs: deque[Cost] = deque(maxlen=2000)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._helper: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        atexit.register(self.close)

    def warm(self) -> None:
        """Start the helper process now, in the background, if there is none."""
        if sys.platform == "linux":
            threading.Thread(target=self._warm, name="aecore-sandbox", daemon=True).start()

    def run(self, content: bytes | Path, name: str) -> Contents:
        """Read a file's bytes, or the file at a path. Raises CheckpointError with one sentence."""
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise CheckpointError(
                "Too many files are being read at the moment; try again in a minute."
            )
        try:
            with _opened(content) as file:
                if sys.platform == "linux":
                    return self._in_a_fork(file, name)
                return self._in_a_fresh_process(file, name)
        except OSError as error:
            raise CheckpointError(
                f"The file could not be read ({error.strerror or 'the system refused'}); try again."
            ) from error
        finally:
            self._turns.release()

    def close(self) -> None:
        """End the helper process; the next file starts another."""
        with self._lock:
            self._drop()

    def _warm(self) -> None:
        with contextlib.suppress(CheckpointError, OSError), self._lock:  # `run` will say it
            self._start()

    def _in_a_fork(self, file: BinaryIO, name: str) -> Contents:
        results, out = os.pipe()
        reports, status = os.pipe()
        try:
            try:
                message = json.dumps({"name": name[:200], "seconds": self.seconds}).encode()
                self._submit(message, [file.fileno(), out, status])
            finally:
                os.close(out)
                os.close(status)
            deadline = time.monotonic() + self.seconds + _GRACE
            try:
                blob = _drain(results, deadline, passing.MAX_BLOB)
                # First what the child had to begin with, then how it ended; neither if all died.
                before, _, after = bytes(_drain(reports, deadline, 4096)).partition(b"\n")
            except TimeoutError as error:
                self.close()  # the helper did not stop its child, so it is stuck itself
                raise self._late() from error
        finally:
            os.close(results)
            os.close(reports)
        report = json.loads(after or b"{}")
        if report:
            grown = max(0, report["kibibytes"] - int(before)) / 1024
            self.costs.append(Cost(report["seconds"], grown))
        if report.get("late"):
            raise self._late()
        return _received(blob)

    def _submit(self, message: bytes, handles: list[int]) -> None:
        with self._lock:
            for last in (False, True):
                try:
                    socket.send_fds(self._start(), [message], handles)
                    return
                except OSError:  # it has died since the last file
                    self._drop()
                    if last:
                        raise

    def _start(self) -> socket.socket:
        """The socket to a helper that is ready; called with the lock held."""
        # A fork of the app inherits this object, but must not share the socket.
        helper, control = self._helper, self._control
        ours = self._owner == os.getpid()
        if ours and helper is not None and control is not None and helper.poll() is None:
            return control
        self._drop()
        # Packets keep their bounds, so that a file's handles come with its own message.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            handle = theirs.fileno()
            arguments = ["fork", str(handle), self.reader, str(os.getpid())]
            self._helper = subprocess.Popen(
                _command(arguments),
                pass_fds=[handle],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl+C in the terminal is for the app
            )
        self._control, self._owner = ours, os.getpid()
        ours.settimeout(WAIT_SECONDS)
        try:
            ready = ours.recv(16)
        except OSError:
            ready = b""
        if ready != confined.READY:
            self._drop()
            raise CheckpointError(
                "The process that reads files could not be started; start the app again, and make "
                "sure that it may start processes."
            )
        return ours

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._helper is not None and self._owner == os.getpid():
            self._helper.kill()
            self._helper.wait()
        self._helper = self._control = None

    def _in_a_fresh_process(self, file: BinaryIO, name: str) -> Contents:
        begun = time.monotonic()
        try:
            done = subprocess.run(
                _command(["once", name[:200], self.reader]),
                stdin=file,
                capture_output=True,
                env=_environment(),
                timeout=self.seconds + WAIT_SECONDS / 2,  # it imports torch first
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._late() from error
        self.costs.append(Cost(time.monotonic() - begun, 0.0))
        return _received(bytearray(done.stdout))

    def _late(self) -> CheckpointError:
        return CheckpointError(
            f"Reading the file took longer than {self.seconds:g} seconds, so it was stopped; save "
            "only the weights, as .safetensors."
        )


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "aecore.inspection.files.confined", *arguments]


def _environment() -> dict[str, str]:
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return {
        **kept,
        **threads,
        "PYTHONPATH": str(IMPORT_PATH),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


def _opened(content: bytes | Path) -> BinaryIO:
    """A file at its beginning, which a child can read through its handle."""
    if isinstance(content, Path):
        return content.open("rb")
    if sys.platform == "linux":
        file = os.fdopen(os.memfd_create("aecore-inspected"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.flush()
    file.seek(0)
    return file


def _drain(handle: int, deadline: float, most: int) -> bytearray:
    """All bytes until the other side closes; raises TimeoutError, or stops beyond `most`."""
    data, watch = bytearray(), select.poll()
    watch.register(handle, select.POLLIN | select.POLLHUP)
    while len(data) <= most:
        left = deadline - time.monotonic()
        if left <= 0 or not watch.poll(left * 1000):
            raise TimeoutError
        piece = os.read(handle, 1 << 20)
        if not piece:
            break
        data += piece
    return data


def _received(blob: bytearray) -> Contents:
    if not blob:
        raise CheckpointError(
            "Reading the file broke its reader, which ran apart from the app and was thrown away; "
            "the file is damaged or a trap, so take it from its source again."
        )
    return passing.receive(blob)
