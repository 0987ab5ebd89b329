"""A person's images, from a zip or a list of files, brought to one size.

Names inside an archive are only labels: nothing is written to disk under them.
"""

from __future__ import annotations

import io
import statistics
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import numpy as np
import torch

from aecore.datasets.limits import (
    MAX_ALL_PIXELS,
    MAX_CLASSES,
    MAX_EXAMPLES,
    MAX_PIXELS,
    MAX_UPLOAD,
    Raw,
    check_bytes,
    check_examples,
    read_capped,
)
from aecore.errors import DatasetError
from aecore.wording import count, short

SIZES = (28, 32, 64, 128)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
# No format that calls a program (EPS) or that nobody means by 'image'.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_GREY = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I", "F")


@dataclass(frozen=True)
class Entry:
    """One file: its path as given, with forward slashes, and how to read its bytes."""

    name: str
    open: Callable[[], IO[bytes]]
    size: int


def is_image_name(name: str) -> bool:
    """Whether a path names an image that is not hidden (as __MACOSX/._a.png is)."""
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = any(
        part == "__MACOSX" or (part.startswith(".") and part.strip(".")) for part in path.parts
    )
    return path.suffix.lower() in SUFFIXES and not hidden


def read_zip(content: bytes, size: int | None) -> Raw:
    """Read the images in a zip; size: side in pixels, or None for the one next to the median."""
    # Before zipfile lists them: a directory of millions of entries is itself a bomb.
    if content.count(b"PK\x01\x02") > 2 * MAX_EXAMPLES:
        raise DatasetError(f"The archive holds far more than the {MAX_EXAMPLES:,} images allowed.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DatasetError(
            "The file is not a readable zip archive; pack the images again and upload it."
        ) from error
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
        check_bytes(sum(entry.size for entry in entries))
        return read_images(entries, size, others=len(files) - len(wanted))


def read_images(entries: Iterable[Entry], size: int | None, others: int = 0) -> Raw:
    """Read images; labels are the names of their folders when there are at least two.

    Returns uint8 (n, 1 or 3, size, size). Every image is made to fit and padded in the colour of
    its border. others: how many files were passed over already. Raises DatasetError.
    """
    entries = sorted(entries, key=lambda e: e.name)
    if size is not None and size not in SIZES:
        raise DatasetError(f"Images can be made {_sizes()} pixels wide, not {size!r}; choose one.")
    if not entries:
        raise DatasetError(
            f"No image was found; expected files that end in {', '.join(SUFFIXES[:4])} or the like."
        )
    check_examples(len(entries), "images")
    good, broken, sides, colour = _headers(entries)
    if size is None and sides:
        middle = statistics.median(sides)
        size = min(SIZES, key=lambda s: abs(s - middle))
    size = size or SIZES[0]
    channels = 3 if colour else 1
    check_bytes(len(good) * channels * size * size)
    x = np.empty((len(good), channels, size, size), np.uint8)
    kept = []
    for entry in good:
        image = _decode(entry, size, channels)
        if image is None:
            broken += 1
        else:
            x[len(kept)] = image
            kept.append(entry)
    x = x[: len(kept)]
    if channels == 3 and all((image == image[:1]).all() for image in x):
        x = x[:, :1]  # grey images saved as colour
    raw = Raw("image", np.ascontiguousarray(x))
    if broken:
        raw.notes.append(f"{count(broken, 'image')} could not be read and were left out.")
    if others:
        raw.notes.append(f"{count(others, 'other file')} in the archive were not looked at.")
    if len(set(sides)) > 1 or (sides and sides[0] != size):
        raw.notes.append(
            f"All images were made {size} x {size} pixels, with a border where they are not square."
        )
    raw.names = [entry.name for entry in kept]
    _label(raw)
    return raw


def _headers(entries: list[Entry]) -> tuple[list[Entry], int, list[int], bool]:
    """Look at every header before anything is decoded: what is readable, sides, any colour."""
    good, sides, colour, pixels = [], [], False, 0
    for entry in entries:
        with _image(entry) as image:
            if image is None:
                continue
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DatasetError(
                    f"The image {short(entry.name)} has {width:,} x {height:,} pixels, and at most "
                    f"{MAX_PIXELS:,} pixels are taken; make it smaller or leave it out."
                )
            pixels += width * height
            good.append(entry)
            sides.append(max(width, height))
            colour = colour or image.mode not in _GREY
    if pixels > MAX_ALL_PIXELS:
        raise DatasetError(
            f"The images have {pixels / 1e9:,.1f} thousand million pixels in all, and at most "
            f"{MAX_ALL_PIXELS / 1e9:,.0f} are taken; make them smaller before you upload them."
        )
    return good, len(entries) - len(good), sides, colour


@contextmanager
def _image(entry: Entry):
    """The opened, not yet decoded image, or None where the file holds no readable one."""
    from PIL import Image

    # Read whole, and no further than announced: a header may lie, and PIL seeks.
    try:
        with entry.open() as file:
            content = read_capped(file, min(entry.size, MAX_UPLOAD))
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise DatasetError(
            f"The image {short(entry.name)} has more than {MAX_PIXELS:,} pixels; "
            "make it smaller or leave it out."
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError, zipfile.BadZipFile, zlib.error):
        image = None
    except (NotImplementedError, RuntimeError):  # a compression or encryption we cannot undo
        image = None
    try:
        yield image
    finally:
        if image is not None:
            image.close()


def _decode(entry: Entry, size: int, channels: int) -> np.ndarray | None:
    """Decode and fit one image: uint8 (channels, size, size), or None if it is damaged.

    Pillow decodes, since torchvision knows neither TIFF nor BMP and no bound on what is unpacked.
    """
    from PIL import ImageOps
    from torchvision.transforms.v2 import functional

    with _image(entry) as image:
        if image is None:
            return None
        try:
            image.draft("RGB" if channels == 3 else "L", (2 * size, 2 * size))
            image.load()
            image = ImageOps.exif_transpose(image)
            pixels = functional.pil_to_tensor(_plain(image, "RGB" if channels == 3 else "L"))
        # PIL's decoders raise these and no common class of their own for damaged files.
        except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError):
            return None
        except (ZeroDivisionError, OverflowError, MemoryError, zlib.error):
            return None
    height, width = pixels.shape[1:]
    scale = size / max(height, width)
    # A line thinner than a pixel stays one pixel wide.
    height, width = (max(1, round(side * scale)) for side in (height, width))
    fitted = functional.resize(pixels, [height, width], antialias=True)
    left, top = (size - width) // 2, (size - height) // 2
    margins = [left, top, size - width - left, size - height - top]
    return functional.pad(fitted, margins, fill=_border(fitted)).numpy()


def _border(image: torch.Tensor) -> list[float]:
    """The median colour of the outermost pixels of an image (C, H, W), one value a channel."""
    sides = [image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]]
    colour = np.median(torch.cat(sides, 1).numpy(), axis=1)
    return [float(value) for value in colour.astype(np.uint8)]


def _plain(image, mode: str):
    """Convert any mode to L or RGB: 16 bits scaled, what is transparent on white."""
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.float64)
        top = 65535 if image.mode != "F" else 1
        if not np.isfinite(values).all():
            raise ValueError("not finite")
        if values.max(initial=0) <= 255 and image.mode != "F":
            top = 255
        image = Image.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8))
    elif image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


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
