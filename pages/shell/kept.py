"""What sessions share instead of computing it again: bounded in bytes over all of them.

st.cache_resource counts entries, and one person's entry can be a thousand times another's.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Hashable, Mapping
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from threading import Condition
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np
import streamlit as st
import torch
from torch import nn

from aecore.byte_cache import ByteCache
from pages.shell.computing import still_there
from pages.shell.plain_text import own

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)
MB = 1 << 20
MOST_BYTES = 256 * MB  # of all that is kept without a bound of its own
LOOK = 0.2  # seconds between two looks of somebody who waits for another's result


def size_of(value: Any) -> int:
    """Bytes that a value holds: its arrays, tensors, networks and texts, each counted once."""
    return _size_of(value, set())


def _size_of(value: Any, seen: set[int]) -> int:
    if isinstance(value, nn.Module):
        return sum(_size_of(t, seen) for t in (*value.parameters(), *value.buffers()))
    while isinstance(value, np.ndarray) and isinstance(value.base, np.ndarray):
        value = value.base  # a view keeps the whole
    if isinstance(value, torch.Tensor):
        value = value.untyped_storage()
        mark, own = value.data_ptr(), value.nbytes()
    elif isinstance(value, np.ndarray):
        mark, own = id(value), value.nbytes
    else:
        mark, own = id(value), sys.getsizeof(value)
    if mark in seen:
        return 0
    seen.add(mark)
    return own + sum(_size_of(part, seen) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    """What a value is made of, beside itself."""
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, np.ndarray):
        return list(value.flat) if value.dtype.hasobject else []
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, torch.UntypedStorage | type | str | bytes | int | float | None):
        return []
    return list(vars(value).values()) if hasattr(value, "__dict__") else []


class ByteBounded:
    """Results by key, the longest unused given up first, so that together they stay below
    most_bytes. Safe from any thread; each result is made by one of those who ask, while the others
    wait for it. A result that is larger than the bound is handed out and not kept."""

    def __init__(self, most_bytes: int):
        self._kept: ByteCache[Hashable, tuple[Any]] = ByteCache(most_bytes, size_of)
        self._made_now: set[Hashable] = set()
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._kept.items())

    @property
    def bytes(self) -> int:
        """Bytes of all that is kept."""
        return self._kept.nbytes

    def has(self, key: Hashable) -> bool:
        """Whether a result is kept."""
        return self._kept.get(key) is not None

    def get(
        self, key: Hashable, make: Callable[[], Any], waiting: Callable[[], object] | None = None
    ) -> Any:
        """The result of this key, made by make() where it is not kept.

        What make raises is raised to the one who made; the next who waits then makes it. waiting:
        called a few times a second while another makes it; may raise to leave.
        """
        while True:
            with self._changed:
                found = self._kept.get(key)
                if found is not None:
                    return found[0]
                if key not in self._made_now:
                    self._made_now.add(key)
                    break
                self._changed.wait(LOOK)
            if waiting is not None:
                waiting()
        try:
            value = make()
            self._kept.put(key, (value,))
            return value
        finally:
            with self._changed:
                self._made_now.discard(key)
                self._changed.notify_all()

    def clear(self, wanted: Callable[[Hashable], bool] = lambda key: True) -> None:
        """Give up the results whose key is wanted, by default all."""
        for key, _ in self._kept.items():
            if wanted(key):
                self._kept.pop(key)


SHARED = ByteBounded(MOST_BYTES)


class Kept(Generic[P, T]):
    """A function whose results are kept, in `pot`. See kept()."""

    def __init__(self, function: Callable[P, T], pot: ByteBounded, spinner: str):
        self.function, self.pot, self.spinner = function, pot, spinner
        self.name = f"{function.__module__}.{function.__qualname__}"

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> T:
        """The function's result, made now where it is not kept."""
        key = self._key(arguments, named)

        def make() -> T:
            with st.spinner(own(self.spinner)) if self.spinner else nullcontext():
                return self.function(*arguments, **named)

        return self.pot.get(key, make, still_there)

    def known(self, *arguments: P.args, **named: P.kwargs) -> bool:
        """Whether a result is kept."""
        return self.pot.has(self._key(arguments, named))

    def _key(self, arguments: tuple, named: dict[str, Any]) -> Hashable:
        by_name = ((name, _key_of(value)) for name, value in sorted(named.items()))
        return (self.name, *map(_key_of, arguments), *by_name)

    def clear(self) -> None:
        """Give up what is kept of this function."""
        self.pot.clear(lambda key: isinstance(key, tuple) and key[0] == self.name)


def kept(
    most_bytes: int | None = None, spinner: str = ""
) -> Callable[[Callable[P, T]], Kept[P, T]]:
    """Decorator: a function's results are kept for all sessions, by its arguments.

    An argument with a `key`, as session.Hand has one, counts by that key: so the function works on
    the very model it is asked about, whatever is the newest meanwhile. Everything decorated shares
    one bound, MOST_BYTES; most_bytes gives it one of its own. spinner: said while a result is made.
    What comes back is shared: never change it.
    """

    pot = SHARED if most_bytes is None else ByteBounded(most_bytes)
    return lambda function: Kept(function, pot, spinner)


def _key_of(argument: Any) -> Any:
    return getattr(argument, "key", argument)
