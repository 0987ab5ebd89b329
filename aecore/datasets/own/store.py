"""Where a person's own data are kept: one .npz a dataset, that the app and its workers load."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import zipfile
import zlib
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aecore import places
from aecore.datasets import registry
from aecore.datasets.dataset import Column, Dataset, Split
from aecore.datasets.registry import Family, Source
from aecore.errors import AecoreError, DatasetError, UnknownNameError
from aecore.types import DataSpec
from aecore.writing import write_whole

_NAME = re.compile(r"own-[0-9a-f]{12}")
_FORMAT = 1
MOST_OWN = 5  # datasets that one person keeps at a time
SPARE = 1 << 30  # bytes of the disk that own data leave to everybody's runs
_owners_lock = threading.Lock()


@dataclass(frozen=True)
class OwnData:
    """Data that were read, to be looked at and kept. notes: what was done to them."""

    dataset: Dataset
    notes: tuple[str, ...]
    title: str


def own_folder() -> Path:
    """Where own data are kept, for the app and its workers: data/ in the folder of the runs."""
    return places.runs() / "data"


def keep(root: Path, own: OwnData) -> str:
    """Write the data to root and return their name, which `load` knows if root is own_folder().

    The same data get the same name. The file appears whole or not at all; raises DatasetError.
    """
    data = own.dataset
    meta = {
        "format": _FORMAT,
        "name": data.name,
        "title": own.title,
        "spec": data.spec.to_json(),
        "class_names": data.class_names,
        "about": data.about,
        "columns": [asdict(column) for column in data.columns],
        "notes": own.notes,
    }
    arrays = {"meta": np.frombuffer(json.dumps(meta, allow_nan=False).encode(), np.uint8)}
    for which in ("train", "test"):
        split = getattr(data, which)
        arrays[f"{which}_x"] = split.x.numpy()
        if split.labels is not None:
            arrays[f"{which}_labels"] = split.labels.numpy()
    _check_room(root, sum(array.nbytes for array in arrays.values()))
    write_arrays(root / f"{data.name}.npz", arrays)
    return data.name


def _check_room(root: Path, size: int) -> None:
    """Raise DatasetError where the disk would have too little left for what others do."""
    place = next((p for p in (root, *root.parents) if p.is_dir()), Path())
    free = shutil.disk_usage(place).free
    if free - size < SPARE:
        raise DatasetError(
            f"The data take {size / 1e6:,.0f} MB, and this server's disk has {free / 1e6:,.0f} MB "
            f"free, of which {SPARE / 1e6:,.0f} MB are kept for everybody's runs; upload fewer "
            "examples, or delete data of your own first."
        )


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an uncompressed .npz through a temporary file beside it; raises DatasetError."""
    try:
        write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
    except OSError as error:
        raise DatasetError(
            f"The data could not be kept in {path.parent} ({error.strerror or error}); free some "
            "space or set AECORE_RUNS to a folder that may be written to."
        ) from error


# Who keeps what: an empty file owners/WHO/NAME for each. The same data of two people are one .npz,
# which goes with the last of them.


def keep_for(root: Path, own: OwnData, owner: str) -> str:
    """Keep data as one of the at most MOST_OWN of an owner; the name as `keep` gives it.

    owner: any text that tells people apart; only its hash is written. Raises DatasetError.
    """
    with _owners_lock:
        names = owned(root, owner)
        if own.dataset.name not in names and len(names) >= MOST_OWN:
            raise DatasetError(
                f"You keep {len(names)} datasets of your own already, and at most {MOST_OWN} are "
                "kept for one person; delete one of them first."
            )
        name = keep(root, own)
        try:
            place = _owners(root, owner)
            place.mkdir(parents=True, exist_ok=True)
            (place / name).touch()
        except OSError as error:
            raise DatasetError(
                f"The data could not be kept in {root} ({error.strerror or error})."
            ) from error
    return name


def owned(root: Path, owner: str) -> list[str]:
    """The names of the data that an owner keeps, the oldest first."""
    place = _owners(root, owner)
    if not place.is_dir():
        return []
    marks = [mark for mark in place.iterdir() if (root / f"{mark.name}.npz").is_file()]
    return [mark.name for mark in sorted(marks, key=lambda m: (m.stat().st_mtime_ns, m.name))]


def delete(root: Path, name: str, owner: str) -> None:
    """Delete an owner's data, unless somebody else keeps the same; raises DatasetError."""
    with _owners_lock:
        if name not in owned(root, owner):
            raise DatasetError(
                "Only who kept data can delete them, and these are not yours, or gone already."
            )
        try:
            (_owners(root, owner) / name).unlink()
            if not any(root.glob(f"owners/*/{name}")):
                (root / f"{name}.npz").unlink(missing_ok=True)
                registry.forget(name)
        except OSError as error:
            raise DatasetError(
                f"The data could not be deleted ({error.strerror or error}); try again."
            ) from error


def _owners(root: Path, owner: str) -> Path:
    return root / "owners" / hashlib.sha256(owner.encode()).hexdigest()[:32]


def notes_of(name: str) -> tuple[str, ...]:
    """What was done to kept data when they were read; raises as `find_own` does."""
    return tuple(str(note) for note in _meta(name)["notes"])


def find_own(name: str) -> Source:
    """The source of kept data; raises UnknownNameError, or DatasetError if they are gone."""
    meta = _meta(name)
    try:
        spec = DataSpec.from_json(meta["spec"])
        title, about = str(meta["title"]), str(meta["about"])
    except (AecoreError, KeyError) as error:
        raise _damaged(name) from error
    return Source(name, title, about, spec, partial(_load, name), "your own")


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UnknownNameError("dataset", name[:40], ["own-… with the 12 digits it was kept under"])
    path = own_folder() / f"{name}.npz"
    if not path.is_file():
        raise DatasetError(
            f"The own data {name} are not in {path.parent}: they were deleted, or kept by another "
            "server; upload them again."
        )
    return path


def _damaged(name: str) -> DatasetError:
    return DatasetError(f"The file of the own data {name} is damaged; upload them again.")


def _meta(name: str) -> dict:
    path = _path(name)
    try:
        with np.load(path, allow_pickle=False) as packed:
            meta = json.loads(packed["meta"].tobytes())
        if not isinstance(meta, dict) or meta.get("format") != _FORMAT:
            raise ValueError("another format")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(name) from error
    return meta


def _load(name: str) -> Dataset:
    path, meta = _path(name), _meta(name)
    try:
        spec = DataSpec.from_json(meta["spec"])
        columns = tuple(
            Column(str(c["name"]), float(c["mean"]), float(c["std"])) for c in meta["columns"]
        )
        class_names = tuple(str(c) for c in meta["class_names"])
        with np.load(path, allow_pickle=False) as packed:
            train, test = (
                _split(packed, which, spec, len(class_names)) for which in ("train", "test")
            )
        about = str(meta["about"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, AecoreError) as error:
        raise _damaged(name) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(name) from error
    return Dataset(name, spec, train, test, class_names, about, columns)


def _split(packed, which: str, spec: DataSpec, classes: int) -> Split:
    x, labels = packed[f"{which}_x"], None
    if x.shape[1:] != spec.shape or x.dtype not in (np.uint8, np.float32) or not len(x):
        raise ValueError("the examples are not what the specification says")
    if classes:
        labels = packed[f"{which}_labels"]
        if labels.shape != x.shape[:1] or labels.dtype != np.int64:
            raise ValueError("the labels do not fit the examples")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError("a label has no class")
        labels = torch.from_numpy(labels)
    return Split(torch.from_numpy(x), labels)


FAMILY = Family("own-", find_own)
