"""One dataset of a person's own as a file: an .npz that the app and its workers load."""

from __future__ import annotations

import json
import re
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aecore import places
from aecore.datasets.dataset import Column, Dataset, Split
from aecore.datasets.room import check_room
from aecore.errors import AecoreError, DatasetError, UnknownNameError
from aecore.types import DataSpec
from aecore.writing import write_whole

PREFIX = "own-"
_NAME = re.compile(r"own-[0-9a-f]{12}")
_FORMAT = 1


@dataclass(frozen=True)
class OwnData:
    """Data that were read, to be looked at and kept. notes: what was done to them."""

    dataset: Dataset
    notes: tuple[str, ...]
    title: str


def own_folder() -> Path:
    """Where own data are kept, for the app and its workers: data/ in the folder of the runs."""
    return places.runs() / "data"


def size_of(data: Dataset) -> int:
    """Bytes that the values of a dataset take, in memory and on disk."""
    parts = (part for split in (data.train, data.test) for part in (split.x, split.labels))
    return sum(part.nbytes for part in parts if part is not None)


def write_own(root: Path, own: OwnData) -> str:
    """Write data below root and return the name by which they are found, which says nothing of
    them. The file appears whole or not at all; raises DatasetError.
    """
    data, name = own.dataset, f"{PREFIX}{secrets.token_hex(6)}"
    meta = {
        "format": _FORMAT,
        "name": name,
        "title": own.title,
        "spec": data.spec.to_json(),
        "class_names": data.class_names,
        "about": data.about,
        "columns": [asdict(column) for column in data.columns],
        "notes": own.notes,
        "fingerprint": data.fingerprint,
        "content": data.name,
    }
    arrays = {"meta": np.frombuffer(json.dumps(meta, allow_nan=False).encode(), np.uint8)}
    for which in ("train", "test"):
        split = getattr(data, which)
        arrays[f"{which}_x"] = split.x.numpy()
        if split.labels is not None:
            arrays[f"{which}_labels"] = split.labels.numpy()
    write_arrays(root / f"{name}.npz", arrays)
    return name


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an uncompressed .npz through a temporary file beside it; raises DatasetError."""
    check_room(path.parent, sum(array.nbytes for array in arrays.values()))
    try:
        write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
    except OSError as error:
        raise DatasetError(
            f"The data could not be kept in {path.parent} ({error.strerror or error}); free some "
            "space or set AECORE_RUNS to a folder that may be written to."
        ) from error


def path_of(name: str) -> Path:
    """The file of kept data; raises UnknownNameError, or DatasetError if they are gone."""
    if not _NAME.fullmatch(name):
        raise UnknownNameError("dataset", name[:40], ["own-… with the 12 digits it was kept under"])
    path = own_folder() / f"{name}.npz"
    if not path.is_file():
        raise DatasetError(
            f"The own data {name} are not in {path.parent}: they were deleted, or kept by another "
            "server; upload them again."
        )
    return path


def damaged(name: str) -> DatasetError:
    return DatasetError(f"The file of the own data {name} is damaged; upload them again.")


def read_meta(path: Path) -> dict[str, Any]:
    """What a file says about its data; raises DatasetError where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as packed:
            meta = json.loads(packed["meta"].tobytes())
        if not isinstance(meta, dict) or meta.get("format") != _FORMAT:
            raise ValueError("another format")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path.stem) from error
    return meta


def read_own(name: str) -> Dataset:
    """Load kept data; raises as `path_of` does, and DatasetError for a damaged file."""
    path = path_of(name)
    meta = read_meta(path)
    try:
        spec = DataSpec.from_json(meta["spec"])
        columns = tuple(
            Column(str(c["name"]), float(c["mean"]), float(c["std"])) for c in meta["columns"]
        )
        class_names = tuple(str(c) for c in meta["class_names"])
        with np.load(path, allow_pickle=False) as packed:
            train, test = (
                split_in(packed, which, spec, len(class_names)) for which in ("train", "test")
            )
        about = str(meta["about"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, AecoreError) as error:
        raise damaged(name) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise damaged(name) from error
    return Dataset(name, spec, train, test, class_names, about, columns)


def split_in(arrays: Mapping[str, np.ndarray], which: str, spec: DataSpec, classes: int) -> Split:
    """The training or test split among arrays. Raises KeyError or ValueError where it is none."""
    x, labels = arrays[f"{which}_x"], None
    if x.shape[1:] != spec.shape or x.dtype not in (np.uint8, np.float32) or not len(x):
        raise ValueError("the examples are not what the specification says")
    if classes:
        labels = arrays[f"{which}_labels"]
        if labels.shape != x.shape[:1] or labels.dtype != np.int64:
            raise ValueError("the labels do not fit the examples")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError("a label has no class")
        labels = torch.from_numpy(labels)
    return Split(torch.from_numpy(x), labels)
