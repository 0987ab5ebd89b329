"""The app's memory after sixty students and two hundred runs, and after as many again."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from benchmarks.lessons.figures import beside, counted, spread
from benchmarks.lessons.student import Student
from benchmarks.served import Served

MOST_MB = 2500.0  # of the app process
GROWN = 1.1  # times, that the second round may leave
PAGES = ("runs", "reconstructions", "latent-space", "decode", "inside", "data")
LONGEST = 120.0  # seconds for one short run
FORGOTTEN = 130.0  # seconds until Streamlit has forgotten who went


async def lesson(app: Served, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found` with megabytes after each of two rounds of asked.students with asked.runs."""
    first = Student(app.host, "first")
    await first.come()
    await first.leave()
    await app.settled()
    found |= {"students": asked.students, "runs": asked.runs, "mb_at_start": app.memory()}
    after = []
    table = found["table"] = {}
    for name in ("first_round", "second_round"):
        found[name] = result = {}
        after.append(await _round(app, asked, result))
        mb = max(r["app"] for r in after)
        table["app_mb"] = beside(mb, MOST_MB)
        if len(after) == 2:
            grown = after[1]["app"] / after[0]["app"]
            table["second_round_over_first"] = beside(grown, GROWN)


async def _round(
    app: Served, asked: argparse.Namespace, result: dict[str, Any]
) -> dict[str, float]:
    began = time.monotonic()
    students = [Student(app.host, f"m{i}") for i in range(asked.students)]
    each, more = divmod(asked.runs, asked.students)
    peak = {"app": 0.0}

    async def watch() -> None:
        while True:
            peak["app"] = max(peak["app"], app.memory()["app"])
            await asyncio.sleep(2)

    watching = asyncio.create_task(watch())
    done: list[Any] = []
    try:
        attending = (_attend(s, i, each + (i < more)) for i, s in enumerate(students))
        done = await asyncio.gather(*attending, return_exceptions=True)
    finally:  # what there is by now counts, also where a limit has ended it
        watching.cancel()
        there = app.memory()
        errors = [e for s in students for e in s.errors]
        errors += [repr(d)[:200] for d in done if isinstance(d, BaseException)]
        result |= {
            "mb_while_they_are_there": there,
            "app_mb_at_most": peak["app"],
            "runs_finished": sum(s.runs for s in students),
            "reruns_s": spread([t for s in students for _, _, t in s.tab.reruns]),
            "said": counted(errors),
            "seconds": round(time.monotonic() - began, 1),
        }
    await asyncio.gather(*(s.leave() for s in students), return_exceptions=True)
    await asyncio.sleep(FORGOTTEN)
    result["mb_after_they_left"] = app.memory()
    return there


async def _attend(student: Student, i: int, runs: int) -> None:
    """Short runs one after another, each looked at on another page."""
    await asyncio.sleep(0.5 * i)
    await student.come()
    for run in range(runs):
        student.tab.choose("Training examples", "1,000")
        student.tab.choose("Epochs", 1)
        await student.tab.rerun()
        await student.start()
        await asyncio.wait_for(student.ended(), LONGEST)
        student.runs += student.status == "finished"
        await asyncio.sleep(1)
        await student.tab.go(PAGES[(i + run) % len(PAGES)])
        await student.another()
