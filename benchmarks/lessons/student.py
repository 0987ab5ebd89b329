"""A student at a browser: two tabs, one run of the fast start, and what comes of it.

Does what the page's own JavaScript does: reads the stream of a live run, has a part of the page
run again when the stream says that it changed, and asks for the pad when it is scrolled to.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import h11

from benchmarks.browser import Browser
from benchmarks.session_client import Session

START, AGAIN = "Start training", "New run"  # buttons
OVER = ("finished", "stopped", "failed")
PATIENCE = 4.0  # seconds until a rerun that brought nothing is asked for again (run_scene.js)
BUTTON = 60.0  # seconds that somebody waits for a button
PAD_MADE = 0.6  # until a pad that is being made is asked for again
PAD_AGAIN = 20.0  # the same of a pad (pad_gate.js)
# Looked for in the text: to parse each line would cost the machine that is measured.
_POINT, _END = re.compile(r'"heldout": ?\[\['), re.compile(r'"end": ?true')
_STATUS, _SCENE = re.compile(r'"status": ?"(\w+)"'), re.compile(r'"scene": ?"([^"]*)"')
_AFTER, _SAVED = re.compile(r'"after": ?"([^"]*)"'), re.compile(r'"saved": ?(\d+)')
_PART = re.compile(r'"at": ?"([^"]+)"')
_CODE = re.compile(r"`(aecore/part/\w+)\?")  # where a component's code lies
_STREAM, _FRAME = re.compile(r'"stream": ?"([^"]+)"'), re.compile(r'"first": ?"([^"]+)"')


class Student:
    """One person. `pressed` is the moment at which the run was started, `point` and `end` the
    seconds until its first point and its end were there, None for what did not come. scrolls:
    whether it comes to the pad below."""

    def __init__(self, host: str, name: str, scrolls: bool = False):
        self.host, self.name, self.scrolls = host, name, scrolls
        self.browser = Browser(host)
        self.home = Session(host, "", browser=self.browser, heard=self._fetch_parts)
        self.tab = Session(host, "train", browser=self.browser, heard=self._heard, automatic=True)
        self.pressed: float | None = None
        self.point: float | None = None
        self.end: float | None = None
        self.status = ""
        self.runs = 0  # that are over, for who counts them
        self.lines = self.broken = 0  # of the stream: with something new; ends that were not its
        self.counted: dict[str, int] | None = None  # what was received when that was looked at
        self._ended = asyncio.Event()
        self._jobs: set[asyncio.Task] = set()
        self._frame: str | None = None
        self._stream: str | None = None
        self._scene, self._asked, self._asked_at = "", "", 0.0
        # Of the pad: checkpoints so far and up to the one shown; when it may be asked for.
        self._saved, self._shown, self._pad_due, self._pad_asked = 0, 0, 0.0, -PAD_AGAIN

    @property
    def errors(self) -> list[str]:
        return [*self.home.errors, *self.tab.errors, *self.browser.refused]

    async def come(self) -> None:
        """Open Home and Train, each in a tab of its own."""
        await self.home.open(assets=True)
        await self.home.rerun("opened")
        await self.tab.open()
        await self.tab.rerun("opened")

    async def start(self) -> None:
        """Press the button."""
        self.pressed, self.status = time.monotonic(), ""
        self.point = self.end = None
        self._saved = self._shown = 0
        self._ended.clear()
        await self._press(START)

    async def another(self) -> None:
        """From a run that is over back to the choices."""
        if self.tab.page != "train":
            await self.tab.go("train")
        await self._press(AGAIN)

    async def _press(self, label: str) -> None:
        """Press a button as soon as it is there. Raises LookupError after a minute."""
        until = time.monotonic() + BUTTON
        while not any(found.label == label for found in self.tab.found("button")):
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.2)
        await self.tab.press(label)

    async def ended(self) -> None:
        """Until the run that was started is seen to be over."""
        await self._ended.wait()

    async def leave(self) -> None:
        for job in list(self._jobs):
            job.cancel()
        for tab in (self.home, self.tab):
            with suppress(OSError, AttributeError):
                await tab.close()
        self.browser.close()

    # What the page brings -----------------------------------------------------------------

    def _fetch_parts(self, element: Any) -> None:
        """What a component does first: code and arrays come beside the page, each once."""
        if element.WhichOneof("type") == "bidi_component":
            found = element.bidi_component
            data, code = found.json or found.mixed.json, found.js_content
            for at in {*_PART.findall(data), *_CODE.findall(code)}:
                self._spawn(self.browser.once(f"/{at}"))

    def _heard(self, element: Any) -> None:
        self._fetch_parts(element)
        if element.WhichOneof("type") != "bidi_component" or self.pressed is None:
            return
        found = element.bidi_component
        name, data = found.component_name.rpartition(".")[2], found.json or found.mixed.json
        if name == "run_view":
            self._saw(data)
            first, stream = _FRAME.search(data), _STREAM.search(data)
            if first and first.group(1) != self._frame:
                self._frame = first.group(1)
                self._spawn(self._first_frame(f"/{self._frame}"))
            if stream and stream.group(1) != self._stream:
                self._stream = stream.group(1)
                self._spawn(self._read(stream.group(1)))
        elif name == "run_scene":
            scene = _SCENE.search(data)
            self._scene = scene.group(1) if scene else ""
            self._saw_scene(self._scene)
        elif name == "pad_gate":
            gate = json.loads(data)
            if gate["shown"] != self._shown:
                self._pad_due = time.monotonic() + gate["wait"]
                self._pad_asked = -PAD_AGAIN
            if gate["preparing"]:
                self._pad_due, self._pad_asked = 0.0, time.monotonic() + PAD_MADE - PAD_AGAIN
                asyncio.get_running_loop().call_later(PAD_MADE + 0.01, self._consider_pad)
            self._shown, self._saved = gate["shown"], max(self._saved, gate["saved"])
            self._consider_pad()

    def _saw(self, data: str) -> None:
        """What a canvas was told, be it by its page or by its stream."""
        if self.point is None and _POINT.search(data):
            self.point = self._since()
        status = _STATUS.search(data)
        if status:
            self._is(status.group(1))

    def _saw_scene(self, scene: str) -> None:
        self._is(scene.partition("/")[2].partition("/")[0])

    def _is(self, status: str) -> None:
        self.status = status or self.status
        if self.status in OVER and self.end is None:
            self.end = self._since()
            self._ended.set()

    def _since(self) -> float:
        return time.monotonic() - (self.pressed or 0.0)

    async def _first_frame(self, address: str) -> None:
        while self.point is None:
            status, content = await self.browser.get(address)
            if status == 200:
                self._saw(content.decode())
            if status != 204:
                return

    # What the stream brings ---------------------------------------------------------------

    async def _read(self, address: str) -> None:
        """The stream of a live run, taken up again where it breaks off."""
        after = ""
        while self._stream == address:
            more = f"?after={quote(after)}" if after else ""
            with suppress(OSError, h11.RemoteProtocolError):
                async for status, line in self.browser.lines(f"/{address}{more}"):
                    if status != 200:
                        break
                    text = line.decode()
                    cursor = _AFTER.search(text)
                    after = cursor.group(1) if cursor else after
                    if text and self._take(text):
                        return
            self.broken += 1
            await asyncio.sleep(1.0)

    def _take(self, text: str) -> bool:
        """One line; whether it is the last."""
        self.lines += 1
        self._saw(text)
        scene, saved = _SCENE.search(text), _SAVED.search(text)
        if scene:
            self._saw_scene(scene.group(1))
            self._want_scene(scene.group(1))
        if saved:
            self._saved = int(saved.group(1))
            self._consider_pad()
        return _END.search(text) is not None

    def _want_scene(self, scene: str) -> None:
        now = time.monotonic()
        if scene == self._scene or (scene == self._asked and now < self._asked_at + PATIENCE):
            return
        self._asked, self._asked_at = scene, now
        self._spawn(self.tab.trigger("run_scene", "scene", json.dumps(scene)))

    def _consider_pad(self) -> None:
        """Ask for the pad, or a newer one, as whoever has come to its place does."""
        now = time.monotonic()
        waits = now < max(self._pad_due if self._shown else 0.0, self._pad_asked + PAD_AGAIN)
        if self.scrolls and self._saved > self._shown and not waits:
            self._pad_asked = now
            self._spawn(self.tab.trigger("pad_gate", "wanted", str(self._saved)))

    def _spawn(self, job: Coroutine) -> None:
        async def guarded() -> None:
            # The page went on meanwhile: there is nothing to ask any more.
            with suppress(LookupError, OSError, TimeoutError):
                await job

        task = asyncio.create_task(guarded())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
