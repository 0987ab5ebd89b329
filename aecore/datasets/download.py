"""Files from the network: one folder, checked against their published sums, kept as they came.

A file is written under another name, checked, and only then renamed: what has its right name is
whole. A broken download goes on where it stopped. Nothing is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aecore import places
from aecore.datasets.room import check_room
from aecore.errors import DatasetError

VARIABLE = "AECORE_DATA"
TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file to download: its name here, its address, its published MD5, and about its bytes."""

    file: str
    url: str
    md5: str
    size: int


def cache_folder() -> Path:
    """The folder of downloaded data: AECORE_DATA, or aecore/datasets in the user's cache."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    return places.cache() / "datasets"


def present(folder: str, remotes: Sequence[Remote]) -> bool:
    """Whether all files are there; quick, so their sums are not taken."""
    return all((cache_folder() / folder / r.file).is_file() for r in remotes)


def by_hand(folder: str, remotes: Sequence[Remote]) -> str:
    """What to do without a network, as the end of a sentence."""
    files = ", ".join(r.url for r in remotes)
    return f"put {files} into {cache_folder() / folder}"


def checked(folder: str, remote: Remote) -> Path:
    """Return the path of a file whose content is the published one; raises DatasetError."""
    path = cache_folder() / folder / remote.file
    if _md5(path) != remote.md5:
        raise DatasetError(
            f"{path} is not the published file (its MD5 is not {remote.md5}); "
            "delete it and download it again."
        )
    return path


def fetch(folder: str, remotes: Sequence[Remote], progress: Callable[[int, int], None]) -> None:
    """Download the files that are missing or damaged into their folder in the cache.

    progress(bytes done, bytes in all) is called every 256 kB at most; what it raises stops the
    download, which can go on later. Raises DatasetError with what to do by hand.
    """
    from filelock import FileLock

    place = cache_folder() / folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        # Whoever asks for the same files at the same time waits, and then finds them.
        with FileLock(place / ".lock"):
            sizes = [r.size for r in remotes]
            for i, remote in enumerate(remotes):

                def report(done: int, size: int, i: int = i) -> None:
                    sizes[i] = max(done, size)
                    progress(sum(sizes[:i]) + done, sum(sizes))

                target = place / remote.file
                if not target.is_file() or _md5(target) != remote.md5:
                    check_room(target, remote.size)
                    _download(remote, target, report)
                report(target.stat().st_size, target.stat().st_size)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise DatasetError(
            f"The download did not succeed ({reason}): try again, it goes on where it stopped, or "
            f"{by_hand(folder, remotes)}."
        ) from error


def _download(remote: Remote, target: Path, report: Callable[[int, int], None]) -> None:
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(remote.url, headers={"User-Agent": "aecore"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if not have or error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # All of it is there already, or more than there is: its sum decides.
        error.close()
    else:
        with answer:
            _receive(answer, part, have, remote, report)
    if _md5(part) != remote.md5:
        part.unlink()
        raise DatasetError(
            f"What {remote.url} sent is not the published file (its MD5 is not {remote.md5}); "
            "it was thrown away: try again, or get the file elsewhere and put it into "
            f"{target.parent}."
        )
    os.replace(part, target)


def _receive(answer, part: Path, have: int, remote: Remote, report: Callable) -> None:
    """Append the answer's body to `part`, or begin anew where the server cannot go on."""
    done = have if answer.status == http.client.PARTIAL_CONTENT else 0
    length = answer.headers.get("Content-Length")
    size = done + int(length) if length and length.isdigit() else remote.size
    # Sizes are known: a server that sends without end must not fill the disk.
    most = 2 * remote.size + (1 << 20)
    with part.open("ab" if done else "wb") as file:
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            if done > most:
                raise OSError(f"{remote.url} sends more than the {remote.size:,} bytes it should")
            report(done, size)
    if length and done < size:
        raise OSError(f"the connection broke off after {done:,} of {size:,} bytes")


def _md5(path: Path) -> str:
    # To find damage: the addresses and sums are those that the data's authors publish.
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
