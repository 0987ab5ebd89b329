"""Sentences as numbers: docstrings of Python's library, embedded by a language model.

All-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang et al. 2020) made each a row of 384 numbers:
sentences that mean the like lie near each other. Packed by scripts/sentences.py in eight bits a
number; licences: see sentences.LICENSE.md.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.tables import held_out_rows
from aecore.errors import DatasetError
from aecore.types import DataSpec

FILE = Path(__file__).with_name("sentences.npz")
NAME = "sentences"
SIZE = 384  # numbers of an embedding
HELD_OUT = 1 / 7
ABOUT = (
    "Sentences from the documentation of Python's library, each as 384 numbers that a language "
    "model gave it."
)


@dataclass(frozen=True)
class Sentences:
    """texts: n of them; places: what each documents ("statistics.mean"). rows: (n, 384) float32 of
    length 1. held_out: (n,) bool, those that nothing is fitted to."""

    texts: tuple[str, ...]
    places: tuple[str, ...]
    rows: np.ndarray
    held_out: np.ndarray

    def order(self) -> np.ndarray:
        """Which sentence each example of `sentence_data` is: (n,), training before held out."""
        return np.concatenate([np.flatnonzero(~self.held_out), np.flatnonzero(self.held_out)])


@functools.cache
def sentences() -> Sentences:
    """The sentences that ship, read once a process; nobody may change them.

    Raises DatasetError where the file is missing or damaged.
    """
    try:
        with np.load(FILE, allow_pickle=False) as packed:
            texts, places = (
                tuple(packed[name].tobytes().decode("utf-8").split("\n"))
                for name in ("texts", "places")
            )
            rows = packed["codes"].astype(np.float32) * packed["scale"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"The sentences could not be read ({error}); get the file again from a fresh copy of "
            "the project."
        ) from error
    # Rounding changed each length a little, and by it which rows are nearest.
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Sentences(texts, places, rows, held_out_rows(len(rows), None, HELD_OUT))


@functools.cache
def sentence_data() -> Dataset:
    """The embeddings as a dataset: six of seven to train on, one held out.

    All are multiplied by one number, so that the mean square of a value is 1, as of a table's
    columns; what is near what stays as it is.
    """
    found = sentences()
    train, test = (
        Split(torch.from_numpy(found.rows[rows] * np.float32(SIZE**0.5)))
        for rows in (~found.held_out, found.held_out)
    )
    return Dataset(NAME, DataSpec((SIZE,), "table"), train, test, about=ABOUT)
