"""One thread of a process computes at a time: its runs take turns, fair by person, then by run.

Two trainings that compute at once on a core are slower than one after the other, and thirty that
wait in line leave thirty people before an empty curve. So a worker keeps many runs open, a thread
each, and one baton, that goes round by slices. Who holds it says between two steps that it may go
on (`Place.go_on`), which costs nothing while its slice lasts. Knows nothing of trainings.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SLICE = 0.3  # seconds
FIRST = 2.0  # seconds at most until a newcomer has shown something: on a full machine .3 do not do
SLOTS = 256  # threads of a worker: those that wait or are paused take one each, and nothing else
URGENT, NEW, PLAIN, BACKGROUND = range(4)  # who goes first
_BRIEF = SLICE / 6  # granted at once to who is told something, to pause or to end


@dataclass
class _Person:
    """What somebody's places have held the baton for, in all, and how many there are. floor: the
    least that one of them has had which wants it."""

    held: float
    places: int = 0
    floor: float = 0.0


@dataclass(eq=False)
class Place:
    """One thread's place among those that take turns; entered and left by that thread alone.

    Within `with place:` its thread computes, and nobody else does. All methods but `soon` are for
    that thread.
    """

    slices: Slices
    who: str
    run: str
    rank: int
    fresh: float  # seconds that come before all who had theirs
    held: float = 0.0
    due: float = math.inf  # until when it holds the baton; never, where it does not
    since: float = 0.0  # when it took it, or began to wait for it
    order: int = 0
    turn: threading.Condition = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.turn = threading.Condition(self.slices._lock)

    def __enter__(self) -> Place:
        self.slices._join(self)
        try:
            self.slices._take(self)
        except BaseException:  # the thread is made to end while it waits
            self.slices._leave(self)
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        self.slices._leave(self)

    def go_on(self) -> float:
        """Go on while the slice lasts, else when it is this place's turn again; the seconds waited.

        To be called where nothing is held that somebody else may wait for.
        """
        if self.slices.clock() < self.due:
            return 0.0
        return self.slices._pass_on(self)

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Wait for something, or compute beside the others, without the baton; it is taken again
        before those who only wait for their next slice."""
        self.slices._give_back(self)
        try:
            yield
        finally:
            if self.rank != BACKGROUND:
                self.fresh = max(self.fresh, _BRIEF)
            self.slices._take(self)

    def shown(self) -> None:
        """What a newcomer came first for is there: from now on it takes turns as all do."""
        if self.fresh:
            self.fresh, self.due = 0.0, min(self.due, self.slices.clock())

    def soon(self) -> None:
        """Somebody waits for what this place does next: give it a short turn before others'."""
        self.slices._hurry(self)


