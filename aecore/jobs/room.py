"""How many runs a worker keeps open: as many as its memory has room for; the others wait.

Imports no torch by itself: a worker process says how much it has before it needs any.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aecore.errors import Interrupted
from aecore.types import ModelSpec, TrainConfig

SHARE = 0.6  # of a worker's memory; the rest is for what it imports, the data and the event loop
_COPIES = 10  # of a model's weights: gradients, Adam's two, two to go back to, and two checkpoints
_FLOAT = 4  # bytes
BESIDE = 8 << 20  # bytes of a run beside its model: its looks, its thread, its events
_LOOK = 0.5  # seconds between two questions whether the run is still wanted


def needs(spec: ModelSpec, config: TrainConfig) -> int:
    """Bytes that a run takes at the most while it trains, by shapes alone; the data left out."""
    from aecore.models.registry import shape_only
    from aecore.models.sizes import sizes_of

    model = shape_only(spec)
    weights = sum(t.numel() for t in (*model.parameters(), *model.buffers()))
    between = 2 * sizes_of(model).nbytes * config.batch_size  # values, and their gradients
    return BESIDE + _COPIES * _FLOAT * weights + between


@dataclass(eq=False)
class _Want:
    who: str
    size: int


class Room:
    """Bytes that runs share. budget: how many there are; without limit until somebody says so."""

    def __init__(self, budget: float = float("inf")):
        self.budget = budget
        self._changed = threading.Condition()
        self._open: list[_Want] = []
        self._waiting: list[_Want] = []  # who came first stands first

    @property
    def scarce(self) -> bool:
        """Whether somebody waits for room."""
        return bool(self._waiting)

    @contextlib.contextmanager
    def taken(self, who: str, size: int, wanted: Callable[[], bool]) -> Iterator[None]:
        """Wait until there is room for a run of so many bytes, and keep it. Whose person has fewest
        runs open comes first, then who came first; a run for which there is never room runs alone.

        Raises Interrupted when `wanted()` says no meanwhile.
        """
        want = _Want(who, size)
        with self._changed:
            self._waiting.append(want)
            try:
                while not self._may_come(want):
                    self._changed.wait(_LOOK)
                    if not wanted():
                        raise Interrupted("The run was withdrawn before there was room for it.")
                self._open.append(want)
            finally:
                self._waiting.remove(want)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._open.remove(want)
                self._changed.notify_all()

    def _may_come(self, want: _Want) -> bool:
        first = min(self._waiting, key=lambda w: sum(o.who == w.who for o in self._open))
        used = sum(o.size for o in self._open)
        return first is want and (used + want.size <= self.budget or not self._open)


_room = Room()


def room() -> Room:
    """The process's one."""
    return _room
