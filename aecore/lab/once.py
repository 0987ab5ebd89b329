"""What tasks of one process share and is made once in it: trained models, codes, a judge."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from aecore.datasets.registry import when_gone
from aecore.lab.control import LabControl

_POLL = 0.1  # seconds between two questions whether to stop, while somebody else makes it

Made = TypeVar("Made")
Step = TypeVar("Step")
#: Of what it is: the data's name and fingerprint, and all else that it depends on.
Key = tuple[str, ...]


class Once(Generic[Made]):
    """Things made once a process, by key, `most` of them kept; the longest unused goes first.

    Whoever asks for what somebody else makes just now waits for it, and may be stopped meanwhile.
    Nobody may change what he gets.
    """

    def __init__(self, most: int):
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[Key, Made] = OrderedDict()  # the latest used last
        self._making: dict[Key, threading.Lock] = {}
        when_gone(self.forget)

    def get(self, key: Key, control: LabControl, make: Callable[[], Made]) -> Made:
        """What there is by this key, made now if nothing is. Raises what `make` does, and
        Interrupted where it is stopped while it waits."""

        def at_once() -> Generator[None, None, Made]:
            return make()
            yield

        return end_of(self.steps(key, control, at_once))

    def steps(
        self, key: Key, control: LabControl, make: Callable[[], Generator[Step, None, Made]]
    ) -> Generator[Step, None, Made]:
        """The same for what is made in steps: yields them where it is made here, returns it."""
        with self._lock:
            busy = self._making.setdefault(key, threading.Lock())
        while True:
            # Apart: whoever makes it takes turns with those who wait.
            with control.apart():
                mine = busy.acquire(timeout=_POLL)
            if mine:
                break
            control.give_way()
        try:
            found = self._known(key)
            if found is None:
                found = yield from make()
                self._keep(key, found)
            return found
        finally:
            busy.release()

    def forget(self, name: str) -> None:
        """Give up what was made of data that are gone."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == name]:
                del self._kept[key]
                self._making.pop(key, None)

    def _known(self, key: Key) -> Made | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, made: Made) -> None:
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._most:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)


def end_of(steps: Generator[Any, None, Made]) -> Made:
    """Go through all steps of something; what they end with."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
