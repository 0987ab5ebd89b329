"""The stream of a live run: who may read it, and that nothing is missing, twice or too much."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from aecore.errors import JobError
from aecore.jobs import engine
from aecore.runs.store import Run, owner_key
from aecore.training.events import Changed, EpochDone, Finished, LayerLook, Probe, Started, StepDone
from aecore.types import DataSpec, ModelSpec, TrainConfig
from pages.components import run_frame, run_stream
from pages.shell.owner import COOKIE
from tests.loops import completed

ANNA, TOKEN = "a" * 32, "b" * 24
SERIES = ("heldout", "whole", "train", "changes")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that waits; the only one that there is, Anna's, watched by a token."""
    spec = ModelSpec("dense-vae", DataSpec((1, 4, 4)), 2, {"hidden": (8,)})
    found = Run("r" + "1" * 12, owner_key(ANNA), "", spec, TrainConfig(epochs=9), "mnist")
    found.watch = TOKEN
    found.recording.wait()

    def get(run_id: str) -> Run:
        if run_id != found.run_id:
            raise JobError("no such run")
        return found

    def watched(token: str) -> Run | None:
        return found if token == found.watch else None

    store = SimpleNamespace(all=lambda: [found], epochs=lambda run: {})
    fake = SimpleNamespace(get=get, watched=watched, ahead_of=lambda run: 0, store=store)
    monkeypatch.setattr(engine, "engine", lambda: fake)
    return found


def look(at: int, error: float = 0.1, size: int = 16) -> StepDone:
    rng = np.random.default_rng(at)
    reconstructions = rng.integers(0, 256, (10, size), np.uint8)
    layer = LayerLook("encoder", (3,), 3, np.array([0, at % 256, 255], np.uint8), -1.0, 2.0, 0.1)
    places = rng.normal(size=(50, 2)).astype("f4")
    probe = Probe(error, 0.05, places, reconstructions, 2, layers=(layer,))
    return StepDone(at, 0, 100 * at, at / 10, 1000.0, 1.0, probe)


def epoch(number: int) -> EpochDone:
    probe = look(50 * number).probe
    assert probe is not None
    at = 5000 * number
    return EpochDone(number, 50 * number, at, 1.0, 1.0, {"mse": 0.1}, 0.1, 0.05, None, probe)


def started() -> Started:
    picture = np.zeros((10, 16), np.uint8)
    return Started(1, 9, 50, "cpu", 0.05, 0.07, picture, picture, np.zeros(50, int), examples=5000)


EVENTS = [
    started(),
    look(1),
    look(2),
    Changed("learning_rate", 0.1, 0.2, 0, 250),
    look(3, float("inf")),
    epoch(1),
    look(60),
    epoch(2),
]


