"""scikit-learn's small tables, standardised: wine, breast cancer, diabetes; they ship with it.

Sources: UCI 'Wine' (Forina et al.) and 'Breast Cancer Wisconsin (Diagnostic)' (Wolberg et al.),
CC BY 4.0; diabetes of Efron, Hastie, Johnstone and Tibshirani, 'Least angle regression' (2004).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from aecore.datasets.dataset import Column, Dataset, Split
from aecore.datasets.registry import Source, register
from aecore.types import DataSpec

HELD_OUT = 0.2


def standardise(
    train: np.ndarray, test: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[Column, ...]]:
    """Scale columns to mean 0 and standard deviation 1 over the training rows.

    train (n, f) and test (m, f) in any unit. Returns both as float32, and the columns with what
    undoes it; a column that is the same in every training row is only shifted (std 1).
    """
    mean, std = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)
    # A constant column's deviation is not exactly 0 when its mean is rounded.
    std = np.where(std > 1e-12 * np.maximum(1, np.abs(mean)), std, 1.0)
    columns = tuple(Column(n, float(m), float(s)) for n, m, s in zip(names, mean, std, strict=True))
    return (
        ((train - mean) / std).astype(np.float32),
        ((test - mean) / std).astype(np.float32),
        columns,
    )


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


def _load(name: str, spec: DataSpec, about: str) -> Dataset:
    from sklearn import datasets as sklearn_datasets

    if name == "diabetes":
        bunch = sklearn_datasets.load_diabetes(scaled=False)
        labels, class_names = None, ()
    else:
        bunch = getattr(sklearn_datasets, f"load_{name.replace('-', '_')}")()
        labels = bunch.target.astype(np.int64)
        class_names = tuple(str(c).replace("_", " ") for c in bunch.target_names)
    test = held_out_rows(len(bunch.data), labels, HELD_OUT)
    names = tuple(str(c).replace("_", " ") for c in bunch.feature_names)
    x_train, x_test, columns = standardise(bunch.data[~test], bunch.data[test], names)
    train, held_out = (
        Split(torch.from_numpy(x), None if labels is None else torch.from_numpy(labels[rows]))
        for x, rows in ((x_train, ~test), (x_test, test))
    )
    return Dataset(name, spec, train, held_out, class_names, about, columns)


def _register(name: str, title: str, about: str, columns: int, classes: int, licence: str) -> None:
    spec = DataSpec((columns,), "table", classes)
    load: Callable[[], Dataset] = partial(_load, name, spec, about)
    register(Source(name, title, about, spec, load, licence))


_register(
    "wine",
    "Wine (table)",
    "Chemical analyses of 178 Italian wines of three growers: 13 measurements each.",
    13,
    3,
    "CC BY 4.0",
)
_register(
    "breast-cancer",
    "Breast cancer (table)",
    "Cell nuclei in 569 biopsies, malignant or benign: 30 measurements each.",
    30,
    2,
    "CC BY 4.0",
)
_register(
    "diabetes",
    "Diabetes (table)",
    "442 diabetes patients: age, sex, body mass index, blood pressure and six blood values.",
    10,
    0,
    "from Efron et al. 2004, ships with scikit-learn",
)
