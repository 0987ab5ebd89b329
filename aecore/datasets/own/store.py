"""Who keeps which data of their own, and who may use them: only who keeps them.

An empty file owners/WHO/NAME stands for each; WHO is a hash, so that nobody is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from aecore.datasets import registry
from aecore.datasets.own.kept_file import (
    PREFIX,
    OwnData,
    damaged,
    own_folder,
    path_of,
    read_meta,
    read_own,
    size_of,
    write_own,
)
from aecore.datasets.registry import Family, Source
from aecore.errors import AecoreError, DatasetError
from aecore.types import DataSpec

MOST_OWN = 5  # datasets that one person keeps at a time
MOST_OWN_BYTES = 1 << 30  # that they take on the disk together
_SAME_VISIT = 3600  # seconds
_lock = threading.Lock()


def keep(root: Path, own: OwnData) -> str:
    """Write the data to root and return their name, which `load` knows if root is own_folder().

    They belong to nobody then: `keep_for` is for people. The file appears whole or not at all;
    raises DatasetError.
    """
    return write_own(root, own)


def keep_for(root: Path, own: OwnData, owner: str) -> str:
    """Keep data as one of the few of an owner; the same data again keep their name.

    owner: any text that tells people apart; only its hash is written. Raises DatasetError.
    """
    with _lock:
        there = find_same(root, owner, "content", own.dataset.name)
        if there is not None:
            return there
        names = owned(root, owner)
        if len(names) >= MOST_OWN:
            raise DatasetError(
                f"You keep {len(names)} datasets of your own already, and at most {MOST_OWN} are "
                "kept for one person; delete one of them first."
            )
        kept, more = bytes_owned(root, owner), size_of(own.dataset)
        if kept + more > MOST_OWN_BYTES:
            raise DatasetError(
                f"Your own data take {kept / 1e6:,.0f} MB already and these {more / 1e6:,.0f} MB, "
                f"and at most {MOST_OWN_BYTES / 1e6:,.0f} MB are kept for one person; delete one "
                "of them first."
            )
        name = write_own(root, own)
        try:
            place = _owners(root, owner)
            place.mkdir(parents=True, exist_ok=True)
            (place / name).touch()
        except OSError as error:
            with contextlib.suppress(OSError):
                (root / f"{name}.npz").unlink(missing_ok=True)
            raise DatasetError(
                f"The data could not be kept in {root} ({error.strerror or error})."
            ) from error
    return name


def owned(root: Path, owner: str) -> list[str]:
    """The names of the data that an owner keeps, the oldest first."""
    return _kept_in(root, _owners(root, owner))


def _kept_in(root: Path, place: Path) -> list[str]:
    if not place.is_dir():
        return []
    marks = [mark for mark in place.iterdir() if (root / f"{mark.name}.npz").is_file()]
    return [mark.name for mark in sorted(marks, key=lambda m: (m.stat().st_mtime_ns, m.name))]


def bytes_owned(root: Path, owner: str) -> int:
    """Bytes on the disk that an owner's data take."""
    return sum((root / f"{name}.npz").stat().st_size for name in owned(root, owner))


def find_by_fingerprint(owner: str, fingerprint: str, root: Path | None = None) -> str | None:
    """An owner's kept data with this fingerprint (see Dataset), which cards carry."""
    return find_same(root or own_folder(), owner, "fingerprint", fingerprint)


def find_same(root: Path, owner: str, entry: str, value: str) -> str | None:
    """An owner's kept data whose file says this of itself; what is damaged is none of them."""
    for name in owned(root, owner):
        with contextlib.suppress(DatasetError):
            if read_meta(root / f"{name}.npz").get(entry) == value:
                return name
    return None


def check_access(name: str, owner: str, root: Path | None = None) -> None:
    """Raise DatasetError for own data that this owner does not keep; other data are for all."""
    if is_own(name) and name not in owned(root or own_folder(), owner):
        raise DatasetError(
            f"There are no data {name[:40]!r} of yours: own data are for who keeps them; "
            "upload them yourself."
        )


def is_own(name: str) -> bool:
    """Whether a dataset's name is of somebody's own."""
    return name.startswith(PREFIX)


def public_name(name: str) -> str:
    """A dataset's name as others may read it: own data are not named."""
    return PREFIX.rstrip("-") if is_own(name) else name


def delete(root: Path, name: str, owner: str) -> None:
    """Delete an owner's data; raises DatasetError."""
    with _lock:
        if name not in owned(root, owner):
            raise DatasetError(
                "Only who kept data can delete them, and these are not yours, or gone already."
            )
        try:
            _delete(root, _owners(root, owner) / name)
        except OSError as error:
            raise DatasetError(
                f"The data could not be deleted ({error.strerror or error}); try again."
            ) from error


def _delete(root: Path, mark: Path) -> None:
    mark.unlink()
    # Data kept before each had a file of their own may be somebody else's too.
    if not any(root.glob(f"owners/*/{mark.name}")):
        (root / f"{mark.name}.npz").unlink(missing_ok=True)
        registry.forget(mark.name)


def visited(root: Path, owner: str) -> None:
    """Note that an owner is here, so that `clean_up` leaves what is theirs."""
    place = _owners(root, owner)
    with contextlib.suppress(OSError):  # who keeps nothing has no folder
        if time.time() - place.stat().st_mtime > _SAME_VISIT:
            os.utime(place)


def clean_up(root: Path, older_than_s: float) -> list[str]:
    """Delete the data of owners who were not here for so long; returns their names.

    Call it when the app starts. What a killed process left half written goes too.
    """
    before, gone = time.time() - older_than_s, []
    for left in root.glob(".part-*"):
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < time.time() - _SAME_VISIT:
                left.unlink()
    with _lock:
        for place in root.glob("owners/*"):
            with contextlib.suppress(OSError):
                if place.stat().st_mtime < before:
                    for name in _kept_in(root, place):
                        _delete(root, place / name)
                        gone.append(name)
                    for mark in place.iterdir():
                        mark.unlink()
                    place.rmdir()
    return gone


def _owners(root: Path, owner: str) -> Path:
    return root / "owners" / hashlib.sha256(owner.encode()).hexdigest()[:32]


def notes_of(name: str) -> tuple[str, ...]:
    """What was done to kept data when they were read; raises as `find_own` does."""
    return tuple(str(note) for note in _meta(name)["notes"])


def find_own(name: str) -> Source:
    """The source of kept data; raises UnknownNameError, or DatasetError if they are gone."""
    if name == public_name(PREFIX):
        raise DatasetError(
            "The model was trained on data of somebody's own, which are not named outside; upload "
            "them again to look at it beside them."
        )
    meta = _meta(name)
    try:
        spec = DataSpec.from_json(meta["spec"])
        title, about = str(meta["title"]), str(meta["about"])
    except (AecoreError, KeyError) as error:
        raise damaged(name) from error
    return Source(name, title, about, spec, partial(read_own, name), "your own")


def _meta(name: str) -> dict[str, Any]:
    return read_meta(path_of(name))


def _present(name: str) -> bool:
    return (own_folder() / f"{name}.npz").is_file()


FAMILY = Family(public_name(PREFIX), find_own, present=_present)
