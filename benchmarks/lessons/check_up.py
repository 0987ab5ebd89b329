"""Students who drop files into Check-up within ten seconds: the last verdict, and who is refused.

Three times: each another network, all the same file, and each another one while others train.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.browser import Browser
from benchmarks.lessons.figures import beside, counted, spread
from benchmarks.lessons.student import Student
from benchmarks.served import Served
from benchmarks.session_client import Session

WITHIN = 10.0  # seconds in which all are dropped
LONGEST = 240.0  # seconds for one verdict
LAST = 90.0  # seconds that the last verdict may take
#: Of the tests' corpus: what students of a course hand in.
NETWORKS = (
    "lesson first: fc, linear output",
    "PyTorch example VAE fc1 fc21 fc22 fc3 fc4",
    "conv strided, transposed",
    "lesson VAE 32",
    "one Sequential without names",
    "Encoder and Decoder classes, BatchNorm",
    "fc_mu, fc_logstd",
    "conv encoder, dense decoder, as safetensors",
    "SELU, signed, tanh",
    "dense residual blocks",
)


async def lesson(app: Served, asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found` with a round for each way; asked.check_up is how many drop a file."""
    n = asked.check_up
    files = await asyncio.to_thread(lambda: [networks(n, seed) for seed in (0, 1)])
    await _warm(app)
    rounds = {
        "different": (files[0], 0),
        "same": ([files[1][0]] * n, 0),
        "different_beside_training": (files[1][1:] + networks(n + 1, 2)[n:], asked.beside),
    }
    found["files"], found["table"] = n, {}
    for name, (given, training) in rounds.items():
        found[name] = result = {}
        try:
            await _round(app, given, training, result)
        finally:
            found["table"] |= {
                f"{name}_last_verdict_s": beside(result.get("last_verdict_s"), LAST),
                f"{name}_refused": beside(result.get("refused"), 0),
            }
        await asyncio.sleep(2)


def networks(n: int, variant: int) -> list[tuple[str, bytes]]:
    """n networks trained and saved: (name, content). Those that were trained once are kept in the
    temporary folder of this machine; another variant has other bytes and is the same otherwise."""
    import torch

    from aecore import datasets
    from tests.inspection.corpus import ENTRIES
    from tests.inspection.corpus.entries import train
    from tests.inspection.corpus.examining import SUFFIXES, content_of

    torch.set_num_threads(1)
    data, made = datasets.load("mnist"), []
    folder = Path(tempfile.gettempdir()) / "aecore-classroom"
    folder.mkdir(exist_ok=True)
    for i in range(n):
        name = NETWORKS[i % len(NETWORKS)]
        e, kept = ENTRIES[name], folder / f"{i % len(NETWORKS)}.pt"
        if kept.exists():
            net = e.make()
            net.load_state_dict(torch.load(kept, weights_only=True))
        else:
            net = train(e, data.train.batch(slice(0, 12_000)))
            torch.save(net.state_dict(), kept)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(1 + 1e-6 * (variant + 3 * (i // len(NETWORKS))))
        content = content_of(e, net.eval(), data.test.batch(slice(0, 3)), torch.zeros(3), e.form)
        made.append((f"network{i}.{SUFFIXES[e.form]}", content))
    return made


async def _warm(app: Served) -> None:
    """Somebody has looked at the page before, and checked a file."""
    somebody = _Dropper(app.host, *networks(1, 9)[0])
    await somebody.come()
    await app.settled()
    await somebody.drop()
    await somebody.leave()
    await app.settled()


async def _round(app: Served, files: list, training: int, result: dict[str, Any]) -> None:
    droppers = [_Dropper(app.host, *file) for file in files]
    trainers = [Student(app.host, f"t{i}") for i in range(training)]
    await asyncio.gather(*(d.come() for d in droppers), *(t.come() for t in trainers))
    busy = [asyncio.create_task(_keep_training(t)) for t in trainers]
    if busy:
        await asyncio.sleep(5)
    before, began = app.cpu(), time.monotonic()

    async def one(i: int, dropper: _Dropper) -> None:
        await asyncio.sleep(i * WITHIN / len(droppers))
        await dropper.drop()

    try:
        await asyncio.gather(*(one(i, d) for i, d in enumerate(droppers)))
    finally:  # what there is by now counts, also where a limit has ended it
        result |= _figures(app, droppers, trainers, before, began)
        for task in busy:
            task.cancel()
        leaving = (person.leave() for person in (*droppers, *trainers))
        await asyncio.gather(*leaving, return_exceptions=True)


def _figures(
    app: Served,
    droppers: list[_Dropper],
    trainers: list[Student],
    before: dict[str, float],
    began: float,
) -> dict[str, Any]:
    after, seconds = app.cpu(), time.monotonic() - began
    got = [d for d in droppers if d.seconds is not None and d.at is not None]
    none = [d for d in droppers if d not in got]
    ends = [d.at or 0.0 for d in got]
    reruns = [t for s in trainers for _, _, t in s.tab.reruns]
    return {
        "last_verdict_s": round(max(ends) - began, 1) if ends and not none else None,
        "verdicts": len(got),
        "refused": len(none),
        "seconds_of_each": spread([d.seconds or 0.0 for d in got]),
        "said_to_the_refused": counted([d.said for d in none]),
        "errors": counted([e for d in droppers for e in d.errors]),
        "runs_of_those_who_train": sum(s.runs for s in trainers),
        "reruns_of_those_who_train_s": spread(reruns),
        "cpu_share_of_all_cores": {
            role: round((after[role] - before[role]) / seconds / (os.cpu_count() or 1), 3)
            for role in before
        },
        "memory_mb": app.memory(),
    }


async def _keep_training(student: Student) -> None:
    while True:
        await student.start()
        await student.ended()
        student.runs += 1
        await asyncio.sleep(1)
        await student.another()


class _Dropper:
    """Who drops one file. `seconds` from the drop to its verdict, None where none came."""

    def __init__(self, host: str, name: str, content: bytes):
        self.name, self.content = name, content
        self.browser = Browser(host)
        self.tab = Session(host, "check-up", browser=self.browser, heard=self._heard)
        self.seconds: float | None = None
        self.at: float | None = None
        self.said = "no verdict"
        self._dropped: float | None = None
        self._verdict = asyncio.Event()

    @property
    def errors(self) -> list[str]:
        return [*self.tab.errors, *self.browser.refused]

    async def come(self) -> None:
        await self.tab.open()
        await self.tab.rerun("opened")

    async def drop(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                status = await self.tab.upload(self.content, self.name)
                if status >= 300:
                    self.said = f"the upload was answered {status}"
                    return
                self._dropped = began
                await self.tab.rerun()
                if not self.tab.errors:  # what comes in a fragment of its own comes later
                    await self._verdict.wait()
        except TimeoutError:
            self.said = f"no verdict within {LONGEST:.0f} s"
        except ConnectionError as error:
            self.said = str(error)
        if self.tab.errors:
            self.said = self.tab.errors[-1]

    async def leave(self) -> None:
        await self.tab.close()
        self.browser.close()

    def _heard(self, element: Any) -> None:
        if self._dropped is None or element.WhichOneof("type") != "bidi_component":
            return
        if "check_up_report" in element.bidi_component.component_name and self.at is None:
            self.at = time.monotonic()
            self.seconds = self.at - self._dropped
            self._verdict.set()
