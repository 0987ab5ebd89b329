"""Weights from files of torch.save, new (zip) and old: weights_only, after a look at all names."""

from __future__ import annotations

import argparse
import io
import pickle
import types
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.archive import Archive
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.foreign import scikit_learn
from aecore.inspection.files.limits import MAX_DEPTH, MAX_HEADER_BYTES, MAX_VALUES, Budget
from aecore.inspection.files.nested import find_weights
from aecore.inspection.files.pickles import (
    LIGHTNING_DICTS,
    check_acting,
    check_names,
    foreign_names,
    scan,
)
from aecore.inspection.files.standins import Held, released, stand_ins
from aecore.inspection.files.tidy import tidy
from aecore.workshop.child import out_of_memory

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")  # how files older than torch 1.6 begin


def _joined(*parts: object) -> str:
    """In place of a path: its text."""
    return "/".join(map(str, parts)).replace("//", "/", 1)


def _empty(*_: object) -> dict:
    """In place of a defaultdict, whose items torch's reader would not set."""
    return {}


def _inert() -> list[Any]:
    """Classes that hold data only, beyond those that torch allows by itself."""
    numpy_types = {type(np.dtype(kind)) for kind in "?bhilqBHILQefdSU"}
    # What NumPy's own pickles name, asked of two of its values: its modules for it are private.
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
    return [
        argparse.Namespace,
        types.SimpleNamespace,
        OrderedDict,
        dict,
        list,
        tuple,
        np.ndarray,
        np.dtype,
        *numpy_types,
        *((scalar, f"numpy.{c}.multiarray.scalar") for c in ("core", "_core")),
        *((reconstruct, f"numpy.{c}.multiarray._reconstruct") for c in ("core", "_core")),
        *((_joined, f"pathlib.{kind}Path") for kind in ("Posix", "Windows", "PurePosix", "")),
        (_empty, "collections.defaultdict"),
        *((dict, f"{module}.AttributeDict") for module in LIGHTNING_DICTS),
    ]


def read_torch_zip(file: BinaryIO, archive: Archive) -> Contents:
    """Read an open archive that torch.save wrote; raises CheckpointError with one sentence."""
    return _contents(load_zip(file, archive))


def load_zip(file: BinaryIO, archive: Archive) -> Any:
    """What is in an open archive that torch.save wrote. Raises CheckpointError."""
    names = archive.names()
    if "constants.pkl" in names or any(n.startswith("code/") for n in names):
        raise CheckpointError(
            "The file is a TorchScript program, which is never run here; without its class, "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pt') writes its weights down, "
            "and torch.export.save of the model also says how they join."
        )
    listed = archive.read("data.pkl", MAX_HEADER_BYTES)
    asked = scan(io.BytesIO(listed)).names
    check_acting(asked)
    return _load(file, [archive.size(n) for n in names if n.startswith("data/")], asked)


def read_torch_legacy(file: BinaryIO) -> Contents:
    """Read an open file in torch.save's old format; raises CheckpointError with one sentence."""
    file.seek(0)
    found = [scan(file) for _ in range(5)]  # magic, version, system, the object, the storages
    for one in found:
        check_acting(one.names)
    if found[2].little_endian is False:
        raise CheckpointError(
            "The file was written by a machine that orders the bytes of numbers the other way; "
            "open it there with torch.load and save it again as .safetensors."
        )
    size = file.seek(0, io.SEEK_END)
    return _contents(_load(file, [size], [name for one in found for name in one.names]))


def read_plain_pickle(file: BinaryIO) -> Contents:
    """Refuse a pickle that torch.save did not write; raises CheckpointError, always."""
    file.seek(0)
    names = scan(file).names
    check_acting(names)
    estimator = scikit_learn(names)
    if estimator is not None:
        raise CheckpointError(estimator)
    check_names(names)
    raise CheckpointError(
        "The file is a plain pickle, which is never opened here; where it was made, save the "
        "weights with torch.save(model.state_dict(), 'weights.pt') or as .safetensors."
    )


def _load(file: BinaryIO, sizes: list[int], asked: list[tuple[str, str]]) -> Any:
    """What torch.load makes of a file under weights_only. Raises CheckpointError.

    sizes: bytes of each part of the file that holds values. asked: (module, name) of what its
    pickles ask for; what is nobody's here gets a stand-in.
    """
    held = stand_ins(foreign_names(asked))
    file.seek(0)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_inert() + held):
            warnings.simplefilter("ignore")
            value = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        check_names(asked)  # a whole model in the old format: the sentence that names its class
        raise CheckpointError(
            "The file holds more than weights, or is damaged, and torch's safe reader refuses it; "
            "save it again with torch.save(model.state_dict(), 'weights.pt')."
        ) from error
    except Exception as error:  # torch's reader meets a hostile file in many ways
        if out_of_memory(error):
            raise MemoryError from error
        raise CheckpointError(
            "The file is damaged or of a kind that cannot be read; save or download it again."
        ) from error
    # torch believes what the list of contents says of a part's length, and would read beyond it.
    storages = {}
    for leaf in _leaves(value):
        if isinstance(leaf, Tensor) and not leaf.is_meta and leaf.layout == torch.strided:
            storage = leaf.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    if sum(storages.values()) > sum(sizes) or max(storages.values(), default=0) > max(sizes or [0]):
        raise CheckpointError(
            "The file lies about the size of its tensors: they would need more values than it "
            "holds; copy or download it again."
        )
    return value


def _leaves(value: Any) -> Iterator[Any]:
    """Everything inside dictionaries and lists, without recursion; raises CheckpointError."""
    todo: list[tuple[Any, int]] = [(value, 0)]
    seen = 0
    while todo:
        item, depth = todo.pop()
        seen += 1
        if depth > MAX_DEPTH:
            raise CheckpointError(
                f"The file's contents are nested more than {MAX_DEPTH} levels deep, which no "
                "model's are; save only model.state_dict()."
            )
        if seen > MAX_VALUES:
            raise CheckpointError(
                f"The file holds more than {MAX_VALUES:,} values beside its tensors; save only "
                "model.state_dict()."
            )
        if isinstance(item, argparse.Namespace | types.SimpleNamespace):
            item = vars(item)
        if isinstance(item, Held):
            item = item.inner
        if isinstance(item, Mapping):
            todo += [(part, depth + 1) for part in item.values()]
        elif isinstance(item, list | tuple | set):
            todo += [(part, depth + 1) for part in item]
        else:
            yield item


def _contents(value: Any) -> Contents:
    taken_apart: list[str] = []
    found = find_weights(released(value, taken_apart))
    budget = Budget()
    tensors = {}
    while found.tensors:  # let go one by one, so that large files are not in memory twice
        name = next(iter(found.tensors))
        value = budget.tensor(name, found.tensors.pop(name))
        if value is not None:
            tensors[name] = value
    tensors, notes = tidy(tensors)
    form = "lightning" if found.lightning else "torch"
    return Contents(
        form,
        tensors,
        True,
        found.facts,
        notes=(*taken_apart[:3], *found.notes, *budget.notes, *notes),
    )
