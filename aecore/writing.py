"""What is written: files that appear whole or not at all, names, and values fit for JSON."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from aecore.errors import CheckpointError

LONGEST_NAME = 60
DISK_RESERVE = 1 << 30  # bytes of the disk that new things leave to what is under way
_PART = ".part-"  # how the name of a file begins that is not whole yet
_LEFT_OVER = 60.0  # seconds without a byte, after which nobody writes such a file any more


def write_whole(
    path: Path,
    content: bytes | Callable[[BinaryIO], object],
    mode: int = 0o644,
    synced: bool = True,
) -> Path:
    """Write a file through a temporary one beside it, so that no half file is ever found.

    content: the bytes, or what writes them to an open file. mode: who may read the result; a
    temporary file alone would be private. synced: wait until the disk has it before the old file
    goes, and then that it went, so that a power cut leaves one of the two; what can be made again
    needs no such wait.
    Folders on the way are made. Raises OSError, and leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
        if synced:
            _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def _sync_folder(folder: Path) -> None:
    """Have the disk know which file has the name; where folders cannot be opened, it does so."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_left_overs(folders: Iterable[Path]) -> int:
    """Delete what processes that were killed while writing left in these folders; how many files.

    A file that is still written to, by whichever process, stays. What cannot be deleted stays too.
    """
    removed = 0
    for folder in folders:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if not entry.name.startswith(_PART):
                    continue
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_OVER:
                    os.unlink(entry.path)
                    removed += 1
    return removed


def disk_room(folder: Path) -> int:
    """Bytes that may be written below a folder, made or not, before the reserve is touched."""
    place = next((p for p in (folder, *folder.parents) if p.is_dir()), Path())
    return shutil.disk_usage(place).free - DISK_RESERVE


def clean_name(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as people may give it: one printable line, trimmed, not endless; it may be empty."""
    return "".join(c for c in name if c.isprintable()).strip()[:longest].strip()


def write_or_say(path: Path, content: bytes, mode: int = 0o644, synced: bool = True) -> Path:
    """`write_whole` for what a person keeps; raises CheckpointError with one sentence."""
    try:
        return write_whole(path, content, mode, synced)
    except OSError as error:
        raise CheckpointError(
            f"The model could not be saved to {path} ({error.strerror or error}); free some space "
            "or choose a folder that you may write to. What is in memory is not lost."
        ) from error


def json_ready(value: Any) -> Any:
    """The value, None for what JSON has no word for (infinities, NaN), NumPy's numbers plain."""
    if isinstance(value, dict):
        return {k: json_ready(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