async def opened(name: str, after: str = "", cookie: str = ANNA) -> Any:
    headers = [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
    query = f"after={after}".encode()
    scope = {"type": "http", "path_params": {"name": name}, "headers": headers}
    scope["query_string"] = query
    return await run_stream.route().endpoint(Request(scope))


async def read(answer: Any, until: Callable[[list[dict]], bool]) -> list[dict]:
    """The lines of a stream until enough have come, or it ends."""
    lines = []

    async def take() -> None:
        async for text in answer.body_iterator:
            if text.strip():
                lines.append(json.loads(text, parse_constant=pytest.fail))
                if until(lines):
                    break

    await asyncio.wait_for(take(), 20)
    await answer.body_iterator.aclose()
    return lines


def together(lines: list[dict]) -> dict[str, Any]:
    """What a browser knows after these lines, as run_view_state.js puts them together."""
    known: dict[str, Any] = {}
    for line in lines:
        known = {name: [] for name in SERIES} if line.get("reset") else known
        added = {name: known[name] + line.get(name, []) for name in SERIES}
        known = known | line | added
    return {name: value for name, value in known.items() if name != "reset"}


@pytest.mark.parametrize(
    ("name", "cookie", "status"),
    [
        ("r" + "1" * 12, ANNA, 200),
        ("r" + "1" * 12, "", 404),
        ("r" + "1" * 12, "f" * 32, 404),
        ("r" + "2" * 12, ANNA, 404),
        (TOKEN, "", 200),
        (TOKEN, "f" * 32, 200),
        ("0" * 24, ANNA, 404),
    ],
)
def test_its_owner_and_who_has_the_watch_link_may_read(run: Run, name, cookie, status):
    answer = completed(opened(name, cookie=cookie))
    assert answer.status_code == status


@pytest.mark.parametrize("broken_after", range(1, 5))
def test_who_comes_back_gets_exactly_what_is_missing(run: Run, monkeypatch, broken_after: int):
    monkeypatch.setattr(run_stream, "GAP", 0.05)

    async def lesson() -> tuple[list[dict], list[dict]]:
        def all_there(lines: list[dict]) -> bool:
            return "end" in lines[-1]

        whole = asyncio.create_task(read(await opened(TOKEN), all_there))
        early = await opened(run.run_id)
        broken = asyncio.create_task(read(early, lambda lines: len(lines) == broken_after))
        for event in EVENTS:
            await asyncio.sleep(0.07)
            run.recording.add(event)
        before = await broken
        run.recording.add(Finished({}))
        after = await read(await opened(run.run_id, before[-1]["after"]), all_there)
        assert not any("reset" in line for line in after)
        return await whole, before + after

    whole, parts = completed(lesson())
    assert together(parts) == together(whole)
    known = together(whole)
    assert [at for at, _ in known["heldout"]] == [100, 200, 300, 5000, 6000, 10000]
    assert known["heldout"][2][1] is None  # JSON has no infinity
    assert [len(known[name]) for name in ("whole", "train", "changes")] == [2, 2, 1]
    assert known["figures"][0]["value"] == "Finished"
    assert sum("sample" in line for line in whole) == 1
    (layer,) = known["layers"]
    assert base64.b64decode(layer.pop("values")) == bytes([0, 100, 255])  # of the newest look
    shown = {"part": "encoder", "shape": [3], "of": 3, "low": -1.0, "high": 2.0, "change": 0.1}
    assert layer == shown


@pytest.mark.parametrize("after", ["nonsense", "1.1.99.0.0.0.0", "7.1.1.0.0.0.0", ""])
def test_a_cursor_that_says_nothing_of_this_run_gets_all_of_it(run: Run, after: str):
    for event in EVENTS:
        run.recording.add(event)
    lines = completed(_first(run, after))
    assert lines[0]["reset"] is True
    assert len(lines[0]["heldout"]) == 6


async def _first(run: Run, after: str) -> list[dict]:
    return await read(await opened(run.run_id, after), bool)


def test_the_first_point_waits_for_nothing(run: Run, monkeypatch):
    monkeypatch.setattr(run_stream, "GAP", 60.0)

    async def lesson() -> list[dict]:
        answer = await opened(run.run_id)
        reading = asyncio.create_task(read(answer, lambda lines: "heldout" in lines[-1]))
        await asyncio.sleep(0.2)
        run.recording.add(started())
        run.recording.add(look(1))
        return await reading

    began = time.monotonic()
    lines = completed(lesson())
    assert lines[-1]["heldout"] == [[100, 0.1]]
    assert time.monotonic() - began < 15


def test_a_run_that_draws_much_keeps_to_its_share_of_the_line(run: Run, monkeypatch):
    """And what is made for one listener is not made again for the other."""
    monkeypatch.setattr(run_stream, "GAP", 0.0)
    made = []
    line_of = run_frame.line_of
    monkeypatch.setattr(run_frame, "line_of", lambda *a: made.append(found := line_of(*a)) or found)

    async def flood() -> list[int]:
        received = [0, 0]

        async def listen(which: int) -> None:
            async for text in (await opened(run.run_id)).body_iterator:
                received[which] += len(text)

        listeners = [asyncio.create_task(listen(which)) for which in (0, 1)]
        await asyncio.sleep(0.2)
        run.recording.add(started())
        end = time.monotonic() + 2.0
        at = 1
        while time.monotonic() < end:
            run.recording.add(look(at, size=3000))
            at += 1
            await asyncio.sleep(0.01)
        for listener in listeners:
            listener.cancel()
        return received

    received = completed(flood())
    largest = max(len(line.text) for line in made if line is not None)
    # The clock goes on for as long as a busy machine lets this wait.
    assert received[0] <= 2.5 * run_stream.BYTES_A_SECOND + 3 * largest
    assert received[0] > largest
    assert abs(received[0] - received[1]) <= largest
    assert sum(len(line.text) for line in made if line) < 1.5 * max(received)


def test_a_stream_without_news_says_that_it_lives(run: Run, monkeypatch):
    """However often it is looked whether others' runs change what is said of this one."""
    monkeypatch.setattr(run_stream, "BEAT", 0.1)
    monkeypatch.setattr(run_stream, "AGAIN", 0.03)

    async def lesson() -> list[bytes]:
        texts = []
        async for text in (await opened(run.run_id)).body_iterator:
            texts.append(text)
            if len(texts) == 4:
                break
        return texts

    first, everything, *beats = completed(asyncio.wait_for(lesson(), 20))
    assert everything.startswith(b"{")
    assert [first, *beats] == [b"\n"] * 3


@pytest.mark.parametrize("how", ["withdrawn", "over"])
def test_it_ends_with_the_sharing_and_with_the_run(run: Run, monkeypatch, how: str):
    monkeypatch.setattr(run_stream, "ASK", 0.05)
    run.recording.add(started())

    async def lesson() -> list[dict]:
        reading = asyncio.create_task(read(await opened(TOKEN), lambda lines: False))
        await asyncio.sleep(0.2)
        assert not reading.done()
        if how == "withdrawn":
            run.watch = ""
        else:
            run.recording.fail("its worker died")
        return await reading

    lines = completed(lesson())
    assert lines[-1].get("end", False) is (how == "over")
    assert not run_stream._hall.channels


@pytest.mark.parametrize(("base", "path"), [("", "/"), ("class", "/class/"), ("/a/b/", "/a/b/")])
def test_the_address_follows_the_servers_own(monkeypatch, base: str, path: str):
    monkeypatch.setattr(run_stream.st, "get_option", lambda name: base)
    app = Starlette(routes=[run_stream.route()])
    assert app.url_path_for("_answer", name="r1") == f"{path}{run_stream.ADDRESS}r1"
