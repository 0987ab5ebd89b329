"""Patches of the two colour photographs that ship with scikit-learn, 3 x 32 x 32.

Colour networks can be tried on real photographs without a network. Photographs by danielbuechele
('china.jpg') and vultilion ('flower.jpg'), from flickr.com; CC BY 2.0.
"""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

SIDE = 32
CLASSES = ("buildings", "flower")
SPEC = DataSpec((3, SIDE, SIDE), classes=len(CLASSES))
ABOUT = (
    "Square patches of two colour photographs, brought to 32 x 32 pixels: 4,000 to train on, and "
    "1,000 held out from parts of the photographs of which no training patch has a pixel."
)
TRAIN, TEST = 4000, 1000
TILE = 106  # pixels: each patch lies within one tile of its photograph
SIZES = (1, 2, 3)  # pixels of the photograph across one pixel of a patch
HELD_OUT = 4  # one tile in so many is held out
DRAWN = 6  # patches drawn for each: the one with most contrast is kept, not the empty sky


def load_patches() -> Dataset:
    """Cut the patches, always the same: uint8 (n, 3, 32, 32), labels which photograph."""
    from sklearn.datasets import load_sample_image

    rng = np.random.default_rng(20_261_128)
    tiles = [_tiles(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    train = _cut([[t for i, t in enumerate(ts) if i % HELD_OUT] for ts in tiles], TRAIN, rng)
    test = _cut([ts[::HELD_OUT] for ts in tiles], TEST, rng)
    return Dataset("patches", SPEC, train, test, CLASSES, ABOUT)


def _tiles(photo: np.ndarray) -> list[np.ndarray]:
    """A photograph (height, width, 3) in squares of TILE pixels."""
    rows, columns = photo.shape[0] // TILE, photo.shape[1] // TILE
    return [
        photo[TILE * r : TILE * (r + 1), TILE * c : TILE * (c + 1)]
        for r in range(rows)
        for c in range(columns)
    ]


def _cut(tiles: list[list[np.ndarray]], n: int, rng: np.random.Generator) -> Split:
    """n patches out of the tiles of each photograph."""
    labels = rng.integers(0, len(tiles), n)
    x = np.empty((n, 3, SIDE, SIDE), np.uint8)
    for i, label in enumerate(labels):
        drawn = [_square(tiles[label], rng) for _ in range(DRAWN)]
        square = max(drawn, key=lambda s: s[:: len(s) // 8, :: len(s) // 8, 1].std())
        x[i] = _brought_to_size(square).round().transpose(2, 0, 1)
    return Split(torch.from_numpy(x), torch.from_numpy(labels))


def _square(tiles: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A square part of one of the tiles, (SIDE * size, SIDE * size, 3)."""
    side = SIDE * SIZES[rng.integers(len(SIZES))]
    top, left = rng.integers(0, TILE - side + 1, 2)
    return tiles[rng.integers(len(tiles))][top : top + side, left : left + side]


def _brought_to_size(square: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, 3): means over its pixels."""
    size = len(square) // SIDE
    return square.reshape(SIDE, size, SIDE, size, 3).mean((1, 3))


SOURCE = Source(
    "patches",
    "Photograph patches (scikit-learn)",
    ABOUT,
    SPEC,
    load_patches,
    "CC BY 2.0",
    stands_in=True,
)
