"""PCA bases that were fitted: each once a process, kept on disk between starts, both bounded."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

from aecore import places
from aecore.datasets import Dataset
from aecore.datasets.registry import when_gone
from aecore.datasets.room import has_room
from aecore.errors import Interrupted
from aecore.models import principal
from aecore.models.principal import PCABasis, Stop
from aecore.writing import write_whole

CACHE_FORMAT = 2
MOST_BYTES = 256 << 20  # of bases in memory, the longest unused given up first
MOST_ON_DISK = 512 << 20
_POLL = 0.1  # seconds between two questions whether to stop, while somebody else fits

Key = tuple[str, int]

_lock = threading.Lock()
_bases: OrderedDict[Key, PCABasis] = OrderedDict()  # the latest used last
_fitting: dict[Key, threading.Lock] = {}


def basis_of(data: Dataset, components: int = 0, stop: Stop | None = None) -> PCABasis:
    """The PCA basis of data.train, fitted once a process and training size.

    It takes a second for MNIST, up to a minute for large images of which there are many.
    components: how many are needed; of small data there are all, of large data at least 256. stop:
    asked while it is fitted, or while another thread fits it. Raises ConfigError for a single
    example, Interrupted when told to stop.
    """
    key = (data.name, len(data.train))
    found = _remembered(key, components)
    if found is not None:
        return found
    with _lock:
        busy = _fitting.setdefault(key, threading.Lock())
    # One lock a dataset: nobody waits for the large one that somebody else brought.
    while not busy.acquire(timeout=_POLL):
        if stop is not None and stop():
            raise Interrupted("PCA was stopped before it was fitted.")
    try:
        found = _remembered(key, components) or _from_cache(data, components)
        if found is None:
            found = principal.fit_basis(data, components, stop)
            _into_cache(data, found)
        _remember(key, found)
    finally:
        busy.release()
    return found


def is_ready(data: Dataset, components: int = 0) -> bool:
    """Whether `basis_of` would answer at once: the basis is in memory, or was on disk."""
    key = (data.name, len(data.train))
    if _remembered(key, components) is not None:
        return True
    found = _from_cache(data, components)
    if found is not None:
        _remember(key, found)
    return found is not None


def _remembered(key: Key, components: int) -> PCABasis | None:
    with _lock:
        found = _bases.get(key)
        if found is None or not _enough(found, components):
            return None
        _bases.move_to_end(key)
        return found


def _enough(basis: PCABasis, components: int) -> bool:
    return len(basis.components) >= min(components, basis.rank)


def _remember(key: Key, basis: PCABasis) -> None:
    with _lock:
        _bases[key] = basis
        _bases.move_to_end(key)
        while len(_bases) > 1 and sum(b.nbytes for b in _bases.values()) > MOST_BYTES:
            gone, _ = _bases.popitem(last=False)
            _fitting.pop(gone, None)


@when_gone
def forget(name: str) -> None:
    """Give up what was fitted to data that are gone, in memory and on disk."""
    with _lock:
        for key in [key for key in _bases if key[0] == name]:
            del _bases[key]
            _fitting.pop(key, None)
    with contextlib.suppress(OSError):
        for path in places.cache().glob(f"pca-*-{name}-*.npz"):
            path.unlink(missing_ok=True)


def cache_file(data: Dataset) -> Path:
    """Where the basis of these very training examples is kept between starts.

    Every process needs it. The name holds the data's fingerprint and number, so other data never
    meet this file.
    """
    name = f"pca-{CACHE_FORMAT}-{data.name}-{data.fingerprint}-{len(data.train)}.npz"
    return places.cache() / name


def _from_cache(data: Dataset, components: int) -> PCABasis | None:
    path = cache_file(data)
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = (kept[f.name] for f in dataclasses.fields(PCABasis) if f.name != "rank")
            basis = PCABasis(*arrays, rank=int(kept["rank"]))
        path.touch()  # what is used stays when room is made
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    n, size = len(basis.explained_variance_ratio), data.spec.size
    whole = basis.components.shape == (n, size) and basis.mean.shape == (size,)
    whole = whole and basis.test_mse.shape == (n + 1,) and basis.rank >= n
    return basis if whole and _enough(basis, components) else None


def _into_cache(data: Dataset, basis: PCABasis) -> None:
    path = cache_file(data)
    # A cache that cannot be written costs time at the next start, nothing else.
    with contextlib.suppress(OSError):
        if not has_room(path, basis.nbytes):
            return
        write_whole(path, lambda file: np.savez(file, **dataclasses.asdict(basis)), synced=False)
        _make_room(path)


def _make_room(newest: Path) -> None:
    """Delete the longest unused files of bases, until the rest fits; the newest stays."""
    kept = [(p.stat().st_mtime, p.stat().st_size, p) for p in newest.parent.glob("pca-*.npz")]
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total > MOST_ON_DISK and path != newest:
            path.unlink(missing_ok=True)
            total -= size
