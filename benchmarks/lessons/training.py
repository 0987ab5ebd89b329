"""A class that trains: each student starts the fast start on all of MNIST, and looks on."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import Any

from benchmarks.lessons.figures import beside, counted, spread
from benchmarks.lessons.student import Student
from benchmarks.served import Served

LONGEST = 180.0  # seconds for a run that is alone
ALONE = 2  # such runs; the least of their seconds of the processor is what the class is held to
#: At most, by the number of students: first point p95, rerun p95 and max, over the work, MB each.
ASKED = {30: (5.0, 0.3, 1.5, 1.25, 6.0), 60: (10.0, 0.5, None, None, None)}
AFTERWARDS = ("reconstructions", "latent-space")
MB = 1e6


async def lesson(app: Served, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found` with the figures of a class of asked.students."""
    await _visited(app)
    alone = asked.work or await work_alone(app, found)
    students = [Student(app.host, f"s{i}", scrolls=i % 2 == 0) for i in range(asked.students)]
    opened = time.monotonic()
    before, busy = app.cpu(), time.monotonic()
    found["memory_mb_before"] = app.memory()
    tasks = [
        asyncio.create_task(_attend(s, i, i * asked.over / len(students), asked))
        for i, s in enumerate(students)
    ]
    try:
        done, _ = await asyncio.wait(tasks, timeout=asked.seconds + 240)
        for task in done:
            if task.exception():
                found.setdefault("stumbled", []).append(repr(task.exception())[:200])
    finally:
        after = app.cpu()
        seconds = time.monotonic() - busy
        found["cpu_share_of_all_cores"] = {
            role: round((after[role] - before[role]) / seconds / (os.cpu_count() or 1), 3)
            for role in before
        }
        found["lesson_seconds"] = round(seconds, 1)
        found["memory_mb_after"] = app.memory()
        report(students, asked, alone, opened, found)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(s.leave() for s in students), return_exceptions=True)


async def work_alone(app: Served, found: dict[str, Any]) -> float:
    """Seconds of the processor that the workers need for one such run on an idle machine."""
    student, used = Student(app.host, "alone"), []
    await student.come()
    for _ in range(ALONE):
        await app.settled(20)
        before = app.cpu()
        await student.start()
        await asyncio.wait_for(student.ended(), LONGEST)
        if student.status != "finished":
            raise RuntimeError(f"A run that is alone is {student.status}: {student.errors}")
        after = app.cpu()
        used.append({r: round(after[r] - before[r], 2) for r in ("workers", "app", "clients")})
        found.setdefault("alone_first_point_s", []).append(round(student.point or 0.0, 2))
        found.setdefault("alone_end_s", []).append(round(student.end or 0.0, 2))
        await asyncio.sleep(1)
        await student.another()
    found["alone_cpu_s"] = used
    await student.leave()
    return min(u["workers"] for u in used)


async def _visited(app: Served) -> None:
    """The first visit starts the workers; wait until they have paid for their imports."""
    first = Student(app.host, "first")
    await first.come()
    await first.leave()
    await app.settled()


async def _attend(student: Student, i: int, after: float, asked: argparse.Namespace) -> None:
    """Come, start a run, look on; when it has ended look at it on another page if asked, and
    stay."""
    await asyncio.sleep(after)
    opened = time.monotonic()
    await student.come()
    await student.start()

    async def count() -> None:
        await asyncio.sleep(max(0.0, opened + asked.seconds - time.monotonic()))
        student.counted = dict(student.browser.received)

    counting = asyncio.create_task(count())
    await student.ended()
    if asked.look_on:
        await asyncio.sleep(1.0)
        await student.tab.go(AFTERWARDS[i % len(AFTERWARDS)])
    await counting


def report(
    students: list[Student],
    asked: argparse.Namespace,
    alone: float,
    opened: float,
    found: dict[str, Any],
) -> None:
    points = [s.point for s in students if s.point is not None]
    ends = [s.pressed + s.end for s in students if s.pressed and s.end is not None]
    finished = sum(s.status == "finished" for s in students)
    tabs = [tab for s in students for tab in (s.home, s.tab)]
    times = [seconds for tab in tabs for _, _, seconds in tab.reruns]
    pressed = [s.pressed for s in students if s.pressed]
    errors = [error for s in students for error in s.errors]
    mb = [_received(s) / MB for s in students]
    over_work = None
    if len(ends) == len(students) and pressed:
        work = alone * len(students) / (os.cpu_count() or 1)
        over_work = (max(ends) - min(pressed)) / work
        found["all_finished_s"] = round(max(ends) - min(pressed), 1)
        found["work_over_cores_s"] = round(work, 1)
    point, p95, most, work_at_most, mb_at_most = ASKED.get(asked.students, ASKED[30])
    table = found["table"] = {
        "first_point_p95_s": beside(spread(points).get("p95"), point),
        "rerun_p95_s": beside(spread(times).get("p95"), p95),
        "errors": beside(len(errors) + len(students) - finished, 0),
    }
    if most is not None:
        table["rerun_max_s"] = beside(spread(times).get("max"), most)
        table["all_finished_over_work"] = beside(over_work, work_at_most)
        table["received_mb_each"] = beside(spread(mb).get("max"), mb_at_most)
    if len(points) < len(students):
        table["first_point_p95_s"] |= {"met": False, "without_a_point": len(students) - len(points)}
    lost = [s for s in students if s.point is None or s.status != "finished"]
    if lost:  # what they see, for whoever asks why
        found["lost"] = [
            {"status": s.status, "lines": s.lines, "page": s.tab.page, "sees": s.tab.texts()[:12]}
            for s in lost
        ]
    found["students"] = len(students)
    found["finished"], found["statuses"] = finished, counted([s.status for s in students])
    found["first_point_s"] = spread(points)
    found["reruns_s"] = {
        f"{page or 'home'} {kind}": spread(
            [t for tab in tabs for p, k, t in tab.reruns if (p, k) == (page, kind)]
        )
        for page, kind in sorted({(p, k) for tab in tabs for p, k, _ in tab.reruns})
    } | {"all": spread(times)}
    found["received_mb"] = spread(mb)
    found["received_mb_by_kind"] = {
        kind: round(sum(_bytes(s).get(kind, 0) for s in students) / MB / len(students), 3)
        for kind in ("websocket", "http", "parts", "stream", "static")
    }
    found["stream_lines_each"] = spread([s.lines for s in students])
    found["streams_broken"] = sum(s.broken for s in students)
    found["said"] = counted(errors)


def _bytes(student: Student) -> dict[str, int]:
    return student.counted or dict(student.browser.received)


def _received(student: Student) -> int:
    """Bytes of a student without Streamlit's own files, which a browser keeps for good."""
    return sum(n for kind, n in _bytes(student).items() if kind != "static")
