"""What known picture formats make of images, singly and tiled into one picture."""

from __future__ import annotations

import io
import lzma
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, features

SINGLES = 25  # images that a slow format is tried on one by one


@dataclass(frozen=True)
class Format:
    """name: for people. kind: Pillow's. levels: by which `options`, told whether a picture is
    grey, says how much is kept; one for a format without loss. needs: Pillow's name of what it must
    be built with, "" for nothing. color: it knows no grey. slow: singly on SINGLES images alone."""

    name: str
    kind: str
    levels: tuple[int, ...]
    options: Callable[[int, bool], dict[str, Any]]
    needs: str = ""
    color: bool = False
    slow: bool = True

    @property
    def there(self) -> bool:
        """Whether this installation can write it."""
        return not self.needs or bool(features.check(self.needs))


FORMATS = {
    "jpeg": Format(
        "JPEG",
        "JPEG",
        (2, 5, 10, 20, 30, 40, 50, 60, 75, 90),
        lambda level, grey: {"quality": level},
        slow=False,
    ),
    "jpeg_fitted": Format(
        "JPEG with fitted tables",
        "JPEG",
        (2, 5, 10, 20, 30, 40, 50, 60, 75, 90),
        lambda level, grey: {"quality": level, "optimize": True},
        slow=False,
    ),
    "jpeg2000": Format(
        "JPEG 2000",
        "JPEG2000",
        (10, 13, 16, 19, 22, 26),
        lambda level, grey: {"quality_mode": "dB", "quality_layers": [level], "irreversible": True},
        "jpg_2000",
    ),
    "webp": Format(
        "WebP",
        "WEBP",
        (0, 10, 30, 50, 75, 90),
        lambda level, grey: {"quality": level},
        "webp",
        True,
    ),
    "avif": Format(
        "AVIF",
        "AVIF",
        (0, 4, 10, 25, 50, 85),
        lambda level, grey: {
            "quality": level,
            "speed": 6,
            "subsampling": "4:0:0" if grey else "4:2:0",
            "max_threads": 1,
        },
        "avif",
    ),
    "png": Format("PNG", "PNG", (0,), lambda level, grey: {"optimize": True}, slow=False),
}


def as_bytes(x: np.ndarray) -> np.ndarray:
    """Images (n, channels, height, width) in [0, 1] as uint8 (n, height, width, channels)."""
    return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8).transpose(0, 2, 3, 1)


def tiled(pixels: np.ndarray) -> np.ndarray:
    """Images (n, h, w, c) as one near square picture, row by row, black where there is none."""
    n, h, w, c = pixels.shape
    across = math.ceil(math.sqrt(n))
    down = math.ceil(n / across)
    grid = np.zeros((down * across, h, w, c), np.uint8)
    grid[:n] = pixels
    return grid.reshape(down, across, h, w, c).swapaxes(1, 2).reshape(down * h, across * w, c)


def untiled(picture: np.ndarray, n: int, h: int, w: int) -> np.ndarray:
    """The n images (n, h, w, c) in a picture that `tiled` made."""
    down, across = picture.shape[0] // h, picture.shape[1] // w
    grid = picture.reshape(down, h, across, w, -1).swapaxes(1, 2)
    return grid.reshape(down * across, h, w, -1)[:n]


def written(pixels: np.ndarray, form: Format, level: int) -> bytes:
    """One picture (h, w, c) of 1 or 3 channels as a file."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if form.color:
        picture = picture.convert("RGB")
    out = io.BytesIO()
    picture.save(out, form.kind, **form.options(level, pixels.shape[2] == 1))
    return out.getvalue()


def read_back(content: bytes, channels: int) -> np.ndarray:
    """The picture of a file, (h, w, channels) uint8."""
    picture = Image.open(io.BytesIO(content)).convert("L" if channels == 1 else "RGB")
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


def jpeg_scan(content: bytes) -> int:
    """Bytes of the picture itself in a JPEG file with one scan, without all that stands before
    (sizes, tables) and after it."""
    at = 2
    while content[at + 1] != 0xDA:  # the head of the scan is the last of the segments
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    begins = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return len(content) - 2 - begins


def raw_lzma(pixels: np.ndarray) -> float:
    """Bits an image takes where the plain bytes of all of them go through lzma together."""
    return 8 * len(lzma.compress(pixels.tobytes(), preset=6)) / len(pixels)
