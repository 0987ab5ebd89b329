"""What stands in for classes that only somebody's own code has: nothing of that code is run.

A stand-in keeps the values that a pickle gives its object, and does nothing. Of a whole pickled
module the weights then are taken by the names that its state dict would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from aecore.inspection.files.limits import MAX_DEPTH
from aecore.wording import short


class Held:
    """An object of a class that is not here: its state as the pickle gives it."""

    called = ""

    def __new__(cls, *given: Any, **named: Any) -> Held:
        held = super().__new__(cls)
        held.state = None
        return held

    def __init__(self, *given: Any, **named: Any):
        """Takes whatever its class was called with, and leaves it."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return self.called

    @property
    def inner(self) -> Mapping[Any, Any]:
        """Its attributes by name, empty where it has none."""
        whole = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        return whole if isinstance(whole, Mapping) else {}


def stand_ins(names: Iterable[tuple[str, str]]) -> list[tuple[type[Held], str]]:
    """One class for each (module, name), as torch.serialization.safe_globals takes them."""
    found = []
    for module, name in dict.fromkeys(names):
        cls = type("Held", (Held,), {"called": short(name)})
        found.append((cls, f"{module}.{name}"))
    return found


def released(value: Any, notes: list[str], levels: int = MAX_DEPTH) -> Any:
    """A value without stand-ins: modules as their state dicts, anything else as its class's name.

    notes: gets a sentence for each module that was taken apart.
    """
    if isinstance(value, Held):
        if _is_module(value):
            tensors: dict[str, Tensor] = {}
            _take(value, "", tensors, levels)
            notes.append(
                f"The file holds a whole pickled model of the class {value.called}: its code was "
                f"not run, and its weights were taken by name. Its layers: {_layers(value)}."
            )
            return tensors
        return value.called
    if levels == 0:
        return None
    if isinstance(value, Mapping):
        return {k: released(v, notes, levels - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [released(v, notes, levels - 1) for v in value]
    return value


def _is_module(held: Held) -> bool:
    return isinstance(held.inner.get("_modules"), Mapping)


def _take(held: Held, prefix: str, found: dict[str, Tensor], levels: int) -> None:
    """The tensors of a module by the names of its state dict, in its order."""
    inner = held.inner
    kept_out = inner.get("_non_persistent_buffers_set") or ()
    for group in ("_parameters", "_buffers"):
        values = inner.get(group)
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, Tensor) and not (group == "_buffers" and name in kept_out):
                found[f"{prefix}{name}"] = value
    for name, module in inner["_modules"].items():
        if isinstance(module, Held) and _is_module(module) and levels:
            _take(module, f"{prefix}{name}.", found, levels - 1)


def _layers(held: Held, most: int = 24) -> str:
    """The classes of the innermost modules in the order in which they were made."""
    names: list[str] = []
    todo = [held]
    while todo and len(names) <= most:
        module = todo.pop()
        children = [m for m in module.inner["_modules"].values() if _held_module(m)]
        if not children and module is not held:
            names.append(module.called)
        todo += children[::-1]
    shown = ", ".join(names[:most])
    return shown + (" and more" if len(names) > most else "")


def _held_module(value: Any) -> bool:
    return isinstance(value, Held) and _is_module(value)
