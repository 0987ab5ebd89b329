"""Reads a file in a process made for it alone, and says what that took.

A process's peak of memory never falls, so one that has read something large cannot tell what the
next file takes. Here a small process forks for each file: what it forks starts from its own size.
"""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from aecore.datasets.own.reading import read_upload
from aecore.errors import DatasetError

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Cost:
    """What a reader said in the end ('' if it read the file), and what it took."""

    refusal: str
    seconds: float  # of processor time
    peak: int  # bytes at once, beyond what the process had before


def greedy(name: str, content: bytes) -> None:
    """A reader as it must not be: takes 500 MB and 6 seconds before it refuses."""
    taken = b"x" * (500 << 20)
    while sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) < 6:
        pass
    raise DatasetError(f"{name} was refused after {len(taken)} bytes.")


READERS = {"read_upload": read_upload, "greedy": greedy}


class Measuring:
    """The small process, seen from the tests."""

    def __init__(self):
        command = [sys.executable, __file__]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def cost(self, name: str, content: bytes, reader: str = "read_upload") -> Cost:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((reader, name, content), self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def close(self) -> None:
        self._process.communicate()


def _measured(reader: str, name: str, content: bytes) -> Cost:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        before = _size()  # less than its parent's: pages of files come when they are touched
        try:
            READERS[reader](name, content)
            refusal = ""
        except DatasetError as error:
            refusal = str(error)
        with os.fdopen(sending, "wb") as pipe:
            pickle.dump((refusal, before), pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read()
    _, _, used = os.wait4(child, 0)
    # An answer that never came is the traceback of the child, on standard error.
    refusal, before = pickle.loads(answer) if answer else ("the reader gave no answer", 0)
    return Cost(refusal, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 - before)


def _size() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    # Imported before the first fork: importing is no cost of a file.
    import pandas  # noqa: F401
    from PIL import Image
    from torchvision.transforms.v2 import functional  # noqa: F401

    Image.init()
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_measured(*job), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    # What is pickled names its class by this module's name, as the tests import it.
    sys.path.insert(0, str(Path(__file__).parent))
    import measured

    measured.main()
