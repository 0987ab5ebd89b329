"""A dataset on its way into a child: by its name where everybody has it, else as one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.datasets.dataset import Column, Split
from aecore.types import DataSpec


def is_public(data: Dataset) -> bool:
    """Whether a child finds these data by their name: what ships, or was downloaded."""
    return data.name in datasets.all_sources() and datasets.load(data.name) is data


def writer(data: Dataset) -> Callable[[BinaryIO], None]:
    """What writes a dataset to an open file, from which `read` makes it again."""
    meta: dict[str, Any] = {
        "name": data.name,
        "spec": data.spec.to_json(),
        "class_names": data.class_names,
        "about": data.about,
        "columns": [asdict(column) for column in data.columns],
    }
    arrays = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
    for which, split in (("train", data.train), ("test", data.test)):
        arrays[f"{which}_x"] = split.x.numpy()
        if split.labels is not None:
            arrays[f"{which}_labels"] = split.labels.numpy()
    return lambda file: np.savez(file, allow_pickle=False, **arrays)


def read(file: BinaryIO) -> Dataset:
    """The dataset that `writer` wrote: our own words, from the app to its child."""
    with np.load(file, allow_pickle=False) as packed:
        arrays = {name: packed[name] for name in packed.files}
    meta = json.loads(arrays["meta"].tobytes())

    def split(which: str) -> Split:
        labels = arrays.get(f"{which}_labels")
        x = torch.from_numpy(arrays[f"{which}_x"])
        return Split(x, None if labels is None else torch.from_numpy(labels))

    return Dataset(
        meta["name"],
        DataSpec.from_json(meta["spec"]),
        split("train"),
        split("test"),
        tuple(meta["class_names"]),
        meta["about"],
        tuple(Column(**column) for column in meta["columns"]),
    )
