"""A dataset at a glance: some of its examples in one picture, and what two numbers keep of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from aecore.datasets import Dataset
from aecore.evaluation.beside import pca_reconstruction
from aecore.figures.examples import frame_of
from aecore.figures.images import as_image, grid
from aecore.figures.preview import CELL, pictures_of, png, rows_of
from aecore.models.families.pca import basis_of

COLUMNS, ROWS = 4, 2  # of a mosaic
SHOWN = 5  # examples beside what PCA keeps of them


@dataclass(frozen=True)
class TwoNumbers:
    """Held-out examples and what PCA makes of them with k components: pictures, as files.

    kept: share of the held-out examples' variance about the training mean, of 1. count: how many
    held-out examples that is of.
    """

    originals: tuple[bytes, ...]
    redrawn: tuple[bytes, ...]
    kept: float
    count: int
    k: int


def mosaic(data: Dataset) -> bytes:
    """Some training examples in one picture, each class as often as the others: PNG or SVG."""
    rows = data.train.some_rows(COLUMNS * ROWS)
    x = data.train.batch(torch.from_numpy(rows)).numpy()
    frame = frame_of(data)
    if frame.kind == "image":
        cells = []
        for one in x:
            picture = Image.fromarray(as_image(one))
            if max(picture.size) > CELL:
                picture = picture.resize((CELL, CELL), Image.Resampling.BOX)
            cells.append(np.asarray(picture))
        return png(Image.fromarray(grid(cells, COLUMNS)))
    parts = []
    for i, picture in enumerate(pictures_of(frame, x)):
        at = f'<svg x="{i % COLUMNS * (CELL + 8)}" y="{i // COLUMNS * (CELL + 8)}" '
        parts.append(re.sub("^<svg ", at, picture.decode()))
    wide, tall = COLUMNS * (CELL + 8) - 8, -(-len(parts) // COLUMNS) * (CELL + 8) - 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" '
        f'height="{tall}">{"".join(parts)}</svg>'
    ).encode()


def two_numbers(data: Dataset, k: int = 2) -> TwoNumbers:
    """What PCA of the training examples keeps of held-out ones with k numbers each."""
    basis, frame = basis_of(data, k), frame_of(data)
    x = data.test.batch(torch.from_numpy(rows_of(data, SHOWN)))
    return TwoNumbers(
        pictures_of(frame, x.numpy()),
        pictures_of(frame, pca_reconstruction(basis, x, k).numpy()),
        1 - basis.mse(k) / max(basis.mse(0), 1e-12),
        len(data.test),
        basis.at(k),
    )
