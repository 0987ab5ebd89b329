"""Generated images of one shape each, whose position, size and rotation are known.

After dSprites (Matthey et al. 2017), smaller and with continuous factors.
"""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Factors, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

SIDE = 32
KINDS = ("square", "ellipse", "heart", "triangle")
SPEC = DataSpec((1, SIDE, SIDE), classes=len(KINDS))
TRAIN, TEST = 20_000, 4_000
ABOUT = (
    "Generated: a filled square, ellipse, heart or triangle, 32 x 32 grey pixels, whose position, "
    "scale and rotation are known; 20,000 to train on, 4,000 held out."
)

# x and y: the centre in pixels from the left and the top; scale: half of the size in pixels;
# rotation: degrees. A square looks the same every 90 degrees and an ellipse every 180: from -40 to
# 40 no two rotations of any shape look alike, and the two ends are 10 degrees apart. Nothing
# reaches beyond the image.
RANGES = {"x": (10.5, 21.5), "y": (10.5, 21.5), "scale": (4.0, 8.0), "rotation": (-40.0, 40.0)}

_BLOCK = 2000  # images drawn at once: 8 MB an array stays in the processor's cache


def load_shapes() -> Dataset:
    """Draw the images, always the same: uint8 (n, 1, 32, 32), labels, and factors (n, 4)."""
    rng = np.random.default_rng(20_240_601)
    n = TRAIN + TEST
    low, high = np.array(list(RANGES.values())).T
    factors = rng.uniform(low, high, (n, len(RANGES))).astype(np.float32)
    labels = rng.integers(0, len(KINDS), n)
    x = torch.from_numpy(draw(labels, factors)).reshape(-1, *SPEC.shape)
    y = torch.from_numpy(labels.astype(np.int64))
    train, test = Split(x[:TRAIN], y[:TRAIN]), Split(x[TRAIN:], y[TRAIN:])
    known = Factors(tuple(RANGES), factors[:TRAIN], factors[TRAIN:])
    return Dataset(
        "shapes",
        SPEC,
        train,
        test,
        KINDS,
        ABOUT,
        factors=known,
        generated=True,
    )


def draw(kinds: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Draw shapes: kinds (n,) indices into KINDS, factors (n, 4) as in RANGES.

    Returns uint8 (n, 32, 32). A pixel at the edge is grey by the share of it that is covered, taken
    from its distance to the edge: a shift by a tenth of a pixel changes the image.
    """
    images = np.empty((len(kinds), SIDE, SIDE), np.uint8)
    grid = np.arange(SIDE, dtype=np.float32) + 0.5
    for kind in range(len(KINDS)):
        chosen = np.flatnonzero(kinds == kind)
        for start in range(0, len(chosen), _BLOCK):
            rows = chosen[start : start + _BLOCK]
            x, y, scale, degrees = np.asarray(factors, np.float32)[rows, :, None, None].swapaxes(
                0, 1
            )
            cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
            dx, dy = grid[None, None, :] - x, grid[None, :, None] - y
            # In the shape's own frame, in units of its scale, v upwards.
            u, v = (cos * dx + sin * dy) / scale, (sin * dx - cos * dy) / scale
            distance = _DISTANCE[KINDS[kind]](u, v) * scale
            images[rows] = np.round(np.clip(0.5 - distance, 0, 1) * 255)
    return images


# Signed distances to the edge, negative inside; u, v in units of the scale.


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - np.float32(0.85)


def _ellipse(u, v):
    # First order: the implicit function over the length of its gradient.
    a, b = np.float32(1.1), np.float32(0.6)
    level = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2)
    return level * (level - 1) / np.maximum(slope, np.float32(1e-6))


def _heart(u, v):
    # Two quarter circles on a diamond (Quilez, 'distance to a heart'); its tip is at the origin.
    size = np.float32(1.75)
    a, b = np.abs(u) / size, v / size + np.float32(0.55)
    lobe = np.hypot(a - 0.25, b - 0.75) - np.float32(np.sqrt(2) / 4)
    along = np.maximum(a + b, 0) / 2
    side = np.minimum(np.hypot(a, b - 1), np.hypot(a - along, b - along)) * np.sign(a - b)
    return np.where(a + b > 1, lobe, side) * size


def _triangle(u, v):
    # Taller than wide, so that no rotation in the range repeats it.
    flank = np.float32(0.8) * (v - np.float32(1.1)) / 2 + np.abs(u)
    return np.maximum(flank / np.float32(np.hypot(1, 0.4)), -v - np.float32(0.8))


_DISTANCE = {"square": _square, "ellipse": _ellipse, "heart": _heart, "triangle": _triangle}

SOURCE = Source("shapes", "Shapes (generated)", ABOUT, SPEC, load_shapes, "MIT", generated=True)
