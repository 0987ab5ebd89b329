"""Long computing for a page, away from its script: on the training workers, or apart in this
process where there are none.

A script's thread only waits, and leaves when its session has gone or wants something else. Or it
does not wait: `in_time` ends the run of the script, and the page runs again when it is done.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from aecore.errors import JobError
from aecore.jobs.in_hand import InHand
from aecore.jobs.page_workers import Abandoned, Lost, PageWorkers
from pages.shell import access
from pages.shell.again import run_again
from pages.shell.streamlit_internals import session_id

P = ParamSpec("P")
T = TypeVar("T")
LOOK = 0.2  # seconds between two looks whether anybody still waits
GRACE = 0.3  # seconds from its beginning that scripts wait; longer would hold up whole sessions
AT_ONCE = 0.05  # and that it waits for what it can do without for now
RETURN = 0.7  # seconds between two questions of a browser whether it is done
PATIENT = 10.0  # seconds after the last of them that a computation is still wanted
FETCHED = 30.0  # seconds that a result lies ready for those who asked for it
HERE = 2  # computations at a time in this process
_GENTLE = 10  # their nice: pages that are drawn go first


@dataclass(eq=False)
class _Work:
    """One computation, whoever waits for it."""

    key: Hashable
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    who: str
    result: Future[Any] = field(default_factory=Future)
    begun: float = field(default_factory=time.monotonic)
    waiting: int = 0
    patient: float = 0.0  # until when somebody who asks again is expected to

    def wanted(self) -> bool:
        return self.waiting > 0 or time.monotonic() < self.patient


_lock = threading.Lock()
_under_way: dict[Hashable, _Work] = {}
_ready: dict[Hashable, tuple[float, _Work]] = {}  # done, until they are fetched: since when
_workers = PageWorkers()


def apart(function: Callable[P, T], *arguments: P.args, **none: P.kwargs) -> T:
    """What a function of aecore gives, computed elsewhere for the person in front of the page.

    arguments: models in hand, and what can be pickled. Two who ask for the same at once wait for
    one computation. It is begun again once where its process is lost. Raises what the function
    raises, and JobError where it is lost twice, or takes too long.
    """
    with _waiting(_joined(function, arguments)) as work:
        while not _is_done(work, LOOK):
            still_there()
        return work.result.result()


def in_time(function: Callable[P, T], *arguments: P.args, **none: P.kwargs) -> T:
    """What `apart` gives, where it is there within GRACE seconds of its beginning. Else this run of
    the script, or of the fragment, ends here, and the page runs again when it is done.

    For what a page shows whenever it runs: what a press of a button begins would be forgotten.
    Outside of a script it waits.
    """
    with _waiting(_joined(function, arguments)) as work:
        end = work.begun + GRACE  # who runs again meanwhile has waited for it once
        while not _is_done(work, min(LOOK, max(end - time.monotonic(), 0))):
            still_there()
            if time.monotonic() > end and session_id() is not None:
                work.patient = time.monotonic() + PATIENT
                break
        else:
            return work.result.result()
    st.caption(":material/hourglass_top: This is being computed …")
    st.fragment(_ask_again, run_every=RETURN)(work)
    st.stop()


def prepared(function: Callable[P, T], *arguments: P.args, **none: P.kwargs) -> bool:
    """Whether `apart` would give this at once; if not, it is begun, for whoever asks again within
    PATIENT seconds. Outside of a script it waits."""
    with _waiting(_joined(function, arguments)) as work:
        work.patient = time.monotonic() + PATIENT
        return _is_done(work, AT_ONCE if session_id() is not None else None)


def when_prepared(every: float, function: Callable, *arguments: Any) -> None:
    """Run the page again when this is `prepared`, for which is asked every so many seconds."""
    st.fragment(_again_when_prepared, run_every=every)(function, *arguments)


def _again_when_prepared(function: Callable, *arguments: Any) -> None:
    if prepared(function, *arguments):
        run_again()


def _ask_again(work: _Work) -> None:
    """For a fragment: run the page again when it is done."""
    if work.result.done():
        run_again()
    work.patient = time.monotonic() + PATIENT


def _is_done(work: _Work, seconds: float | None) -> bool:
    """Whether it is done within so many seconds; None: however long it takes."""
    wait([work.result], seconds)
    return work.result.done()


@contextlib.contextmanager
def _waiting(work: _Work) -> Iterator[_Work]:
    """Have a work, whose waiter is counted, done for that long."""
    try:
        yield work
    finally:
        with _lock:
            work.waiting -= 1
            if not work.wanted() and _under_way.get(work.key) is work:
                del _under_way[work.key]


def still_there() -> None:
    """Leave the script, by Streamlit's own exception, where its session has gone or wants another
    run; nothing outside of a script."""
    if session_id() is not None:
        # Any look at the state is a point where Streamlit ends a script. It sends nothing.
        _ = "computing" in st.session_state


def _joined(function: Callable, arguments: tuple) -> _Work:
    """The computation of this, which is begun where there is none; its waiter is counted."""
    who = access.owner() if session_id() is not None else ""
    key: Hashable = (
        function,
        *((a.key, a.label) if isinstance(a, InHand) else a for a in arguments),
    )
    try:
        hash(key)
    except TypeError:  # an array is asked about by one only
        key = object()
    with _lock:
        _tidy()
        known = _under_way.get(key) or _ready.get(key, (0.0, None))[1]
        work = known or _under_way.setdefault(key, _Work(key, function, arguments, who))
        work.waiting += 1  # before it begins: it ends where nobody waits
    if known is None:
        threading.Thread(
            target=_carry_out, args=(work,), name="aecore-page-work", daemon=True
        ).start()
    return work


def _carry_out(work: _Work) -> None:
    try:
        work.result.set_result(_anywhere(work))
    except BaseException as error:  # whatever it is, those who wait raise it
        work.result.set_exception(error)
    finally:
        with _lock:
            if _under_way.get(work.key) is work:
                del _under_way[work.key]
            if work.patient and not isinstance(work.result.exception(), Abandoned):
                _ready[work.key] = time.monotonic(), work


def _tidy() -> None:
    """Give up what nobody fetched. Called with the lock."""
    for key, (since, _) in list(_ready.items()):
        if time.monotonic() - since > FETCHED:
            del _ready[key]


def _anywhere(work: _Work) -> Any:
    name = f"{work.function.__module__}:{work.function.__qualname__}"
    for _ in range(2):
        with contextlib.suppress(Lost):
            found = _workers.compute(
                access.jobs().workers, name, work.arguments, work.who, work.wanted
            )
            return _here(work) if found is None else found[0]
    raise JobError(
        "The process that computed this was ended twice, perhaps for want of memory; look at fewer "
        "examples, or try again in a minute."
    )


# In this process -----------------------------------------------------------------------------


def _gently() -> None:
    import torch

    torch.set_num_threads(1)
    if sys.platform.startswith("linux"):  # where a thread has a nice of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GENTLE)


_pool = ThreadPoolExecutor(HERE, "aecore-page-work-here", _gently)


def _here(work: _Work) -> Any:
    def compute() -> Any:
        if not work.wanted():
            raise Abandoned
        return work.function(*work.arguments)

    return _pool.submit(compute).result()
