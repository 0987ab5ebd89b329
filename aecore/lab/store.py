"""Results on disk, a folder a person, and who may look at them: its person, or by a link given.

The folder's name is a hash, so that nobody is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from pathlib import Path

from aecore.errors import AecoreError, CheckpointError, JobError
from aecore.lab import record as records
from aecore.lab.record import Record
from aecore.runs.run import has_cookie
from aecore.writing import disk_room, write_or_say

MOST = 100  # results of one person
MOST_BYTES = 128 << 20  # of them together
ID_PATTERN, TOKEN_PATTERN = re.compile(r"l[0-9a-f]{12}"), re.compile(r"[0-9a-f]{24}")
_SUFFIX, _SHARED = ".safetensors", "shared"
_SAME_VISIT = 3600  # seconds


def new_id() -> str:
    """An id that nobody guesses."""
    return "l" + secrets.token_hex(6)


class LabStore:
    """The results below a folder, which need not be there. Safe from any thread and process."""

    def __init__(self, root: Path):
        self.root = root

    # One's own ------------------------------------------------------------------------------

    def check_new(self, owner: str) -> None:
        """Raise JobError unless an owner may keep one more result. Who has no cookie keeps none:
        nobody would find it again, and a new owner costs nothing."""
        files = self._files(owner)
        size = sum(_size(path) for path in files)
        if len(files) >= MOST or size > MOST_BYTES:
            raise JobError(
                f"{len(files)} results of experiments are kept for you already "
                f"({size / 1e6:,.0f} MB), and at most {MOST} or {MOST_BYTES / 1e6:,.0f} MB are; "
                "delete some of them first."
            )
        with contextlib.suppress(OSError):  # no folder at all: it is said where it is written
            if disk_room(self.root) < records.MOST_BYTES:
                raise JobError("This server's disk has no room for another result.")

    def keep(self, owner: str, result: str, record: Record) -> None:
        """Write a result down. Raises CheckpointError with a sentence."""
        if not has_cookie(owner):
            return
        write_or_say(self._path(owner, result), records.to_bytes(record))

    def load(self, owner: str, result: str) -> Record:
        """A result of one's own. Raises JobError."""
        if ID_PATTERN.fullmatch(result):
            return _read(self._path(owner, result))
        raise _unknown()

    def owned(self, owner: str) -> list[str]:
        """The ids of an owner's results, newest first."""
        files = sorted(self._files(owner), key=lambda path: (-_changed(path), path.name))
        return [path.stem for path in files]

    def delete(self, owner: str, result: str) -> None:
        """Delete a result, and its links. Raises JobError for none of theirs."""
        if not ID_PATTERN.fullmatch(result) or not self._path(owner, result).is_file():
            raise _unknown()
        self.withdraw(owner, result)
        try:
            self._path(owner, result).unlink()
        except OSError as error:
            raise JobError(f"The result could not be deleted ({error.strerror}).") from error

    # Links ------------------------------------------------------------------------------------

    def share(self, owner: str, result: str) -> str:
        """The token with which anybody may look at a result. Raises JobError."""
        self.load(owner, result)
        token = self._token(owner, result)
        if token is None:
            token = secrets.token_hex(12)
            place = f"{self._folder(owner).name}/{result}"
            write_or_say(self.root / _SHARED / token, place.encode())
        return token

    def withdraw(self, owner: str, result: str) -> None:
        """Let nobody else look at a result any more."""
        token = self._token(owner, result)
        if token is not None:
            (self.root / _SHARED / token).unlink(missing_ok=True)

    def shared(self, token: str) -> Record:
        """The result that a link shows. Raises JobError."""
        if TOKEN_PATTERN.fullmatch(token):
            with contextlib.suppress(OSError, ValueError):
                folder, result = (self.root / _SHARED / token).read_text("utf-8").split("/")
                if re.fullmatch(r"[0-9a-f]{32}", folder) and ID_PATTERN.fullmatch(result):
                    return _read(self.root / folder / (result + _SUFFIX))
        raise _unknown()

    def _token(self, owner: str, result: str) -> str | None:
        place = f"{self._folder(owner).name}/{result}"
        for path in (self.root / _SHARED).glob("*"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if TOKEN_PATTERN.fullmatch(path.name) and path.read_text("utf-8") == place:
                    return path.name
        return None

    # Coming and going ---------------------------------------------------------------------------

    def visited(self, owner: str) -> None:
        """Note that an owner is here, so that `clean_up` leaves what is theirs."""
        with contextlib.suppress(OSError):  # who keeps nothing has no folder
            place = self._folder(owner)
            if time.time() - place.stat().st_mtime > _SAME_VISIT:
                os.utime(place)

    def clean_up(self, older_than: float) -> int:
        """Delete the results of owners who were not here for so many seconds; how many folders."""
        before, gone = time.time() - older_than, 0
        for place in self.root.glob("[0-9a-f]*"):
            with contextlib.suppress(OSError):
                if place.is_dir() and place.stat().st_mtime < before:
                    shutil.rmtree(place)
                    gone += 1
        for link in (self.root / _SHARED).glob("*"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if not (self.root / (link.read_text("utf-8") + _SUFFIX)).is_file():
                    link.unlink()
        return gone

    def _folder(self, owner: str) -> Path:
        return self.root / hashlib.sha256(b"aecore-lab:" + owner.encode()).hexdigest()[:32]

    def _path(self, owner: str, result: str) -> Path:
        return self._folder(owner) / (result + _SUFFIX)

    def _files(self, owner: str) -> list[Path]:
        found = self._folder(owner).glob(f"l*{_SUFFIX}")
        return [path for path in found if ID_PATTERN.fullmatch(path.stem)]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> Record:
    try:
        if path.stat().st_size > records.MOST_BYTES:
            raise CheckpointError("The file is larger than any result.")
        return records.from_bytes(path.read_bytes())
    except OSError as error:
        raise _unknown() from error
    except AecoreError as error:
        raise JobError(f"The result cannot be shown: {error}") from error


def _unknown() -> JobError:
    return JobError(
        "There is no such result here: it was deleted, its link was withdrawn, or it is incomplete."
    )
