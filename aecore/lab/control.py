"""How a task is stopped and takes turns, in whichever process it is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from aecore.errors import Interrupted
from aecore.evaluation.batches import between_parts
from aecore.training.control import TrainControl, Turn

T = TypeVar("T")
_LOOK = 0.1  # seconds between two questions whether it is still wanted


class LabControl:
    """turn: where tasks take turns with others. wanted: says no once nobody wants the task."""

    def __init__(self, turn: Turn | None = None, wanted: Callable[[], bool] = lambda: True):
        self._turn, self._wanted = turn, wanted
        self._asked, self._trainings = 0.0, []
        self.stopped = False

    def stop(self) -> None:
        """End the task at its next `give_way`, or training step."""
        self.stopped = True
        for training in self._trainings:
            training.stop()

    def give_way(self) -> None:
        """Let others have their turn, if it is theirs. Raises Interrupted where it is to end."""
        now = time.monotonic()
        if now - self._asked > _LOOK:
            self._asked = now
            if not self._wanted():
                self.stop()
        if self.stopped:
            raise Interrupted("The experiment was stopped.")
        if self._turn is not None:
            self._turn.go_on()

    def training(self, looks: bool = False) -> TrainControl:
        """The same for the training loop. Whoever goes through its events calls `give_way` too.
        looks: between epochs at how the model is coming along."""
        training = TrainControl(turn=self._turn, looks=looks)
        if self.stopped:
            training.stop()
        self._trainings.append(training)
        return training

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Wait, or compute what others wait for too, beside those who take turns."""
        with self._turn.apart() if self._turn is not None else contextlib.nullcontext():
            yield

    def between(self) -> contextlib.AbstractContextManager[None]:
        """Give way between the pieces of what goes through many examples meanwhile."""
        return between_parts(self.give_way)


def waited(call: Callable[[], T], control: LabControl) -> T:
    """What a call gives that takes seconds within a library and cannot give way itself: it is made
    in a thread of its own, and one that nobody wants any more is left to end there."""
    pool = ThreadPoolExecutor(1)
    found = pool.submit(call)
    pool.shutdown(wait=False)
    while not wait([found], _LOOK).done:
        control.give_way()
    return found.result()
