"""The answer to a browser that waits for a run's first step."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from aecore.errors import JobError
from aecore.jobs import engine
from aecore.runs.recording import Recording
from pages.shell import first_step


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    """What is known of a run that waits; the only one that there is."""
    found = Recording()

    def get(run_id: str) -> SimpleNamespace:
        if run_id != "r1":
            raise JobError("no such run")
        return SimpleNamespace(recording=found)

    monkeypatch.setattr(engine, "engine", lambda: SimpleNamespace(get=get))
    return found


def asked(run_id: str = "r1", later=None) -> int:
    """The status that a browser gets; later: called while it waits."""

    async def both() -> int:
        scope = {"type": "http", "path_params": {"run_id": run_id}}
        answer = asyncio.ensure_future(first_step.route().endpoint(Request(scope)))
        if later is not None:
            await asyncio.sleep(0.1)
            assert not answer.done()
            later()
        return (await answer).status_code

    return asyncio.run(both())


def test_the_answer_comes_with_the_step(recording: Recording):
    def step() -> None:
        recording.last_step = object()

    began = time.monotonic()
    assert asked(later=step) == 200
    assert time.monotonic() - began < first_step.PATIENCE


def test_a_run_that_ends_without_a_step_is_answered(recording: Recording):
    assert asked(later=lambda: recording.fail("its worker died")) == 200


def test_a_step_that_was_taken_is_answered_at_once(recording: Recording):
    recording.last_step = object()
    assert asked() == 200


def test_no_step_within_the_time_asks_again(recording: Recording, monkeypatch):
    monkeypatch.setattr(first_step, "PATIENCE", 0.1)
    assert asked() == 204


def test_an_unknown_run_is_not_waited_for(recording: Recording):
    assert asked("r2") == 404


@pytest.mark.parametrize(("base", "path"), [("", "/"), ("class", "/class/"), ("/a/b/", "/a/b/")])
def test_the_address_follows_the_servers_own(monkeypatch, base: str, path: str):
    monkeypatch.setattr(first_step.st, "get_option", lambda name: base)
    app = Starlette(routes=[first_step.route()])
    assert app.url_path_for("_answer", run_id="r1") == f"{path}{first_step.ADDRESS}r1"
