"""Who came when, and what each had in view: one small file a person, as old as the last visit.

A session of a web page ends with a closed lid, another Wi-Fi or a restart; who comes back goes on
from here. The files are named by a hash of the owner, lie in the runs' folder, which all replicas
share, and go with the owner's runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from aecore.writing import write_whole

MOST_BYTES = 16_384  # of one person's record: choices, and names of what is in view
MOST_PEOPLE = 20_000  # files; who comes beyond them is not remembered
MARK_EVERY = 3600.0  # seconds between two marks of one person's visits
_SERVER = "server"  # the mark that says when the server ran last


class Visits:
    """The folder of visits. Safe from any thread; a disk that refuses is as one that forgets."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._marked: dict[str, float] = {}
        self._lock = threading.Lock()

    def came(self, owner: str) -> None:
        """Mark that a person is here, at most once an hour."""
        now = time.time()
        with self._lock:
            if now - self._marked.get(owner, 0.0) < MARK_EVERY:
                return
            if len(self._marked) > MOST_PEOPLE:
                self._marked.clear()
            self._marked[owner] = now
        self.mark(owner)

    def mark(self, owner: str) -> None:
        """Mark that a person is here now."""
        if self.last(owner) is not None or self.count() < MOST_PEOPLE:
            _touch(self._place(owner))

    def last(self, owner: str) -> float | None:
        """When a person was here last, as time.time() says it; None for never."""
        try:
            return self._place(owner).stat().st_mtime
        except OSError:
            return None

    def count(self, since: float = 0.0) -> int:
        """How many people were here since a time."""
        found = 0
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    here = entry.name != _SERVER and not entry.name.startswith(".")
                    found += here and entry.stat().st_mtime >= since
        return found

    def remembered(self, owner: str) -> dict[str, Any]:
        """What was noted of a person; nothing where nothing readable was."""
        try:
            found = json.loads(self._place(owner).read_bytes()[: MOST_BYTES + 1])
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def note(self, owner: str, **values: Any) -> None:
        """Note values of JSON, beside what is noted already; None forgets one.

        A record that would be larger than MOST_BYTES stays as it was.
        """
        with self._lock:
            before = self.remembered(owner)
            after = {k: v for k, v in (before | values).items() if v is not None}
            content = json.dumps(after).encode()
            if after == before or len(content) > MOST_BYTES:
                return
            if self.last(owner) is None and self.count() >= MOST_PEOPLE:
                return
            with contextlib.suppress(OSError):
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_whole(self._place(owner), content, 0o600, synced=False)

    def forget(self, before: float, but: set[str]) -> int:
        """Delete the files of people who were last here before a time, except of owners `but`; how
        many."""
        keep, gone = {self._place(owner).name for owner in but} | {_SERVER}, 0
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.name not in keep and entry.stat().st_mtime < before:
                        os.unlink(entry.path)
                        gone += 1
        return gone

    def server_ran(self, now: float) -> float:
        """Mark that the server runs now; seconds since it did last, 0 for the first time."""
        place = self.folder / _SERVER
        try:
            off = now - place.stat().st_mtime
        except OSError:
            off = 0.0
        _touch(place)
        return off

    def marks(self) -> list[Path]:
        """The files of all people."""
        return [place for place in self.folder.iterdir() if place.name != _SERVER]

    def _place(self, owner: str) -> Path:
        return self.folder / hashlib.sha256(owner.encode()).hexdigest()[:32]


def _touch(place: Path) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be written is not cleaned either
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.touch(mode=0o600)
        os.utime(place)
