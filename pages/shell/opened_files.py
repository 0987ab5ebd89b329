"""Files that people opened here: models in the server's memory, until somebody keeps one.

Each has a ref like a run's, so that every page and a link find it while the server remembers it.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aecore.errors import InspectionError

if TYPE_CHECKING:  # what opens files takes a second to import, and few sessions ever do
    from aecore.inspection.checkup import Opened

PATTERN = re.compile(r"f[0-9a-f]{12}")
MOST = 24  # files remembered at a time, of all sessions together
_lock = threading.Lock()
_files: OrderedDict[str, OpenedFile] = OrderedDict()  # the latest used last


@dataclass(frozen=True)
class OpenedFile:
    """What a file was opened as, by whom, and which reading it is: 1 for the first."""

    opened: Opened
    owner: str
    version: int


def new_ref() -> str:
    """A ref that nobody guesses: knowing it is the permission to look."""
    return "f" + secrets.token_hex(6)


def remember(ref: str, opened: Opened, owner: str, version: int) -> None:
    """Hold what a file was opened as, under a ref of its own or under that of the run it became."""
    with _lock:
        _files[ref] = OpenedFile(opened, owner, version)
        _files.move_to_end(ref)
        while len(_files) > MOST:
            _files.popitem(last=False)


def forget(ref: str) -> None:
    """No longer hold a file."""
    with _lock:
        _files.pop(ref, None)


def find(ref: str) -> OpenedFile | None:
    """What is held under a ref, None where there is nothing."""
    with _lock:
        if ref in _files:
            _files.move_to_end(ref)
        return _files.get(ref)


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
    with _lock:
        mine = [r for r, file in _files.items() if file.owner == owner and PATTERN.fullmatch(r)]
    return mine[::-1]
