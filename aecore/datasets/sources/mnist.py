"""MNIST, whole: 60,000 training and 10,000 test images of handwritten digits, 28 x 28.

LeCun, Cortes and Burges; licence CC BY-SA 3.0 (see mnist.LICENSE.md). The packed file is made by
scripts/pack_mnist.py from the four original IDX files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

FILE = Path(__file__).with_name("mnist.npz")
SPEC = DataSpec((1, 28, 28), classes=10)
ABOUT = "Handwritten digits, 28 × 28 grey pixels: 60,000 to train on, 10,000 held out."


def load_mnist() -> Dataset:
    """Read the packed file: uint8 images (n, 1, 28, 28) and int64 labels."""
    with np.load(FILE, allow_pickle=False) as packed:
        splits = {
            name: Split(
                torch.from_numpy(packed[f"{name}_images"]).reshape(-1, *SPEC.shape),
                torch.from_numpy(packed[f"{name}_labels"].astype(np.int64)),
            )
            for name in ("train", "test")
        }
    names = tuple(str(d) for d in range(10))
    return Dataset("mnist", SPEC, splits["train"], splits["test"], names, ABOUT)


SOURCE = Source("mnist", "MNIST digits", ABOUT, SPEC, load_mnist, "CC BY-SA 3.0")
