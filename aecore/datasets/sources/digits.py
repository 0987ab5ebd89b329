"""scikit-learn's digits: 1,797 handwritten digits, 8 x 8, ships with scikit-learn.

Source: UCI 'Optical Recognition of Handwritten Digits', Alpaydin and Kaynak; CC BY 4.0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

SPEC = DataSpec((1, 8, 8), classes=10)
ABOUT = "Small handwritten digits, 8 x 8 grey pixels: 1,500 to train on, 297 held out."
TRAIN = 1500


def load_digits() -> Dataset:
    """Return the digits scaled from 0..16 to uint8 0..255, shuffled once with a fixed seed."""
    from sklearn.datasets import load_digits as sklearn_digits

    bunch: Any = sklearn_digits()
    # The file lists its writers one after the other: unshuffled, the test split would hold
    # writers that nobody trained on.
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = np.round(bunch.images[order] * (255 / 16)).astype(np.uint8).reshape(-1, *SPEC.shape)
    x, labels = torch.from_numpy(images), torch.from_numpy(bunch.target[order].astype(np.int64))
    train, test = Split(x[:TRAIN], labels[:TRAIN]), Split(x[TRAIN:], labels[TRAIN:])
    return Dataset("digits", SPEC, train, test, tuple(str(d) for d in range(10)), ABOUT)


SOURCE = Source("digits", "Small digits (scikit-learn)", ABOUT, SPEC, load_digits, "CC BY 4.0")
