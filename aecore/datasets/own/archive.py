"""Opens a person's zip archive, or refuses it before a long list of files stands in memory."""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO

from aecore.datasets.limits import CHUNK
from aecore.errors import DatasetError

_ENTRY = b"PK\x01\x02"  # each file in the list has it, whatever the list says about their number


def opened(file: BinaryIO, most: int, refused: str, unreadable: str) -> zipfile.ZipFile:
    """The archive in an open file. most: files that it may list. refused, unreadable: sentences.

    Raises DatasetError.
    """
    if _entries(file, most) > most:
        raise DatasetError(refused)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DatasetError(unreadable) from error


def _entries(file: BinaryIO, most: int) -> int:
    """How many entries the list of an archive can have; no longer counted beyond `most`."""
    file.seek(0)
    found, rest = 0, b""
    while found <= most and (piece := file.read(CHUNK)):
        found += (rest + piece).count(_ENTRY)
        rest = piece[-len(_ENTRY) + 1 :]
    file.seek(0, io.SEEK_SET)
    return found
