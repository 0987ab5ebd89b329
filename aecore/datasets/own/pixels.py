"""One image of a person's: opened with care, decoded no larger than needed, made a square."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import torch

from aecore.datasets.limits import MAX_PIXELS, MAX_UPLOAD, read_capped
from aecore.errors import DatasetError
from aecore.wording import short

# No format that calls a program (EPS) or that nobody means by 'image'.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
# A progressive JPEG goes over the whole image in each scan; ten are usual.
MOST_SCANS = 100
_SHRUNK_FROM = 4  # times the side that is wanted: then a quick average comes first
_ORIENTATION = 0x0112
_BAND = 1 << 21  # pixels that are floats at a time
# What Pillow's decoders raise for damaged files, with no class of their own in common.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError)
_DAMAGED += (ZeroDivisionError, OverflowError, MemoryError, AttributeError, AssertionError)
_DAMAGED += (RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Entry:
    """One file: its path as given, with forward slashes, and how to read its bytes."""

    name: str
    open: Callable[[], IO[bytes]]
    size: int


@contextmanager
def image_in(entry: Entry) -> Iterator:
    """The opened, not yet decoded image, or None where the file holds no readable one.

    Raises DatasetError for an image with too many pixels.
    """
    from PIL import Image

    image = None
    # Read whole, and no further than announced: a header may lie, and PIL seeks.
    try:
        with entry.open() as file:
            content = read_capped(file, min(entry.size, MAX_UPLOAD))
        if not (content[:2] == b"\xff\xd8" and content.count(b"\xff\xda") > MOST_SCANS):
            _check_pixels(entry, _webp_size(content))
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(entry) from None
    except DatasetError as error:
        if isinstance(error, TooManyPixels):
            raise
        image = None
    except _DAMAGED:
        image = None
    try:
        if image is not None:
            _check_pixels(entry, image.size)
        yield image
    finally:
        if image is not None:
            image.close()


class TooManyPixels(DatasetError):
    """An image larger than any that is taken."""


def _check_pixels(entry: Entry, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise TooManyPixels(
            f"The image {short(entry.name)} has {width:,} x {height:,} pixels, and at most "
            f"{MAX_PIXELS:,} pixels are taken; make it smaller or leave it out."
        )


def _too_large(entry: Entry) -> TooManyPixels:
    return TooManyPixels(
        f"The image {short(entry.name)} has more than {MAX_PIXELS:,} pixels; "
        "make it smaller or leave it out."
    )


def _webp_size(content: bytes) -> tuple[int, int]:
    """The size that a WebP announces, (0, 0) for anything else: opening one takes its memory."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return 0, 0
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (
            int.from_bytes(side, "little") for side in (content[24:27], content[27:30])
        )
        return 1 + width, 1 + height
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    sides = struct.unpack("<HH", content[26:30])
    return sides[0] & 0x3FFF, sides[1] & 0x3FFF


def decoded(entry: Entry, size: int, channels: int) -> tuple[np.ndarray | None, bool]:
    """Decode and fit one image: uint8 (channels, size, size), or None if it is damaged; and
    whether which way is up could not be read.

    Pillow decodes, since torchvision knows neither TIFF nor BMP and no bound on what is unpacked.
    """
    from torchvision.transforms.v2 import functional

    mode = "RGB" if channels == 3 else "L"
    with image_in(entry) as image:
        if image is None:
            return None, False
        try:
            image.draft(mode, (2 * size, 2 * size))
            image.load()
            turn, unclear = _turn(image)
            image = _plain(_shrunk(image, size), mode)
            if turn is not None:
                image = image.transpose(turn)
            pixels = functional.pil_to_tensor(image)
        except _DAMAGED:
            return None, False
    height, width = pixels.shape[1:]
    scale = size / max(height, width)
    # A line thinner than a pixel stays one pixel wide.
    height, width = (max(1, round(side * scale)) for side in (height, width))
    fitted = functional.resize(pixels, [height, width], antialias=True)
    left, top = (size - width) // 2, (size - height) // 2
    margins = [left, top, size - width - left, size - height - top]
    return functional.pad(fitted, margins, fill=_border(fitted)).numpy(), unclear


def _turn(image) -> tuple[Any, bool]:
    """How to turn an image upright, and whether its EXIF block, which says so, is unreadable."""
    from PIL import Image

    ways = Image.Transpose
    upright = (None, ways.FLIP_LEFT_RIGHT, ways.ROTATE_180, ways.FLIP_TOP_BOTTOM)
    upright += (ways.TRANSPOSE, ways.ROTATE_270, ways.TRANSVERSE, ways.ROTATE_90)
    try:
        # Pillow warns of what it cannot read, and gives what it can.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            told = image.getexif()
            found = told.get(_ORIENTATION)
    except _DAMAGED:
        return None, True
    if found in range(1, 9):
        return upright[found - 1], False
    return None, bool(warned or found is not None or (image.info.get("exif") and not len(told)))


def _shrunk(image, size: int):
    """A much too large image averaged down to a few times the size: the rest is then cheap."""
    factor = max(image.size) // (_SHRUNK_FROM * size)
    if factor < 2 or image.mode not in ("L", "RGB", "RGBA", "LA", "CMYK", "YCbCr"):
        return image
    return image.reduce((min(factor, image.width), min(factor, image.height)))


def _border(image: torch.Tensor) -> list[float]:
    """The median colour of the outermost pixels of an image (C, H, W), one value a channel."""
    sides = [image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]]
    colour = np.median(torch.cat(sides, 1).numpy(), axis=1)
    return [float(value) for value in colour.astype(np.uint8)]


def _plain(image, mode: str):
    """Convert any mode to L or RGB: 16 bits scaled, what is transparent on white."""
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_numbers(image).convert(mode)
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return image.convert(mode)


def _from_numbers(image):
    """An image of 16 bits, of whole numbers or floats, as one of bytes; some rows at a time."""
    from PIL import Image

    step = max(1, _BAND // image.width)
    bands = [
        (0, top, image.width, min(top + step, image.height)) for top in range(0, image.height, step)
    ]
    # One number that is not finite makes the sum so.
    rows = (np.asarray(image.crop(band)).astype(np.float32) for band in bands)
    tops = [(float(band.max(initial=0)), float(band.sum(dtype=np.float64))) for band in rows]
    if not np.isfinite(tops).all():
        raise ValueError("not finite")
    white = 1 if image.mode == "F" else 65535 if max(top for top, _ in tops) > 255 else 255
    out = np.empty((image.height, image.width), np.uint8)
    for band in bands:
        values = np.asarray(image.crop(band)).astype(np.float32)
        out[band[1] : band[3]] = np.clip(values * np.float32(255 / white), 0, 255)
    return Image.fromarray(out)
