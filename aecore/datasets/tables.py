"""Tables: columns standardised, a part held out, and those that ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from aecore.datasets.dataset import Column, Dataset, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

HELD_OUT = 0.2
_VALUES = 1 << 20  # that are float64 at a time


def standardise(
    train: np.ndarray, test: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[Column, ...]]:
    """Scale columns to mean 0 and standard deviation 1 over the training rows.

    train (n, f) and test (m, f) in any unit; what is float32 is scaled in place. Returns both as
    float32, and the columns with what undoes it; a column that is the same in every training row
    is only shifted (std 1).
    """
    mean = train.mean(0, dtype=np.float64)
    # Some rows at a time: as float64, a large table would take three times its memory.
    squares = sum(np.square(rows - mean).sum(0) for rows in _some_rows(train))
    std = np.sqrt(squares / len(train))
    # A constant column's deviation is not exactly 0 when its mean is rounded.
    std = np.where(std > 1e-12 * np.maximum(1, np.abs(mean)), std, 1.0)
    columns = tuple(Column(n, float(m), float(s)) for n, m, s in zip(names, mean, std, strict=True))
    scaled = [np.asarray(x, np.float32) for x in (train, test)]
    for x, out in zip((train, test), scaled, strict=True):
        for rows, into in zip(_some_rows(x), _some_rows(out), strict=True):
            into[...] = (rows - mean) / std
    return scaled[0], scaled[1], columns


def _some_rows(x: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, _VALUES // max(1, x.shape[1]))
    return (x[start : start + step] for start in range(0, len(x), step))


def held_out_rows(n: int, labels: np.ndarray | None, share: float, seed: int = 0) -> np.ndarray:
    """Choose rows to hold out, the same share of every class: a bool array (n,)."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(n, bool)
    groups = (
        [np.arange(n)] if labels is None else [np.flatnonzero(labels == c) for c in set(labels)]
    )
    for rows in sorted(groups, key=lambda rows: rows[0]):
        chosen[rng.permutation(rows)[: round(share * len(rows))]] = True
    return chosen


def shipped_table(
    name: str,
    title: str,
    *,
    about: str,
    columns: int,
    classes: int,
    licence: str,
    bunch: Callable[[], Any],
) -> Source:
    """A source of a table in scikit-learn's form. bunch: gives its data, names and targets."""
    spec = DataSpec((columns,), "table", classes)
    return Source(name, title, about, spec, partial(_load, name, spec, about, bunch), licence)


def _load(name: str, spec: DataSpec, about: str, bunch: Callable[[], Any]) -> Dataset:
    found = bunch()
    labels, class_names = None, ()
    if spec.classes:
        labels = found.target.astype(np.int64)
        class_names = tuple(str(c).replace("_", " ") for c in found.target_names)
    test = held_out_rows(len(found.data), labels, HELD_OUT)
    names = tuple(str(c).replace("_", " ") for c in found.feature_names)
    x_train, x_test, columns = standardise(found.data[~test], found.data[test], names)
    train, held_out = (
        Split(torch.from_numpy(x), None if labels is None else torch.from_numpy(labels[rows]))
        for x, rows in ((x_train, ~test), (x_test, test))
    )
    return Dataset(name, spec, train, held_out, class_names, about, columns)
