"""The answer to a browser that waits for the first frame of a run."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from aecore.errors import JobError
from aecore.jobs import engine
from aecore.runs.recording import Recording
from aecore.runs.store import owner_key
from pages.components import first_frame, run_view
from pages.shell.owner import COOKIE

ANNA, TOKEN = "a" * 32, "b" * 24


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    """What is known of a run that waits; the only one that there is, Anna's."""
    found = Recording()
    run = SimpleNamespace(run_id="r1", owner=owner_key(ANNA), recording=found)

    def get(run_id: str) -> SimpleNamespace:
        if run_id != "r1":
            raise JobError("no such run")
        return run

    def watched(token: str) -> SimpleNamespace | None:
        return run if token == TOKEN else None

    monkeypatch.setattr(run_view, "frame_of_run", lambda run: {"run": "r1"})
    monkeypatch.setattr(engine, "engine", lambda: SimpleNamespace(get=get, watched=watched))
    return found


def asked(name: str = "r1", later=None, cookie: str = ANNA) -> int:
    """The status that a browser gets, by default Anna's; later: called while it waits."""

    async def both() -> int:
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
        scope = {"type": "http", "path_params": {"name": name}, "headers": headers}
        answer = asyncio.ensure_future(first_frame.route().endpoint(Request(scope)))
        if later is not None:
            await asyncio.sleep(0.1)
            assert not answer.done()
            later()
        return (await answer).status_code

    # In a thread of its own: Playwright's tests leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, both()).result()


def test_the_answer_comes_with_the_first_measurement(recording: Recording):
    def measured() -> None:
        recording.probes.append((128, 0.1, 0.2))

    began = time.monotonic()
    assert asked(later=measured) == 200
    assert time.monotonic() - began < first_frame.PATIENCE


def test_a_run_that_ends_without_one_is_answered(recording: Recording):
    assert asked(later=lambda: recording.fail("its worker died")) == 200


def test_what_was_measured_is_answered_at_once(recording: Recording):
    recording.probes.append((128, 0.1, 0.2))
    assert asked() == 200


def test_nothing_within_the_time_asks_again(recording: Recording, monkeypatch):
    monkeypatch.setattr(first_frame, "PATIENCE", 0.1)
    assert asked() == 204


def test_an_unknown_run_is_not_waited_for(recording: Recording):
    assert asked("r2") == 404


@pytest.mark.parametrize("cookie", ["", "f" * 32])
def test_the_id_alone_shows_nobody_the_run_and_the_watch_link_does(recording, cookie: str):
    recording.probes.append((128, 0.1, 0.2))
    assert asked(cookie=cookie) == 404
    assert asked(TOKEN, cookie=cookie) == 200
    assert asked("0" * 24, cookie=cookie) == 404


@pytest.mark.parametrize(("base", "path"), [("", "/"), ("class", "/class/"), ("/a/b/", "/a/b/")])
def test_the_address_follows_the_servers_own(monkeypatch, base: str, path: str):
    monkeypatch.setattr(first_frame.st, "get_option", lambda name: base)
    app = Starlette(routes=[first_frame.route()])
    assert app.url_path_for("_answer", name="r1") == f"{path}{first_frame.ADDRESS}r1"
