"""Data that a worker lacks come from the app that sent the run: once, in pieces, and checked.

Own data and downloaded files lie in folders of the app's machine; a worker elsewhere may have
neither these nor a network. It asks, and whoever leads the run sends the files, which stay there.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from aecore import datasets
from aecore.datasets import Dataset
from aecore.datasets.download import cache_folder
from aecore.datasets.own.kept_file import own_folder
from aecore.datasets.own.store import is_own
from aecore.errors import DatasetError, Interrupted

PIECE = 8 << 20  # bytes of one message
PATIENCE = 60.0  # seconds without a piece
_LOOK = 0.5  # seconds between two looks whether anybody still wants the data
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,120}")


class _Arriving:
    """What is known of data that are on their way."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.pieces, self.done, self.refused = 0, False, ""
        self.parts: dict[str, Path] = {}


_lock = threading.Lock()
_busy: dict[str, threading.Lock] = {}
_arriving: dict[str, _Arriving] = {}


def folder_of(name: str) -> Path:
    """Where the files of own or downloaded data lie."""
    return own_folder() if is_own(name) else cache_folder() / name


def files_of(name: str) -> list[Path]:
    """The files of own or downloaded data that are here; none of what ships or is made."""
    if not _PLAIN.fullmatch(name):
        return []
    folder = folder_of(name)
    if is_own(name):
        return [file for file in [folder / f"{name}.npz"] if file.is_file()]
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return [f for f in there if f.is_file() and not f.name.startswith(".") and f.suffix != ".part"]


# On the worker, in the thread of a run -------------------------------------------------------


def load(name: str, ask: Callable[[], None], wanted: Callable[[], bool]) -> Dataset:
    """A dataset, from the app if it is not here. ask: has the app send it. Raises DatasetError, and
    Interrupted where nobody wants it any more."""
    if not _missing(name):
        return datasets.load(name)
    with _lock:
        busy = _busy.setdefault(name, threading.Lock())
    with busy:  # who comes meanwhile finds it
        if _missing(name):
            _wait(name, ask, wanted)
    return datasets.load(name)


def _missing(name: str) -> bool:
    if is_own(name):
        return not files_of(name)
    source = datasets.source(name)
    return source.fetch is not None and not source.ready()


def _wait(name: str, ask: Callable[[], None], wanted: Callable[[], bool]) -> None:
    coming = _arriving[name] = _Arriving()
    try:
        ask()
        waited, seen = 0.0, 0
        with coming.changed:
            while not coming.done and not coming.refused:
                coming.changed.wait(_LOOK)
                waited, seen = (waited + _LOOK if coming.pieces == seen else 0.0), coming.pieces
                if not wanted():
                    raise Interrupted
                if waited > PATIENCE:
                    raise DatasetError(
                        "The data of this run are not on the machine that trains it, and did not "
                        f"come from the app within {PATIENCE:g} seconds; resume it to try again."
                    )
        if coming.refused:
            raise DatasetError(coming.refused)
    finally:
        del _arriving[name]
        for part in coming.parts.values():
            part.unlink(missing_ok=True)


# On the worker's event loop ------------------------------------------------------------------


def take_piece(name: str, file: str, piece: bytes, digest: str, last: bool) -> bool:
    """Take a piece of a file; `digest` comes with a file's last one, "" before; last: of the last
    file. Whether it is wanted. Raises DatasetError where what came is not what was sent."""
    coming = _arriving.get(name)
    if coming is None or not (_PLAIN.fullmatch(file) and _PLAIN.fullmatch(name)):
        return False
    folder = folder_of(name)
    if file not in coming.parts:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(dir=folder, prefix=".part-")
        os.close(handle)
        coming.parts[file] = Path(path)
    part = coming.parts[file]
    with part.open("ab") as out:
        out.write(piece)
    if digest:
        with part.open("rb") as whole:
            if hashlib.file_digest(whole, "sha256").hexdigest() != digest:
                refuse(name, "The data of this run came damaged to the machine that trains it.")
                return False
        os.replace(part, folder / file)
        del coming.parts[file]
    with coming.changed:
        coming.pieces += 1
        coming.done = last
        coming.changed.notify_all()
    return True


def refuse(name: str, why: str) -> None:
    """The data will not come."""
    coming = _arriving.get(name)
    if coming is not None:
        with coming.changed:
            coming.refused = why
            coming.changed.notify_all()


# In the app ----------------------------------------------------------------------------------


def pieces(name: str) -> Iterator[tuple[str, bytes, str, bool]]:
    """What `take_piece` is to be given, piece by piece. Raises DatasetError where there is none."""
    files = files_of(name)
    if not files:
        raise DatasetError(
            "The data of this run are neither on the machine that trains it nor on this server; "
            "they were deleted."
        )
    for file in files:
        digest, left = hashlib.sha256(), file.stat().st_size
        with file.open("rb") as content:
            while True:
                piece = content.read(PIECE)
                digest.update(piece)
                left -= len(piece)
                end = left <= 0
                yield file.name, piece, digest.hexdigest() if end else "", end and file == files[-1]
                if end:
                    break