class Slices:
    """Who computes in this process, and who is next: the urgent, then newcomers, then whoever's
    person has had least, and of a person the run that has had least; the background last.

    length: seconds of a slice; first: at most, of a newcomer's, by default as long. clock: says the
    time in seconds.
    """

    def __init__(
        self,
        length: float = SLICE,
        clock: Callable[[], float] = time.perf_counter,
        first: float | None = None,
    ):
        self.length, self.clock, self.first = length, clock, first or length
        self._lock = threading.Lock()
        self._holder: Place | None = None
        self._waiting: list[Place] = []
        self._people: dict[tuple[bool, str], _Person] = {}
        self._floors = {True: 0.0, False: 0.0}  # of the urgent, and of runs
        self._count = 0

    def place(self, who: str, run: str, background: bool = False) -> Place:
        """A run's place: a context manager, within which it computes. A newcomer's first slice
        comes next, and lasts until it has `shown` something, FIRST seconds at most; what is in the
        background computes while nobody else wants to."""
        rank = BACKGROUND if background else PLAIN
        return Place(self, who, run, rank, 0.0 if background else self.first)

    def urgent(self, who: str) -> Place:
        """A place before all runs, for what somebody in front of a page waits for; people take
        turns, by slices too where `go_on` is called."""
        return Place(self, who, "", URGENT, 0.0)

    def waiting(self) -> int:
        """How many wait for the baton now."""
        with self._lock:
            return len(self._waiting)

    # Coming and going -------------------------------------------------------------------------

    def _join(self, place: Place) -> None:
        with self._lock:
            self._people.setdefault(_of(place), _Person(0.0)).places += 1

    def _leave(self, place: Place) -> None:
        with self._lock:
            self._put_down(place)
            person = self._people[_of(place)]
            person.places -= 1
            if not person.places:
                del self._people[_of(place)]

    def _take(self, place: Place) -> None:
        with self._lock:
            self._catch_up(place)
            self._wait(place)

    def _give_back(self, place: Place) -> None:
        with self._lock:
            self._put_down(place)

    def _pass_on(self, place: Place) -> float:
        with self._lock:
            now = self.clock()
            self._count_up(place, now)
            if not self._waiting:
                self._begin(place, now)
                return 0.0
            self._holder, place.due = None, math.inf
            self._wait(place)
            return self.clock() - now

    def _hurry(self, place: Place) -> None:
        with self._lock:
            if place in self._waiting:
                place.fresh = max(place.fresh, _BRIEF)
                self._interrupt(place)

    # With the lock ----------------------------------------------------------------------------

    def _wait(self, place: Place) -> None:
        """Stand in line until the baton comes."""
        place.since, self._count = self.clock(), self._count + 1
        place.order = self._count
        self._waiting.append(place)
        if self._holder is None:
            self._hand_on()
        else:
            self._interrupt(place)
        try:
            while self._holder is not place:
                place.turn.wait()
        finally:
            if place in self._waiting:  # the thread is made to end while it waits
                self._waiting.remove(place)

    def _interrupt(self, place: Place) -> None:
        """End the holder's slice at its next step where somebody comes before it."""
        holder = self._holder
        if holder is not None and _standing(place) < _standing(holder):
            holder.due = -math.inf

    def _put_down(self, place: Place) -> None:
        if self._holder is place:
            self._count_up(place, self.clock())
            self._holder, place.due = None, math.inf
            self._hand_on()

    def _hand_on(self) -> None:
        if self._waiting:
            place = min(self._waiting, key=self._key)
            self._waiting.remove(place)
            self._begin(place, self.clock())
            place.turn.notify()

    def _begin(self, place: Place, now: float) -> None:
        self._holder, place.since = place, now
        place.due = now + (place.fresh or self.length)
        # The least that anybody has had who wants it: it only grows.
        key, wanting = _of(place), [place, *self._waiting]
        person = self._people[key]
        person.floor = max(person.floor, min(p.held for p in wanting if _of(p) == key))
        same = (self._people[_of(p)].held for p in wanting if _of(p)[0] == key[0])
        self._floors[key[0]] = max(self._floors[key[0]], min(same))

    def _count_up(self, place: Place, now: float) -> None:
        spent = now - place.since
        place.since = now
        place.held += spent
        self._people[_of(place)].held += spent
        place.fresh = max(0.0, place.fresh - spent)

    def _catch_up(self, place: Place) -> None:
        """Who comes, or comes back, has saved nothing up while others had their turns."""
        key = _of(place)
        person = self._people[key]
        person.held = max(person.held, self._floors[key[0]])
        place.held = max(place.held, person.floor)

    def _key(self, place: Place) -> tuple:
        standing = _standing(place)
        if standing == NEW:
            return standing, place.order
        return standing, self._people[_of(place)].held, place.held, place.order


def _of(place: Place) -> tuple[bool, str]:
    """Whose account a place is on: what pages compute for somebody costs their runs nothing."""
    return place.rank == URGENT, place.who


def _standing(place: Place) -> int:
    return NEW if place.rank > URGENT and place.fresh > 0.0 else place.rank


_slices = Slices(first=FIRST)


def slices() -> Slices:
    """The process's one."""
    return _slices
