"""Who is let in: tabs by person, address and in all; the teacher's link; the closed door."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from aecore import places
from pages.shell import doors, teacher
from pages.shell.doors import Doors
from pages.shell.owner import COOKIE
from tests.loops import completed

SECRET = "a-secret-of-the-teacher"


def cookie(number: int) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={number:032x}"}


class Visitors:
    """Tabs before an app; each that is let in stays open until `leave`."""

    def __init__(self) -> None:
        self.let_in = 0
        self._open = asyncio.Event()
        self._tasks: list[asyncio.Task] = []
        self.doors = Doors(self._app)

    async def _app(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            self.let_in += 1
            await self._open.wait()
            self.let_in -= 1
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the app"})

    async def tab(self, headers: dict[str, str], address: str = "10.0.0.1") -> None:
        scope = self._scope(headers, address) | {"type": "websocket", "path": "/_stcore/stream"}
        coming = self.doors(scope, self._nothing, self._say)
        self._tasks.append(asyncio.create_task(coming))
        await asyncio.sleep(0)

    async def page(self, headers: dict[str, str], address: str = "10.0.0.1") -> tuple[int, str]:
        said: list[dict] = []

        async def send(message: dict) -> None:
            said.append(message)

        scope = self._scope(headers | {"accept": "text/html"}, address) | {"type": "http"}
        await self.doors(scope | {"method": "GET", "path": "/"}, self._nothing, send)
        return said[0]["status"], said[1]["body"].decode()

    async def leave(self) -> None:
        self._open.set()
        await asyncio.gather(*self._tasks)

    @staticmethod
    def _scope(headers: dict[str, str], address: str) -> dict[str, Any]:
        raw = [(k.encode(), v.encode()) for k, v in headers.items()]
        return {"headers": raw, "client": (address, 1)}

    @staticmethod
    async def _nothing() -> dict:
        return {}

    @staticmethod
    async def _say(message: dict) -> None:
        assert message["type"] == "websocket.close"


@pytest.fixture(autouse=True)
def server(monkeypatch, tmp_path):
    monkeypatch.setenv(places.RUNS_VARIABLE, str(tmp_path))
    monkeypatch.setenv(places.TEACHER_KEY_VARIABLE, hashlib.sha256(SECRET.encode()).hexdigest())


@pytest.mark.parametrize(
    ("headers_of", "most", "word"),
    [
        (lambda n: {}, doors.OF_PASSING, "allow cookies"),
        (lambda n: cookie(1), doors.OF_ONE, "close one of them"),
        (lambda n: cookie(n), 80, "full"),
    ],
    ids=["no cookie", "one cookie", "made-up cookies"],
)
def test_a_script_of_a_thousand_tabs_gets_few_and_others_find_a_place(
    headers_of, most: int, word: str, monkeypatch
):
    monkeypatch.setattr(doors, "of_all", lambda: 100)

    async def lesson() -> None:
        visitors = Visitors()
        for number in range(1000):
            await visitors.tab(headers_of(number))
        assert visitors.let_in == most
        status, text = await visitors.page(headers_of(2000))
        assert (status, word in text) == (503, True)
        assert (await visitors.page(cookie(5000), "10.0.0.2"))[0] == 200
        await visitors.tab(cookie(5000), "10.0.0.2")
        assert visitors.let_in == most + 1
        await visitors.leave()
        assert visitors.let_in == 0
        assert (await visitors.page(headers_of(2000)))[0] == 200
        assert not visitors.doors._people
        assert not visitors.doors._addresses

    completed(lesson())


def test_a_closed_door_lets_in_who_was_here_and_the_teacher(monkeypatch):
    known = f"{7:032x}"
    monkeypatch.setattr(doors, "_known", lambda who: who == known)

    async def lesson() -> None:
        visitors = Visitors()
        doors.door().turn(True)
        status, text = await visitors.page(cookie(8))
        assert (status, "door is closed" in text) == (503, True)
        assert (await visitors.page({}))[0] == 503
        assert (await visitors.page(cookie(7)))[0] == 200
        assert (await visitors.page({"cookie": f"{teacher.COOKIE}={SECRET}"}))[0] == 200
        assert (await visitors.page({"cookie": f"{teacher.COOKIE}=guess"}))[0] == 503
        doors.door().turn(False)
        assert (await visitors.page(cookie(8)))[0] == 200

    completed(lesson())


@pytest.mark.parametrize(
    ("client", "told", "address"),
    [
        ("10.0.0.9", "1.2.3.4", "10.0.0.9"),  # anybody may say that
        ("127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_a_proxy_on_this_machine_says_who_comes(client: str, told: str, address: str):
    headers = [(b"x-forwarded-for", told.encode())] if told else []
    assert doors.address_of({"client": (client, 1), "headers": headers}) == address


def test_the_link_gives_the_cookie_and_leaves_the_address(monkeypatch):
    def get(secret: str):
        scope = {"type": "http", "headers": [], "scheme": "http"}
        asked = Request(scope | {"path_params": {"secret": secret}})
        return completed(teacher._answer(asked))

    assert teacher.route().path == f"/{places.TEACHER_LINK}{{secret}}"
    wrong = get("guess")
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (404, False)
    right = get(SECRET)
    assert (right.status_code, right.headers["location"]) == (303, "../../teacher")
    given = right.headers["set-cookie"]
    assert "HttpOnly" in given
    assert teacher.is_teacher([f"x=1; {given.split(';')[0]}"])
    assert not teacher.is_teacher([f"{teacher.COOKIE}="])
    monkeypatch.delenv(places.TEACHER_KEY_VARIABLE)
    assert not teacher.is_teacher([f"{teacher.COOKIE}={SECRET}"])
    assert get(SECRET).status_code == 404


def test_people_are_counted_by_their_cookies(monkeypatch):
    tabs = {"s1": "a", "s2": "a", "s3": "b", "s4": None, "s5": None}
    monkeypatch.setattr(doors, "open_tabs", lambda who: tabs)
    assert doors.people_now() == 4


def test_streamlit_says_with_which_headers_a_tab_came(monkeypatch):
    from pages.shell import streamlit_internals as internals

    context = SimpleNamespace(headers=[("Cookie", f"{COOKIE}={3:032x}")])
    info = SimpleNamespace(
        session=SimpleNamespace(id="s"), client=SimpleNamespace(client_context=context)
    )
    manager = SimpleNamespace(list_active_sessions=lambda: [info])
    monkeypatch.setattr(internals, "_runtime", lambda: SimpleNamespace(_session_mgr=manager))
    assert internals.open_tabs(doors.owner_of_request) == {"s": f"{3:032x}"}
