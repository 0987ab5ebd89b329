"""Folders of images in the cache's folder `folders`: each is a source called folder-NAME.

For CelebA and the like, put there by whoever runs the machine. Subfolders are classes.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.download import cache_folder
from aecore.datasets.limits import MAX_CLASSES, MAX_EXAMPLES, MIN_EXAMPLES
from aecore.datasets.own.images import is_image_name, read_images
from aecore.datasets.own.kept_file import write_arrays
from aecore.datasets.own.pixels import Entry
from aecore.datasets.registry import Family, Source
from aecore.errors import DatasetError, UnknownNameError
from aecore.types import DataSpec
from aecore.wording import short

PREFIX = "folder-"
SIDE = 64
HELD_OUT = 0.15
MAX_BYTES = 1 << 30  # of its pixels: who puts a folder here runs the machine
_NAME = re.compile(r"\w[\w.-]{0,60}")


def folders() -> Path:
    return cache_folder() / "folders"


def listed() -> list[Source]:
    """One source a folder with images; looks at names only."""
    root = folders()
    if not root.is_dir():
        return []
    names = [p.name for p in sorted(root.iterdir()) if p.is_dir() and _NAME.fullmatch(p.name)]
    return [found for name in names if (found := _source(name)) is not None]


def find(name: str) -> Source:
    """The source called folder-NAME; raises UnknownNameError."""
    below = name.removeprefix(PREFIX)
    found = _source(below) if _NAME.fullmatch(below) and (folders() / below).is_dir() else None
    if found is None:
        raise UnknownNameError("dataset", name[:80], [s.name for s in listed()] or ["mnist"])
    return found


def _source(name: str) -> Source | None:
    folder = folders() / name
    classes = _classes(folder)
    if not classes and next(_images(folder), None) is None:
        return None
    spec = DataSpec((3, SIDE, SIDE), classes=len(classes))
    about = f"The images of the folder {name}, in colour, made {SIDE} x {SIDE} pixels."
    load = partial(_load, name, spec, classes, about)
    return Source(f"{PREFIX}{name}", f"Folder {name}", about, spec, load, "see the folder's own")


def _images(folder: Path):
    """Directory entries of the images that lie in a folder, in no order."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_image_name(entry.name) and entry.is_file():
                yield entry


def _classes(folder: Path) -> tuple[str, ...]:
    """Subfolders with images, if there are at least two; they are then all that is read."""
    below = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    found = tuple(p.name for p in below if next(_images(p), None) is not None)
    return found if 2 <= len(found) <= MAX_CLASSES else ()


def _load(name: str, spec: DataSpec, classes: tuple[str, ...], about: str) -> Dataset:
    folder = folders() / name
    places = [folder / c for c in classes] or [folder]
    files = sorted(
        (Path(e.path).relative_to(folder).as_posix(), e.stat().st_size, e.stat().st_mtime_ns)
        for place in places
        for e in _images(place)
    )
    most = min(MAX_EXAMPLES, MAX_BYTES // spec.size)
    total, rng = len(files), np.random.default_rng(0)
    if total > most:
        # Any of them, not the first: files are often sorted by what they show.
        files = [files[i] for i in np.sort(rng.permutation(total)[:most])]
    # Decoding takes minutes, and every process loads: the pixels are kept beside the folder.
    state = hashlib.sha256(repr((SIDE, "antialiased", files)).encode()).hexdigest()[:16]
    packed = folders() / ".packed" / f"{name}-{state}.npz"
    if packed.is_file():
        with np.load(packed, allow_pickle=False) as kept:
            x, labels = kept["x"], kept["labels"]
    else:
        x, labels = _decode(folder, files, classes)
        write_arrays(packed, {"x": x, "labels": labels})
    if len(x) < MIN_EXAMPLES:
        raise DatasetError(
            f"The folder {folder} has {len(x)} readable images, and at least {MIN_EXAMPLES} are "
            "needed; add more."
        )
    order = np.random.default_rng(0).permutation(len(x))
    n_test = max(10, round(HELD_OUT * len(x)))
    train, test = (
        Split(torch.from_numpy(x[rows]), torch.from_numpy(labels[rows]) if classes else None)
        for rows in (order[n_test:], order[:n_test])
    )
    about += f" {len(train):,} to train on, {n_test:,} held out"
    about += f"; {total - len(x):,} left out." if total > len(x) else "."
    names = tuple(short(c) for c in classes)
    return Dataset(f"{PREFIX}{name}", spec, train, test, names, about)


def _decode(folder: Path, files: list, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    entries = [Entry(file, partial(open, folder / file, "rb"), size) for file, size, _ in files]
    raw = read_images(entries, SIDE, most=4 * MAX_BYTES)
    x = raw.x if raw.x.shape[1] == 3 else raw.x.repeat(3, axis=1)
    index = {c: i for i, c in enumerate(classes)}
    labels = np.array([index.get(file.split("/")[0], 0) for file in raw.names], np.int64)
    # Whatever is there twice would be held out and trained on.
    _, first = np.unique([hashlib.sha256(image.data).digest() for image in x], return_index=True)
    first.sort()
    return x[first], labels[first]


FAMILY = Family(PREFIX, find, listed)
