"""Who is let in: so many tabs for a person, for an address and in all, and nobody new at all while
the teacher has closed the door.

Each tab is a session in the server's memory, and a script opens a thousand. An ASGI middleware
counts their websockets; a browser that finds no place gets a page of one sentence, which tries
again by itself.
"""

from __future__ import annotations

import contextlib
import html
import threading
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from aecore import places
from pages.shell.owner import cookies_of, owner_of_request
from pages.shell.streamlit_internals import open_tabs
from pages.shell.teacher import is_teacher

OF_ONE = 12  # tabs of one browser
OF_PASSING = 24  # of all browsers without a cookie together
BYTES_EACH = 16 << 20  # of memory that a tab is reckoned with; measured: a few
SHARE_OF_MEMORY = 0.25  # of the machine's, for all tabs
LEAST_OF_ALL = 200  # a class of thirty with some tabs each, behind one address, on a small server
SHARE_OF_ADDRESS = 0.8  # of all places: a school may be one address, and others find a place still
TRY_AGAIN = 15  # seconds
_STREAM = "_stcore/stream"


@cache
def of_all() -> int:
    """Tabs that the server has places for."""
    memory = psutil.virtual_memory().total
    return max(LEAST_OF_ALL, int(SHARE_OF_MEMORY * memory) // BYTES_EACH)


class Door:
    """Whether somebody new is let in: a file in the runs' folder, so that it holds for all replicas
    and over a restart."""

    def __init__(self, place: Path):
        self.place = place

    @property
    def closed(self) -> bool:
        return self.place.exists()

    def turn(self, closed: bool) -> None:
        """Close or open the door."""
        if closed:
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.place.touch(mode=0o600)
        else:
            self.place.unlink(missing_ok=True)


def door() -> Door:
    """This server's door."""
    return Door(places.door_closed())


def people_now() -> int:
    """How many people have a tab open here; each tab without a cookie counts as one."""
    owners = list(open_tabs(owner_of_request).values())
    return len(set(owners) - {None}) + owners.count(None)


def _known(cookie: str | None) -> bool:
    """Whether a browser was here before."""
    from aecore.jobs.engine import engine  # late: it brings torch
    from aecore.runs.run import owner_key

    if cookie is None:
        return False
    return engine().library.quota.visits.last(owner_key(cookie)) is not None


class Doors:
    """ASGI middleware that counts tabs by their websockets and refuses those beyond the bounds."""

    def __init__(self, app: Any):
        self.app = app
        self._lock = threading.Lock()
        self._people: Counter[str | None] = Counter()
        self._addresses: Counter[str] = Counter()

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and scope["path"].endswith(_STREAM):
            await self._tab(scope, receive, send)
        elif scope["type"] == "http" and _is_page(scope) and (why := self.refusal(scope)):
            await _answer(send, why)
        else:
            await self.app(scope, receive, send)

    async def _tab(self, scope: dict, receive: Any, send: Any) -> None:
        who, address = owner_of_request(scope), address_of(scope)
        with self._lock:
            refused = bool(self.refusal(scope))
            if not refused:
                self._people[who] += 1
                self._addresses[address] += 1
        if refused:
            await receive()  # a handshake is answered after it was heard
            await send({"type": "websocket.close", "code": 1013})
            return
        try:
            await self.app(scope, receive, send)
        finally:
            with self._lock:
                self._people[who] -= 1
                self._addresses[address] -= 1
                self._people, self._addresses = +self._people, +self._addresses  # no zeros stay

    def refusal(self, scope: dict) -> str:
        """Why a request for one more tab is refused, in a sentence; "" where it is not."""
        who = owner_of_request(scope)
        if is_teacher(cookies_of(scope)):
            return ""
        if who is None and self._people[None] >= OF_PASSING:
            return (
                f"{OF_PASSING} tabs without a cookie are open, and there is no place for more of "
                "them; allow cookies for this address, or come back when others have left."
            )
        if who is not None and self._people[who] >= OF_ONE:
            return f"This browser has {OF_ONE} tabs open here; close one of them first."
        most = of_all()
        here = self._people.total()
        full = here >= most or self._addresses[address_of(scope)] >= SHARE_OF_ADDRESS * most
        if full and (who is None or not self._people[who]):
            return (
                f"This server is full: {here:,} tabs are open. There is a place as soon as "
                "somebody leaves."
            )
        if not self._people[who] and door().closed and not _known(who):
            return "The door is closed: nobody new is let in just now. Ask your teacher."
        return ""


def address_of(scope: dict) -> str:
    """The address that a request comes from; a proxy on this machine is believed."""
    client = (scope.get("client") or ("",))[0]
    if client in ("127.0.0.1", "::1"):
        with contextlib.suppress(KeyError):
            told = dict(scope.get("headers", []))[b"x-forwarded-for"].decode("latin-1")
            return told.split(",")[-1].strip()
    return client


def _is_page(scope: dict) -> bool:
    accepts = dict(scope.get("headers", [])).get(b"accept", b"")
    # The teacher's link is let through: it is how the door is opened again.
    link = places.TEACHER_LINK in scope["path"]
    return scope.get("method") == "GET" and b"text/html" in accepts and not link


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{again}">
<title>Autoencoders, live</title>
<body style="font:1.2rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem">
<p>{why}</p><p style="opacity:.7">This page tries again every {again} seconds.</p>"""


async def _answer(send: Any, why: str) -> None:
    text = _PAGE.format(why=html.escape(why), again=TRY_AGAIN).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"retry-after", b"%d" % TRY_AGAIN),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": text})
