"""Files that people opened here: models in the server's memory, until somebody keeps one.

Each has a ref like a run's, so that every page and a link find it while the server remembers it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aecore.byte_cache import ByteCache
from aecore.errors import InspectionError

if TYPE_CHECKING:  # what opens files takes a second to import, and few sessions ever do
    from aecore.inspection.apart import Opened, Source

PATTERN = re.compile(r"f[0-9a-f]{12}")
# Of all sessions together: models, and the files that they were read from, which go first.
MODEL_BYTES, SOURCE_BYTES = 256 << 20, 128 << 20


@dataclass(frozen=True)
class OpenedFile:
    """What a file was opened as, by whom, and which reading it is: 1 for the first."""

    opened: Opened
    owner: str
    version: int

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return self.opened.nbytes


def _source_bytes(source: Source) -> int:
    return source.nbytes


def _file_bytes(file: OpenedFile) -> int:
    return file.nbytes


_files: ByteCache[str, OpenedFile] = ByteCache(MODEL_BYTES, _file_bytes)
_sources: ByteCache[str, Source] = ByteCache(SOURCE_BYTES, _source_bytes)


def new_ref() -> str:
    """A ref that nobody guesses: knowing it is the permission to look."""
    return "f" + secrets.token_hex(6)


def remember(ref: str, opened: Opened, owner: str, version: int) -> None:
    """Hold what a file was opened as, under a ref of its own or under that of the run it became."""
    _sources.pop(ref)
    if opened.source is not None:
        _sources.put(ref, opened.source)
    _files.put(ref, OpenedFile(replace(opened, source=None), owner, version))


def forget(ref: str) -> None:
    """No longer hold a file."""
    _files.pop(ref)
    _sources.pop(ref)


def find(ref: str) -> OpenedFile | None:
    """What is held under a ref, None where there is nothing.

    Its `source` is None too where the file itself is no longer held.
    """
    found, source = _files.get(ref), _sources.get(ref)
    if found is None or source is None:
        return found
    return replace(found, opened=replace(found.opened, source=source))


def get(ref: str) -> OpenedFile:
    """The same; raises InspectionError where it is not held any more."""
    found = find(ref)
    if found is None:
        raise InspectionError(
            "The file that was opened under this address is no longer in memory, and was not kept; "
            "drop it in again on the page Check-up."
        )
    return found


def unkept(owner: str) -> list[str]:
    """Refs of the files that somebody opened and did not keep, the newest first."""
    mine = [r for r, file in _files.items() if file.owner == owner and PATTERN.fullmatch(r)]
    return mine[::-1]
