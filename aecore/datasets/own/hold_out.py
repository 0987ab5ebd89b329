"""From what a reader found to data: what is there twice goes, a part is held out, tables scaled."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Split
from aecore.datasets.limits import Raw, check_enough
from aecore.datasets.own.array_values import arranged
from aecore.datasets.own.kept_file import PREFIX, OwnData
from aecore.datasets.tables import standardise
from aecore.errors import ConfigError, DatasetError
from aecore.types import DataSpec
from aecore.wording import count, short

HELD_OUT, HELD_OUT_LEAST = 0.15, 10


def own_data(raw: Raw, file: str) -> OwnData:
    """Leave out what is there twice, hold a part out, and standardise tables.

    raw: its arrays are used up. file: the name of the file, for a title. Raises DatasetError.
    """
    title = short(Path(file.replace("\\", "/")).name, 60) or "own data"
    notes = list(raw.notes)
    (x_train, y_train), (x_test, y_test) = _split(raw, notes)
    columns = ()
    if raw.kind == "table":
        x_train, x_test, columns = standardise(x_train, x_test, raw.columns)
    elif x_train.dtype != x_test.dtype:
        x_train, x_test = (_float(x) for x in (x_train, x_test))
    spec = DataSpec(tuple(x_train.shape[1:]), raw.kind, len(raw.class_names))
    try:
        spec.check()
    except ConfigError as error:
        raise DatasetError(str(error)) from error
    train, test = (
        Split(
            torch.from_numpy(np.ascontiguousarray(x)),
            None if y is None else torch.from_numpy(np.ascontiguousarray(y)),
        )
        for x, y in ((x_train, y_train), (x_test, y_test))
    )
    about = f"Own data from {title}: {len(x_train):,} to train on, {len(x_test):,} held out."
    data = Dataset("own", spec, train, test, raw.class_names, about, columns)
    # While they are not kept, data are called by what they are, so that others are never meant.
    digest = hashlib.sha256(f"{data.fingerprint} {title} {raw.class_names} {columns}".encode())
    for y in (y_train, y_test):
        digest.update(b"" if y is None else np.ascontiguousarray(y).data)
    name = f"{PREFIX}{digest.hexdigest()[:12]}"
    return OwnData(dataclasses.replace(data, name=name), tuple(notes), title)


def _float(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


Half = tuple[np.ndarray, np.ndarray | None]  # examples and their labels


def _split(raw: Raw, notes: list[str]) -> tuple[Half, Half]:
    """What to train on and what to hold out; nothing held out is also trained on."""
    # The file's own held-out rows come first: what they hold is not trained on.
    seen: set[bytes] = set()
    held = None if raw.x_test is None else _new_rows(raw.x_test, seen)
    rows = _new_rows(raw.x, seen)
    given = len(raw.x) + (0 if raw.x_test is None else len(raw.x_test))
    n = len(rows) + (0 if held is None else len(held))
    if n < given:
        raw.lost["the same as another"] = given - n
        notes.append(
            f"{count(given - n, 'example')} that {'is' if given - n == 1 else 'are'} there twice "
            "were left out: what is held out must not be trained on."
        )
    check_enough(n if len(rows) else 0, raw)
    if raw.x_test is not None and held is not None and len(held) >= HELD_OUT_LEAST:
        return _half(raw.x, raw.labels, rows), _half(raw.x_test, raw.labels_test, held)
    if held is not None:
        raw.x_test = raw.labels_test = None
        notes.append("The held-out examples of the file are too few: others are held out instead.")
        check_enough(len(rows), raw)
    order = np.random.default_rng(0).permutation(rows)
    n_held = max(HELD_OUT_LEAST, round(HELD_OUT * len(rows)))
    x, labels = _half(raw.x, raw.labels, np.concatenate([order[n_held:], order[:n_held]]))
    n_train = len(x) - n_held
    if labels is None:
        return (x[:n_train], None), (x[n_train:], None)
    return (x[:n_train], labels[:n_train]), (x[n_train:], labels[n_train:])


def _half(x: np.ndarray, labels: np.ndarray | None, rows: np.ndarray) -> Half:
    return arranged(x, rows), None if labels is None else labels[rows]


def _new_rows(x: np.ndarray, seen: set[bytes]) -> np.ndarray:
    """Indices of the rows that were not seen before; adds them to `seen`."""
    found = []
    for i, row in enumerate(x):
        key = hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()
        if key not in seen:
            seen.add(key)
            found.append(i)
    return np.array(found, np.int64)
