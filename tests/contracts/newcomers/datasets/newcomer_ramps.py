"""Ramps: images that brighten in one direction, which is all that is to know of them."""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Factors, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

SIDE = 8
DIRECTIONS = ("across", "down")
SPEC = DataSpec((1, SIDE, SIDE), classes=len(DIRECTIONS))
TRAIN, TEST = 400, 100
ABOUT = "Generated: 8 x 8 grey pixels that brighten across or down; 400 to train on, 100 held out."


def load() -> Dataset:
    rng = np.random.default_rng(7)
    n = TRAIN + TEST
    slope = rng.uniform(0.3, 1, n).astype(np.float32)
    across = slope[:, None, None] * np.tile(np.linspace(0, 1, SIDE, dtype=np.float32), (SIDE, 1))
    labels = np.arange(n) % 2
    images = np.where(labels[:, None, None] == 0, across, across.swapaxes(1, 2))
    x, y = torch.from_numpy(images[:, None]), torch.from_numpy(labels)
    factors = Factors(("slope",), slope[:TRAIN, None], slope[TRAIN:, None])
    train, test = Split(x[:TRAIN], y[:TRAIN]), Split(x[TRAIN:], y[TRAIN:])
    return Dataset(
        "newcomer-ramps", SPEC, train, test, DIRECTIONS, ABOUT, factors=factors, generated=True
    )


SOURCE = Source("newcomer-ramps", "Ramps (generated)", ABOUT, SPEC, load, "MIT", generated=True)
