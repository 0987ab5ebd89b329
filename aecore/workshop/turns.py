"""Who is next: a few at a time, within one sum of memory, one person's second behind others'
first."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aecore.errors import AecoreError

MOST_WAITING = 100
LONGEST_WAIT = 600.0  # seconds
_LOOK = 0.5  # seconds between looks of those who wait, and so of `place`

Place = Callable[[int], None]


@dataclass(eq=False)
class _Ticket:
    who: str
    memory: int
    arrival: int
    running: bool = False


class Turns:
    """Lets pieces of work begin. at_once: how many; memory: bytes of all that run together."""

    def __init__(self, at_once: int, memory: int):
        self.at_once, self.memory = at_once, memory
        self._changed = threading.Condition()
        self._tickets: list[_Ticket] = []
        self._arrivals = itertools.count()

    @contextlib.contextmanager
    def turn(self, who: str, memory: int, place: Place | None = None) -> Iterator[None]:
        """Wait for a turn, and hold it. place is called with how many come before: while one waits
        about twice a second, and with 0 when it begins. What it raises ends the wait.

        Raises AecoreError where too many wait, or the wait is too long, and ValueError for more
        memory than there is.
        """
        if memory > self.memory:
            raise ValueError(f"{memory:,} bytes are more than all children may take together.")
        ticket = _Ticket(who, memory, next(self._arrivals))
        with self._changed:
            if len(self._tickets) >= MOST_WAITING:
                raise AecoreError(
                    f"{MOST_WAITING} people's files are being worked on; try again in a minute."
                )
            self._tickets.append(ticket)
        try:
            self._wait(ticket, place or (lambda ahead: None))
            yield
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def length(self) -> tuple[int, int]:
        """How many pieces of work are under way, and how many wait."""
        with self._changed:
            running = sum(ticket.running for ticket in self._tickets)
            return running, len(self._tickets) - running

    def _wait(self, ticket: _Ticket, place: Place) -> None:
        end = time.monotonic() + LONGEST_WAIT
        while True:
            with self._changed:
                if self._may_begin(ticket):
                    ticket.running = True
                    self._changed.notify_all()  # there may be room for the next as well
                    break
                ahead = self._ahead(ticket)
            place(ahead)  # not under the lock: it may take its time
            with self._changed:
                if not self._may_begin(ticket):
                    self._changed.wait(_LOOK)
            if time.monotonic() > end:
                raise AecoreError("Others' files take too long at the moment; try again later.")
        place(0)

    def _may_begin(self, ticket: _Ticket) -> bool:
        running = [t for t in self._tickets if t.running]
        room = self.memory - sum(t.memory for t in running)
        # The first in line goes first even if a later one would fit, or it might never.
        return len(running) < self.at_once and ticket.memory <= room and ticket is self._line()[0]

    def _ahead(self, ticket: _Ticket) -> int:
        return sum(t.running for t in self._tickets) + self._line().index(ticket)

    def _line(self) -> list[_Ticket]:
        """Those who wait, in order: by how much of their own is before, then by arrival."""

        def order(ticket: _Ticket) -> tuple[int, int]:
            own = [t for t in self._tickets if t.who == ticket.who and t is not ticket]
            return sum(t.running or t.arrival < ticket.arrival for t in own), ticket.arrival

        return sorted((t for t in self._tickets if not t.running), key=order)
