"""What a person may do to a run while it trains; read by the training loop before every step."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from aecore.errors import ConfigError

RATE_RANGE = (1e-6, 1.0)
BETA_RANGE = (0.0, 1000.0)


class Turn(Protocol):
    """What a training has that takes turns with others (see jobs.slices.Place)."""

    def go_on(self) -> float: ...

    def apart(self) -> contextlib.AbstractContextManager[None]: ...

    def soon(self) -> None: ...


class TrainControl:
    """Pause, resume, step, stop and change a running training from another thread.

    `learning_rate` and `beta` are None until somebody changes them; `threads` is the number of
    processor threads the run may use, None to leave it. A run paused for longer than
    `pause_limit` seconds stops, so that a forgotten one frees its place, and so does one for which
    `wanted()` says no. turn: where trainings take turns; before each step the loop then waits for
    its own. What it waits for is no time of training: `clock` leaves it out. looks: False where
    nobody watches between epochs. All methods but `wait` and those that the loop calls return at
    once.
    """

    def __init__(
        self,
        paused: bool = False,
        pause_limit: float = float("inf"),
        wanted: Callable[[], bool] = lambda: True,
        turn: Turn | None = None,
        looks: bool = True,
    ):
        self.looks = looks
        self.pause_limit, self.wanted = pause_limit, wanted
        self._turn = turn
        self._aside = 0.0
        self._changed = threading.Condition()
        self._paused = paused
        self._steps = 0  # steps allowed although paused
        self._to_epoch_end = False
        self.stopped = False
        self.learning_rate: float | None = None
        self.beta: float | None = None
        self.threads: int | None = None
        self.version = 0  # another whenever one of these three has changed

    @property
    def paused(self) -> bool:
        """Whether the run waits once the steps it was granted are done."""
        return self._paused

    @property
    def stepping(self) -> bool:
        """Whether the step under way was granted alone, so that somebody waits to see it."""
        return self._paused and not self._to_epoch_end

    def pause(self) -> None:
        with self._changed:
            self._paused, self._steps, self._to_epoch_end = True, 0, False
            self._changed.notify_all()
        self._soon()

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Do one step, then wait."""
        with self._changed:
            self._paused, self._steps = True, self._steps + 1
            self._changed.notify_all()
        self._soon()

    def epoch(self) -> None:
        """Go on to the end of this epoch, then wait."""
        with self._changed:
            self._paused, self._to_epoch_end = True, True
            self._changed.notify_all()
        self._soon()

    def stop(self) -> None:
        """End the run after the step under way, keeping what it learned."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()
        self._soon()

    def change(self, **values: Any) -> None:
        """Set learning_rate, beta or threads from the next step on; ConfigError if impossible."""
        for name, value in values.items():
            if name == "threads":
                value = max(1, int(value))
            else:
                low, high = RATE_RANGE if name == "learning_rate" else BETA_RANGE
                if not low <= value <= high:
                    raise ConfigError(f"{name} must be from {low:g} to {high:g}; it was {value}.")
            setattr(self, name, value)
        self.version += 1

    def _soon(self) -> None:
        if self._turn is not None:
            self._turn.soon()

    # For the loop ---------------------------------------------------------------------------

    def clock(self) -> float:
        """Seconds that count as training, by a clock of which only differences mean anything."""
        return time.perf_counter() - self._aside

    def set_aside(self, seconds: float) -> None:
        """Leave out so many seconds just gone: nothing was trained in them."""
        self._aside += seconds

    def give_way(self) -> None:
        """Let others have their turn, if it is theirs."""
        if self._turn is not None:
            self.set_aside(self._turn.go_on())

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Wait, or compute what others wait for too, beside those who take turns. None of it is
        time of training."""
        began = time.perf_counter()
        with self._turn.apart() if self._turn is not None else contextlib.nullcontext():
            yield
        self.set_aside(time.perf_counter() - began)

    def may_step(self) -> bool:
        """Take the permission for one step, if there is one, when it is the run's turn."""
        self.give_way()
        if not (self._paused or self.stopped):
            return True
        with self._changed:
            if self.stopped:
                return False
            if not self._paused or self._to_epoch_end:
                return True
            if self._steps:
                self._steps -= 1
                return True
            return False

    def epoch_ended(self) -> None:
        """Called by the loop: a granted epoch is used up."""
        with self._changed:
            self._to_epoch_end = False

    def wait(self, timeout: float) -> None:
        """Sleep until something changes, at most `timeout` seconds."""
        with self._changed:
            if self._paused and not self._steps and not self._to_epoch_end and not self.stopped:
                self._changed.wait(timeout)
