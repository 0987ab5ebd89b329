"""What is written: files that appear whole or not at all, names, and values fit for JSON."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from aecore.errors import CheckpointError

LONGEST_NAME = 60


def write_whole(
    path: Path,
    content: bytes | Callable[[BinaryIO], object],
    mode: int = 0o644,
    synced: bool = True,
) -> Path:
    """Write a file through a temporary one beside it, so that no half file is ever found.

    content: the bytes, or what writes them to an open file. mode: who may read the result; a
    temporary file alone would be private. synced: wait until the disk has it before the old file
    goes, so that a power cut leaves one of the two; what can be made again needs no such wait.
    Folders on the way are made. Raises OSError, and leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
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
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def clean_name(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as people may give it: one printable line, trimmed, not endless; it may be empty."""
    return "".join(c for c in name if c.isprintable()).strip()[:longest].strip()


def write_or_say(path: Path, content: bytes) -> Path:
    """`write_whole` for what a person keeps; raises CheckpointError with one sentence."""
    try:
        return write_whole(path, content)
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
