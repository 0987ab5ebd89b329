"""The kinds of layers there are. A new one is one file in `kinds/`, found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from torch import nn

from aecore.models.layers.entry import LayerEntry
from aecore.models.layers.operation import Operation

_entries: dict[type[nn.Module], LayerEntry[Any]] = {}


def register(entry: LayerEntry[Any]) -> LayerEntry[Any]:
    """Make a kind of layer known, also to all who look it up by a class that computes the same.

    Raises ValueError if another layer, or another operation, has its name.
    """
    for other in _entries.values():
        if other.name == entry.name and other.layer is not entry.layer:
            raise ValueError(f"There already is a layer called {entry.name}.")
        for mine, theirs in ((m, t) for m in entry.operations for t in other.operations):
            if mine.key == theirs.key and mine is not theirs and other.name != entry.name:
                raise ValueError(f"There already is an operation called {mine.key}.")
    for cls in (entry.layer, *entry.same):
        _entries[cls] = entry
    return entry


def all_layers() -> dict[str, LayerEntry[Any]]:
    """Every kind by name, in alphabetical order."""
    _look_through(tuple(_kinds().__path__))
    found = {entry.name: entry for entry in list(_entries.values())}
    return dict(sorted(found.items()))


def entry_called(name: str) -> LayerEntry[Any] | None:
    """The kind of layer that has a name."""
    _look_through(tuple(_kinds().__path__))
    return next((entry for entry in _entries.values() if entry.name == name), None)


def entry_of(layer: nn.Module) -> LayerEntry[Any] | None:
    """What is known about a layer, by its class or the nearest one that it derives from."""
    _look_through(tuple(_kinds().__path__))
    return next((_entries[cls] for cls in type(layer).__mro__ if cls in _entries), None)


def call(layer: nn.Module, encoder: Sequence[nn.Module]) -> str | None:
    """The call that makes a layer in a script, `nn.Linear(784, 128)`; None where none can.

    encoder: the layers that a tied one may refer to.
    """
    entry = entry_of(layer)
    arguments = entry.script(layer, encoder) if entry and entry.is_exactly(layer) else None
    if entry is None or arguments is None:
        return None
    return f"{entry.name if entry.own else f'nn.{entry.name}'}({', '.join(arguments)})"


def layers_within(layer: nn.Module) -> Iterator[nn.Module]:
    """A layer that computes by itself, as it is; of one that holds others, these and itself last,
    in the order in which they run."""
    entry = entry_of(layer)
    if entry is not None and entry.inner is not None:
        for way in entry.inner(layer):
            for inner in way:
                yield from layers_within(inner)
    yield layer


def operations() -> dict[str, Operation]:
    """Every operation that a layer may become in the browser, by key."""
    return {o.key: o for entry in all_layers().values() for o in entry.operations}


def _kinds() -> Any:
    return importlib.import_module("aecore.models.layers.kinds")


@cache
def _look_through(path: tuple[str, ...]) -> None:
    """Import every file of the folders; each registers its layers."""
    for name in sorted(module.name for module in pkgutil.iter_modules(path)):
        importlib.import_module(f"aecore.models.layers.kinds.{name}")
