"""The stream of a live run: one JSON line for each thing that is new, beside the app.

A page run again to show one more point costs the server and the network a hundred times the
point. So the canvas (run_view.js) reads this instead, and the page runs again only when what is
around the canvas changes. One task looks at all runs that somebody watches; what is new is made
once for all who have seen the same so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from streamlit import runtime

from aecore.errors import AecoreError
from pages.shell.owner import owner_of_request
from pages.shell.streamlit_internals import connected

if TYPE_CHECKING:  # importing these brings torch, and the launcher makes the route
    from aecore.runs.store import Run
    from pages.components.run_frame import Cursor, Line

log = logging.getLogger(__name__)

ADDRESS = "aecore/live/"  # from the app's own; a run's id or a watch link's token follows
LOOK = 0.02  # seconds between two looks at the runs: one comparison each
GAP = 0.25  # seconds between two lines of a run
BYTES_A_SECOND = 30_000  # of a run's lines, before they are compressed: pictures wait for it
AGAIN = 2.0  # seconds until it is asked whether others' runs change what is said of this one
ASK = 1.0  # seconds between two questions whether a run may still be looked at
BEAT = 10.0  # seconds without news until an empty line says that the stream lives
DESERTED = 2.0  # seconds without any open tab: the server stops, and waits for its streams to end
LEVEL = 1  # of compressing a line
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


def route() -> Route:
    """The route to serve beside the app."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/{ADDRESS}{{name}}", _answer)


def address_of(run: Run, token: str | None = None) -> str | None:
    """Where a run's stream can be read; None once it is over.

    token: of the watch link by which somebody other than its owner looks.
    """
    return f"{ADDRESS}{token or run.run_id}" if run.recording.live else None


async def _answer(request: Request) -> Response:
    """The stream from `after` on, or from the beginning; 404 for no run that the browser may look
    at: its owner's cookie comes with the request, a watch link's token is in the address.
    """
    name, cookie = request.path_params["name"], owner_of_request(request.scope)
    run = await asyncio.to_thread(_run_of, name)
    if run is None or (name == run.run_id and not _is_owners(run, cookie)):
        return Response(status_code=404)
    from pages.components.run_frame import Cursor  # late, as above

    seen = Cursor.of(request.query_params.get("after", ""))
    lines, headers = _lines(name, run, seen), dict(HEADERS)
    if "gzip" in request.headers.get("accept-encoding", ""):
        # By ourselves: the server's own way packs each line as small as can be, which for pictures
        # in base64 is five times the work of all but as small.
        lines, headers["Content-Encoding"] = _packed(lines), "gzip"
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


async def _packed(lines: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """The same as gzip, of which each line can be read as soon as it is there."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    async with contextlib.aclosing(lines):
        async for line in lines:
            yield packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _run_of(name: str) -> Run | None:
    """The run behind an id or a token, as it is now: withdrawn and deleted ones are none."""
    from aecore.jobs.engine import engine

    try:
        return engine().watched(name) or engine().get(name)
    except AecoreError:
        return None


def _is_owners(run: Run, cookie: str | None) -> bool:
    from aecore.runs.store import owner_key

    return cookie is not None and run.owner == owner_key(cookie)


class _Channel:
    """A run that somebody watches, by one name; what is said of it, and to whom already."""

    def __init__(self, name: str, run: Run):
        from pages.components.run_figures import Ending

        self.name, self.run = name, run
        self.listeners = 0
        self.over = False  # the run is none any more, or the server stops
        self.news = asyncio.Event()  # set once, then there is another
        self._ending = Ending()
        self._lines: dict[Cursor | None, Line | None] = {}
        self._version, self._looked, self._due, self._told_at = -1, False, 0.0, 0.0
        self.refresh(time.monotonic())

    def look(self, now: float) -> None:
        """Tell all who wait if there is something new and its time has come."""
        recording = self.run.recording
        new = recording.version != self._version
        first = new and not self._looked and bool(recording.probes)  # worth more than any other
        if first or (new and now >= self._due) or now >= self._told_at + AGAIN:
            self.refresh(now)
            self.wake()

    def refresh(self, now: float) -> None:
        """Forget the lines made so far: something is new."""
        from aecore.jobs.engine import engine
        from pages.components.run_figures import told_of

        recording = self.run.recording
        self._version, self._looked = recording.version, bool(recording.probes)
        self._due, self._told_at = now + GAP, now
        waits = recording.status == "waiting"
        ahead = engine().ahead_of(self.run) if waits else 0
        store = engine().store
        kept = store.epochs(self.run)
        self._told = told_of(self.run, store.all(), ahead, self._ending, kept)
        self._lines.clear()

    def line(self, seen: Cursor | None) -> Line | None:
        """What came after a cursor, None if nothing did; made once for all who saw as much."""
        from pages.components.run_frame import line_of

        if seen not in self._lines:
            self._lines[seen] = found = line_of(self.run, self._told, seen)
            if found is not None:
                self._due = max(self._due, time.monotonic() + len(found.text) / BYTES_A_SECOND)
        return self._lines[seen]

    def wake(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    def end(self) -> None:
        self.over = True
        self.wake()


class _Hall:
    """The runs that are watched in this process; a task looks at them while there are any."""

    def __init__(self) -> None:
        self.channels: dict[str, _Channel] = {}
        self._tasks: set[asyncio.Task] = set()

    def join(self, name: str, run: Run) -> _Channel:
        """The channel of a name, with one listener more."""
        known = self.channels.get(name)
        if known is None or known.over:
            known = self.channels[name] = _Channel(name, run)
        known.listeners += 1
        if not self._tasks:
            for work in (self._look, self._ask):
                task = asyncio.create_task(work(), name=f"aecore-live{work.__name__}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return known

    def leave(self, channel: _Channel) -> None:
        channel.listeners -= 1
        if not channel.listeners and self.channels.get(channel.name) is channel:
            del self.channels[channel.name]

    async def _look(self) -> None:
        while self.channels:
            now = time.monotonic()
            for channel in [*self.channels.values()]:
                try:
                    channel.look(now)
                except Exception:  # of this run alone; whoever watches asks again, and gets a page
                    log.exception("The stream of %s ends.", channel.run.run_id)
                    channel.end()
            await asyncio.sleep(LOOK)

    async def _ask(self) -> None:
        """Whether each run may still be looked at, and whether anybody is left to look."""
        deserted = 0.0
        while self.channels:
            await asyncio.sleep(ASK)
            deserted = deserted + ASK if runtime.exists() and not connected() else 0.0
            for channel in [*self.channels.values()]:
                found = await asyncio.to_thread(_run_of, channel.name)
                if found is None or deserted >= DESERTED:
                    channel.end()
                else:
                    channel.run = found


_hall = _Hall()


async def _lines(name: str, run: Run, seen: Cursor | None) -> AsyncGenerator[bytes]:
    """One line for each thing that is new, as bytes; the last has "end" if the run is over."""
    channel = _hall.join(name, run)
    try:
        beat = time.monotonic() + BEAT
        yield b"\n"  # a browser that gets nothing at once takes the stream for kept back
        while not channel.over:
            news = channel.news  # before the line is made: what comes meanwhile is not missed
            found = channel.line(seen)
            if found is not None:
                seen = found.after
                yield found.text
                if found.last:
                    return
                beat = time.monotonic() + BEAT
            elif time.monotonic() > beat:
                yield b"\n"
                beat = time.monotonic() + BEAT
            await news.wait()
    finally:
        _hall.leave(channel)
