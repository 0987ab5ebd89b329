"""Something that a process keeps, bounded in bytes: the longest unused goes first."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """Values by key, as many as fit into `most` bytes. nbytes: how many a value takes."""

    def __init__(self, most: int, nbytes: Callable[[Value], int]):
        self.most = most
        self._nbytes = nbytes
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()  # the latest used last

    def get(self, key: Key) -> Value | None:
        """The value, None where none is kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, unless it alone is larger than the bound."""
        size = self._nbytes(value)
        with self._lock:
            self._values.pop(key, None)
            if size > self.most:
                log.info("%.0f MB are not kept: above the bound of all", size / (1 << 20))
                return
            self._values[key] = value, size
            while self._total() > self.most:
                self._values.popitem(last=False)

    def pop(self, key: Key) -> None:
        """No longer keep a value."""
        with self._lock:
            self._values.pop(key, None)

    def items(self) -> list[tuple[Key, Value]]:
        """What is kept, the longest unused first."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._values.items()]

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        return sum(size for _, size in self._values.values())
