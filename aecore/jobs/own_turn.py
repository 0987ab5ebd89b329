"""The turn that this thread holds while it computes for a page, for those deep inside who have to
wait for something, or to let others have theirs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from aecore.evaluation.batches import between_parts
from aecore.jobs.slices import Place, slices

_here = threading.local()


@contextlib.contextmanager
def urgent(who: str) -> Iterator[None]:
    """Compute before all runs of this process, people in turn; what goes through many examples
    lets others in between its parts."""
    with slices().urgent(who) as place, between_parts(place.go_on):
        _here.place = place
        try:
            yield
        finally:
            _here.place = None


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Wait, or compute beside the others, without the turn, where this thread holds one: for what
    takes long in one piece, or takes a lock that somebody may hold who waits for his turn."""
    place: Place | None = getattr(_here, "place", None)
    with contextlib.nullcontext() if place is None else place.apart():
        yield
