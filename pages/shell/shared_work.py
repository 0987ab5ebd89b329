"""Work on files that several people wait for, or one who is away for a moment: done once, by a
thread that belongs to none of their sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aecore.workshop import Tell
from aecore.workshop.turns import Place
from pages.shell.computing import still_there

Result = TypeVar("Result")
AWAY = 20.0  # seconds that work goes on, and its result is held, for nobody: a tab that reloads
LOOK = 0.3  # seconds between two looks at how far it is


class _Nobody(Exception):
    """Ends the work from within: everybody who waited is gone."""


@dataclass(eq=False)
class _Shared:
    """One piece of work: how far it is, and who waits."""

    result: Future[Any] = field(default_factory=Future)
    ahead: int = 0
    said: tuple[float, str] | None = None
    waiting: int = 0
    left: float = 0.0  # when the last one went

    def tell(self, share: float, what: str) -> None:
        self.ahead, self.said = 0, (share, what)
        self._for_whom()

    def place(self, ahead: int) -> None:
        self.ahead = ahead
        self._for_whom()

    def _for_whom(self) -> None:
        if self.forsaken():
            raise _Nobody

    def forsaken(self) -> bool:
        return not self.waiting and time.monotonic() - self.left > AWAY


_lock = threading.Lock()
_under_way: dict[Hashable, _Shared] = {}


def join(key: Hashable, work: Callable[[Tell, Place], Result], tell: Tell, place: Place) -> Result:
    """The result of the work of this key, which is begun where there is none.

    tell(share, what) and place(ahead): called in this thread as it goes on; what they raise ends
    the waiting alone. What the work raises is raised to all who wait.
    """
    with _lock:
        for old in [k for k, one in _under_way.items() if one.result.done() and one.forsaken()]:
            del _under_way[old]
        shared = _under_way.get(key)
        begun = shared is None or (shared.result.done() and shared.result.exception() is not None)
        if shared is None or begun:
            shared = _under_way[key] = _Shared()
        shared.waiting += 1
    if begun:
        threading.Thread(
            target=_do, args=(shared, work), name="aecore-shared-work", daemon=True
        ).start()
    came = False
    try:
        result = _waited(shared, tell, place)
        came = True
        return result
    finally:
        with _lock:
            shared.waiting -= 1
            shared.left = time.monotonic()
            # The result is the caller's to keep; here it is held for those who are still to come.
            if came and not shared.waiting and _under_way.get(key) is shared:
                del _under_way[key]


def _waited(shared: _Shared, tell: Tell, place: Place) -> Any:
    while True:
        try:
            return shared.result.result(LOOK)
        except NotYet:
            if shared.result.done():
                return shared.result.result()
        still_there()
        if shared.ahead:
            place(shared.ahead)
        elif shared.said is not None:
            tell(*shared.said)


def _do(shared: _Shared, work: Callable[[Tell, Place], Any]) -> None:
    try:
        shared.result.set_result(work(shared.tell, shared.place))
    except BaseException as error:  # whatever it is, those who wait raise it
        shared.result.set_exception(error)
