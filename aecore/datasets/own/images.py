"""A person's images, from a zip or a list of files, brought to one size.

Names inside an archive are only labels: nothing is written to disk under them.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np

from aecore.datasets.limits import (
    MAX_ALL_PIXELS,
    MAX_CLASSES,
    MAX_EXAMPLES,
    MAX_UNPACKED,
    Raw,
    check_examples,
    check_values,
)
from aecore.datasets.own.archive import opened
from aecore.datasets.own.pixels import Entry, decoded, image_in
from aecore.errors import DatasetError
from aecore.wording import count, short

SIZES = (28, 32, 64, 96, 128)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_GREY = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I", "F")
_OTHERS = 20_000  # files of an archive that may be no images

Tell = Callable[[float, str], None]


def is_image_name(name: str) -> bool:
    """Whether a path names an image that is not hidden (as __MACOSX/._a.png is)."""
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = any(
        part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in path.parts
    )
    return path.suffix.lower() in SUFFIXES and not hidden


def read_zip(file: BinaryIO, size: int | None, tell: Tell) -> Raw:
    """Read the images in a zip; size: side in pixels, or None for the one next to the median."""
    archive = opened(
        file,
        MAX_EXAMPLES + _OTHERS,
        f"The archive holds far more than the {MAX_EXAMPLES:,} images allowed.",
        "The file is not a readable zip archive; pack the images again and upload it.",
    )
    with archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        wanted = [info for info in files if is_image_name(info.filename)]
        if any(info.flag_bits & 1 for info in wanted):
            raise DatasetError("The zip archive has a password; pack the images without one.")
        entries = [
            Entry(info.filename, lambda info=info: archive.open(info), info.file_size)
            for info in wanted
        ]
        # Read twice, one after the other: many that unpack to a lot would cost hours.
        unpacked = sum(entry.size for entry in entries)
        if unpacked > MAX_UNPACKED:
            raise DatasetError(
                f"The images in the archive unpack to {unpacked / 1e9:,.1f} GB of memory, and at "
                f"most {MAX_UNPACKED / 1e9:,.1f} GB are taken; upload fewer or smaller ones."
            )
        return read_images(entries, size, len(files) - len(wanted), tell)


def read_images(
    entries: Iterable[Entry],
    size: int | None,
    others: int = 0,
    tell: Tell = lambda *_: None,
    most: int | None = None,
) -> Raw:
    """Read images; labels are the names of their folders when there are at least two.

    Returns uint8 (n, 1 or 3, size, size). Every image is made to fit and padded in the colour of
    its border. others: how many files were passed over already. tell: is told how far it is. most:
    bytes, as `check_values` takes them. Raises DatasetError.
    """
    entries = sorted(entries, key=lambda e: e.name)
    if size is not None and size not in SIZES:
        raise DatasetError(f"Images can be made {_sizes()} pixels wide, not {size!r}; choose one.")
    if not entries:
        raise DatasetError(
            f"No image was found; expected files that end in {', '.join(SUFFIXES[:4])} or the like."
        )
    check_examples(len(entries), "images")
    good, sides, colour = _headers(entries, tell)
    if size is None and sides:
        middle = statistics.median(sides)
        size = min(SIZES, key=lambda s: abs(s - middle))
    size = size or SIZES[0]
    channels = 3 if colour else 1
    check_values(len(good) * channels * size * size, most)
    x = np.empty((len(good), channels, size, size), np.uint8)
    kept: list[Entry] = []
    unclear = 0
    for i, entry in enumerate(good):
        tell(0.1 + 0.8 * i / len(good), f"reading image {i + 1:,} of {len(good):,}")
        image, not_upright = decoded(entry, size, channels)
        if image is not None:
            x[len(kept)] = image
            unclear += not_upright
            kept.append(entry)
    x = x[: len(kept)]
    if channels == 3 and all((image == image[:1]).all() for image in x):
        x = x[:, :1]  # grey images saved as colour
    raw = Raw("image", np.ascontiguousarray(x))
    broken = raw.lost["that could not be read as images"] = len(entries) - len(kept)
    if broken:
        were = "was" if broken == 1 else "were"
        raw.notes.append(f"{count(broken, 'image')} could not be read and {were} left out.")
    if unclear:
        raw.notes.append(
            f"{count(unclear, 'image')} with an unreadable EXIF block: taken as stored, maybe "
            "lying on its side."
        )
    if others:
        raw.notes.append(f"{count(others, 'other file')} in the archive were not looked at.")
    if len(set(sides)) > 1 or (sides and sides[0] != size):
        raw.notes.append(
            f"All images were made {size} x {size} pixels, with a border where they are not square."
        )
    raw.names = [entry.name for entry in kept]
    _label(raw)
    return raw


def _headers(entries: list[Entry], tell: Tell) -> tuple[list[Entry], list[int], bool]:
    """Look at every header before anything is decoded: what is readable, sides, any colour."""
    good, sides, colour, pixels = [], [], False, 0
    for i, entry in enumerate(entries):
        tell(0.1 * i / len(entries), f"looking at file {i + 1:,} of {len(entries):,}")
        with image_in(entry) as image:
            if image is None:
                continue
            pixels += image.width * image.height
            good.append(entry)
            sides.append(max(image.size))
            colour = colour or image.mode not in _GREY
    if pixels > MAX_ALL_PIXELS:
        raise DatasetError(
            f"The images have {pixels / 1e9:,.1f} thousand million pixels in all, and at most "
            f"{MAX_ALL_PIXELS / 1e9:,.0f} are taken; make them smaller before you upload them."
        )
    return good, sides, colour


def _label(raw: Raw) -> None:
    """Fill in labels from the folders that the files lie in."""
    folders = [short(PurePosixPath(n.replace("\\", "/")).parent.name) or "-" for n in raw.names]
    found = Counter(folders)
    if len(found) < 2:
        return
    if len(found) > min(MAX_CLASSES, len(raw.names) / 2):
        raw.notes.append(f"The {len(found):,} folders are too many to be classes: no labels.")
        return
    raw.class_names = tuple(sorted(found))
    index = {name: i for i, name in enumerate(raw.class_names)}
    raw.labels = np.array([index[f] for f in folders], np.int64)
    raw.notes.append(f"The names of the folders are taken as {len(found)} classes.")


def _sizes() -> str:
    return f"{', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}"
