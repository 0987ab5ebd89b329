"""The workers as computers for pages: which one is asked, what it has already, and its answer."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aecore.errors import JobError
from aecore.jobs import works
from aecore.jobs.cluster import Workers, is_loss
from aecore.jobs.in_hand import InHand, packed
from aecore.jobs.parcel import Parcel

log = logging.getLogger(__name__)
LIMIT = 180.0  # seconds for one computation, with those of others before it
FIRST = 10  # Dask's priority: before runs that wait for a place
_LOOK = 0.5  # seconds between two looks whether anybody still wants it
_READY = "aecore.jobs.views:ready"


class Lost(Exception):
    """The process that computed was ended."""


class Abandoned(Exception):
    """Nobody waits any more."""


class PageWorkers:
    """Hands computations to the workers. Safe from any thread.

    A worker is asked once it has imported what pages need; until then, and where there is none, the
    app computes by itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None  # whose workers the rest is about
        self._ready: dict[str, Any] = {}  # Dask's future of each worker's being ready
        self._busy: Counter[str] = Counter()
        self._sent: dict[str, set[str]] = {}  # marks of the models that a worker was sent
        self._last: dict[str, str] = {}  # the worker that each model was last asked of

    def compute(
        self,
        workers: Workers,
        name: str,
        arguments: tuple[Any, ...],
        who: str,
        wanted: Callable[[], bool],
    ) -> tuple[Any] | None:
        """What the function "module:function" gives on a worker; None where this process has to
        do it: no worker is ready, or none has the data.

        who: people take turns. wanted: asked now and then. Raises Lost, Abandoned, what the
        function raises, and JobError where it takes longer than LIMIT.
        """
        try:
            client = workers.client
            known = list(client.scheduler_info()["workers"])
        except (JobError, OSError, TimeoutError, RuntimeError, AttributeError) as error:
            log.debug("no workers for pages: %s", error)
            return None
        parcels = [packed(a) if isinstance(a, InHand) else a for a in arguments]
        marks = [p.mark for p in parcels if isinstance(p, Parcel)]
        address = self._chosen(client, known, marks)
        if address is None:
            return None
        try:
            how, what = self._asked(client, address, name, parcels, who, wanted)
        finally:
            with self._lock:
                self._busy[address] -= 1
        if how == works.REFUSED:
            raise what
        return (what,) if how == works.MADE else None

    def _chosen(self, client: Any, known: list[str], marks: list[str]) -> str | None:
        """The least busy worker of those that are ready; the one that knows the model, of several.

        Its place is taken.
        """
        with self._lock:
            if client is not self._client:
                self._client, self._busy = client, Counter()
                self._ready, self._sent = {}, {}
            for address in set(self._ready) - set(known):
                del self._ready[address]
                self._sent.pop(address, None)
            for address in set(known) - set(self._ready):
                order = pickle.dumps((_READY, [], ""))
                self._ready[address] = _submit(client, order, address, False)
            ready = [a for a, future in self._ready.items() if future.status == "finished"]
            if not ready:
                return None
            last = self._last.get(marks[0]) if marks else None
            address = min(ready, key=lambda a: (self._busy[a], a != last))
            self._busy[address] += 1
            if marks:
                self._last.pop(marks[0], None)
                self._last[marks[0]] = address
                while len(self._last) > 1000:
                    self._last.pop(next(iter(self._last)))
            return address

    def _asked(
        self,
        client: Any,
        address: str,
        name: str,
        parcels: list[Any],
        who: str,
        wanted: Callable[[], bool],
    ) -> tuple[str, Any]:
        """The worker's answer; models that it was sent before go without their weights, first."""
        with self._lock:
            met = self._sent.setdefault(address, set())
        for again in (False, True):
            light = [_without_weights(p) if not again and _mark(p) in met else p for p in parcels]
            order = pickle.dumps((name, light, who), protocol=5)
            how, what = self._answered(_submit(client, order, address, True), wanted)
            with self._lock:
                met.update(filter(None, map(_mark, parcels)))
            if (how, what) != (works.LACKING, "weights"):
                break
        return how, what

    def _answered(self, future: Any, wanted: Callable[[], bool]) -> tuple[str, Any]:
        done, end = threading.Event(), time.monotonic() + LIMIT
        future.add_done_callback(lambda _: done.set())
        while not done.wait(_LOOK):
            late = time.monotonic() > end
            if late or not wanted():
                future.cancel()
                if not late:
                    raise Abandoned
                raise JobError(
                    f"This was not computed within {LIMIT:.0f} seconds: many people's work is "
                    "before it. Try again in a minute."
                )
        if future.status == "finished":
            try:
                return pickle.loads(future.result(timeout=LIMIT))  # from our own worker
            except (OSError, TimeoutError) as error:
                raise Lost from error
        if future.status == "error" and not is_loss(future):
            raise future.exception()
        log.warning("a worker was lost while it computed for a page")
        raise Lost


def _submit(client: Any, order: bytes, address: str, elsewhere: bool) -> Any:
    return client.submit(
        works.carry_out,
        order,
        workers=[address],
        allow_other_workers=elsewhere,
        pure=False,
        priority=FIRST,
        retries=0,
    )


def _mark(argument: Any) -> str | None:
    return argument.mark if isinstance(argument, Parcel) else None


def _without_weights(parcel: Parcel) -> Parcel:
    return dataclasses.replace(parcel, content=None)
