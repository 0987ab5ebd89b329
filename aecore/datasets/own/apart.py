"""A person's file read in a child process that can be killed; what comes back is checked.

`look_at` gets a few examples to show, `read` all data to keep, `columns_of` a table's columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from aecore.datasets.dataset import Column, Dataset, Split
from aecore.datasets.limits import MAX_BYTES, MAX_CLASSES, MAX_COLUMNS
from aecore.datasets.own.kept_file import OwnData, split_in
from aecore.datasets.own.reading import column_names, read_upload
from aecore.datasets.own.store import is_own
from aecore.errors import AecoreError, DatasetError
from aecore.types import DataSpec
from aecore.wording import printable
from aecore.workshop import Made, Task, Tell, workshop
from aecore.workshop.turns import Place

SHOWN = 12  # examples that are looked at before the data are kept
_LONGEST = 600  # characters of a sentence
_MOST_NOTES = 50
_LARGEST = float(np.finfo(np.float32).max)

#: Two at a time fit into what all children may take.
MEMORY = MAX_BYTES + (240 << 20)
TASK = Task(
    "aecore.datasets.own.apart:make",
    seconds=30.0,
    memory=MEMORY,
    prepare="aecore.datasets.own.apart:prepare",
    doing="Reading your data",
    instead="upload fewer or smaller examples",
    error=DatasetError,
)


@dataclass(frozen=True)
class Preview:
    """Data that were read, with only some examples at hand.

    own: its dataset has `SHOWN` training examples, each class as often as the others, and one that
    is held out. train, test: how many examples there really are.
    """

    own: OwnData
    train: int
    test: int


def look_at(
    name: str,
    content: bytes | Path,
    choices: Mapping[str, Any],
    *,
    who: str = "",
    tell: Tell | None = None,
    place: Place | None = None,
) -> Preview:
    """What would become of a file: counts, notes and some examples.

    name, content, choices: as `read_upload` takes them. who, tell, place: see Workshop.run. Raises
    DatasetError with one sentence.
    """
    arguments = {"name": name, "choices": dict(choices), "shown": SHOWN}
    made = workshop().run(TASK, [content], arguments, who, tell, place)
    with _Checked():
        train, test = (made.about["examples"][which] for which in ("train", "test"))
        if not (type(train) is type(test) is int and min(train, test) > 0):
            raise ValueError("no numbers of examples")
        return Preview(_own(made), train, test)


def read(
    name: str,
    content: bytes | Path,
    choices: Mapping[str, Any],
    *,
    who: str = "",
    tell: Tell | None = None,
    place: Place | None = None,
) -> OwnData:
    """All data of a file, to keep them; as `look_at`."""
    arguments = {"name": name, "choices": dict(choices), "shown": 0}
    made = workshop().run(TASK, [content], arguments, who, tell, place)
    with _Checked():
        return _own(made)


def columns_of(
    content: bytes | Path, *, who: str = "", place: Place | None = None
) -> tuple[str, ...]:
    """The names of a table's columns; raises DatasetError."""
    made = workshop().run(TASK, [content], {"name": "", "columns": True}, who, place=place)
    with _Checked():
        return _texts(made.about["columns"], MAX_COLUMNS)


# -- in the child ----------------------------------------------------------------------------------


def prepare() -> None:
    """Import, once for all children, what reading needs."""
    import pandas  # noqa: F401
    from PIL import Image
    from torchvision.transforms.v2 import functional  # noqa: F401

    Image.init()


def make(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Read the file and hand on what was asked for."""
    if arguments.get("columns"):
        return Made({"columns": list(column_names(files[0]))})
    own = read_upload(arguments["name"], files[0], tell=tell, **arguments["choices"])
    data = own.dataset
    splits = {"train": data.train, "test": data.test}
    about = {
        "name": data.name,
        "title": own.title,
        "notes": list(own.notes),
        "spec": data.spec.to_json(),
        "class_names": list(data.class_names),
        "about": data.about,
        "columns": [dataclasses.asdict(column) for column in data.columns],
        "examples": {which: len(split) for which, split in splits.items()},
    }
    if arguments["shown"]:
        rows = torch.from_numpy(data.train.some_rows(arguments["shown"]))
        labels = None if data.train.labels is None else data.train.labels[rows]
        splits = {"train": Split(data.train.x[rows], labels), "test": data.test.first(1)}
    arrays = {}
    for which, split in splits.items():
        arrays[f"{which}_x"] = split.x.numpy()
        if split.labels is not None:
            arrays[f"{which}_labels"] = split.labels.numpy()
    return Made(about, arrays)


# -- in the app ------------------------------------------------------------------------------------


class _Checked:
    """Turns whatever does not fit together in an answer into one sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        wrong = (KeyError, TypeError, ValueError, IndexError, AttributeError, AecoreError)
        if isinstance(error, wrong):
            raise TASK.doubtful() from error


def _own(made: Made) -> OwnData:
    """The data in an answer, each part of it checked. Raises KeyError, TypeError or ValueError."""
    about = made.about
    spec = DataSpec.from_json(about["spec"])
    class_names = _texts(about["class_names"], MAX_CLASSES)
    columns = tuple(
        Column(_text(c["name"]), _finite(c["mean"]), _finite(c["std"])) for c in about["columns"]
    )
    if len(class_names) != spec.classes or len(columns) not in (0, spec.size):
        raise ValueError("the names do not fit the specification")
    train, test = (_split(made.arrays, which, spec) for which in ("train", "test"))
    if not is_own(_text(about["name"])):
        raise ValueError("a name of other data")
    data = Dataset(about["name"], spec, train, test, class_names, _text(about["about"]), columns)
    return OwnData(data, _texts(about["notes"], _MOST_NOTES), _text(about["title"]))


def _split(arrays: Mapping[str, np.ndarray], which: str, spec: DataSpec) -> Split:
    split = split_in(arrays, which, spec, spec.classes)
    if split.x.dtype == torch.float32:
        least, most = (0.0, 1.0) if spec.bounded else (-_LARGEST, _LARGEST)
        low, high = (float(edge) for edge in split.x.aminmax())  # NaN where one value is
        if not least <= low <= high <= most:
            raise ValueError("values outside their range")
    return split


def _texts(values: Any, most: int) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > most:
        raise ValueError("not a list, or too long a one")
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return printable(value)[:_LONGEST]


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise TypeError("not a number")
    return float(value)
