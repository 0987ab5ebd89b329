"""A class opens one model that is too large for the browser, and asks what its layers give.

Everybody follows the same watch link to the page Inside, then chooses an example, silences a unit
and opens another, a second between two questions: each is answered by the server's workers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.lessons.figures import beside, counted, spread
from benchmarks.served import Served
from benchmarks.session_client import Session

LAYERS, LATENT_DIM = (2000, 1000, 500), 30
TOKEN = "0c1a550f0a5e0fa51ab0e0de"
WITHIN = 10.0  # seconds in which they come
QUESTIONS, BETWEEN = 5, 1.0  # of each, seconds
ANSWER, P95 = "network_at_work_answer", 2.0  # seconds that an answer may take


def prepare(runs: Path) -> None:
    """Put the model into an app's folder of runs, with a watch link."""
    from aecore import datasets
    from aecore.models import registry
    from aecore.runs.card import Card
    from aecore.runs.library import Library
    from aecore.runs.store import RunStore
    from aecore.types import ModelSpec, TrainConfig

    data = datasets.load("mnist")
    spec = ModelSpec("dense-ae", data.spec, LATENT_DIM, {"hidden": LAYERS})
    card = Card("Large", spec, TrainConfig(), "mnist", data.fingerprint, epochs_done=1)
    store = RunStore(runs)
    run = Library(store).keep("teacher", registry.build(spec, seed=0).eval(), card)
    run.watch = TOKEN
    store.write_facts(run)


async def lesson(app: Served, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found` with the seconds of the answers; asked.students is how many ask."""
    first = await _come(app)
    await _ask(first, 0, [], "first")
    await first.close()
    await app.settled(30)
    before, began = app.cpu(), time.monotonic()
    seconds: list[float] = []
    opened: list[float] = []
    errors: list[str] = []
    memory: list[dict[str, float]] = []

    async def attend(i: int) -> None:
        await asyncio.sleep(WITHIN * i / asked.students)
        came = time.monotonic()
        session = None
        try:
            session = await _come(app)
            opened.append(time.monotonic() - came)
            for question in range(QUESTIONS):
                silent = [[0, i + question]] if question % 2 else []
                token = f"{i} {question}"
                seconds.append(await _ask(session, (i + question) % 10, silent, token))
                await asyncio.sleep(BETWEEN)
        except (TimeoutError, OSError, LookupError, AssertionError) as error:
            errors.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            if session is not None:
                errors.extend(session.errors)
                memory.append(app.memory())
                await session.close()

    try:
        await asyncio.gather(*(attend(i) for i in range(asked.students)))
    finally:  # what there is by now counts, also where a limit has ended it
        now = app.cpu()
        found |= {
            "students": asked.students,
            "answers": spread(seconds),
            "opened": spread(opened),
            "over_s": round(time.monotonic() - began, 1),
            "cpu_s": {role: round(now[role] - before[role], 1) for role in now},
            "mb": memory[-1] if memory else None,
            "errors": counted(errors),
        }
        found["table"] = {
            "answer_p95_s": beside(spread(seconds).get("p95"), P95),
            "answers_missing": beside(asked.students * QUESTIONS - len(seconds), 0),
            "errors": beside(len(errors), 0),
        }


async def _come(app: Served) -> Session:
    """Open the page by the watch link; the workers read the model for the first of them."""
    session = await Session(app.host, "inside", f"watch={TOKEN}").open(assets=False)
    await session.rerun("opened")
    until = time.monotonic() + 60
    while not _has(session, "network_at_work") and time.monotonic() < until:
        await asyncio.sleep(0.5)  # what the page waits for is being made
        await session.rerun()
    return session


async def _ask(session: Session, index: int, silent: list[list[int]], token: str) -> float:
    """Choose something in the drawing; seconds until the answer is there."""
    chosen = {
        **{"index": index, "drawn": "", "by": "mean", "z": [], "eps": [], "held": []},
        **{"silent": silent, "open": [1, 7], "links": 30, "token": token},
    }
    seconds = await session.trigger("network_at_work", "chosen", json.dumps(chosen))
    assert _has(session, ANSWER, f'"token":"{token}"'), "the answer is to another question"
    return seconds


def _has(session: Session, component: str, said: str = "") -> bool:
    """Whether a component is on the page and was told something with these words."""
    for found in session.found("bidi_component"):
        told = (found.json or found.mixed.json).replace('": "', '":"')
        if found.component_name.rpartition(".")[2] == component and said in told:
            return True
    return False
