"""How much people may have lying in the server's memory: each in all tabs, and all together.

Streamlit bounds each file and counts no further: ten files of the largest size are ten times that,
and what a closed tab left lies there until somebody else's session ends. An ASGI middleware counts
the bytes as they come, and refuses with a sentence; a task of the launcher's clears up.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aecore.writing import DISK_RESERVE, disk_room
from pages.shell import streamlit_internals as internals
from pages.shell.owner import owner_of_request

MB = 1 << 20
MOST_OF_ONE, MOST_OF_ALL = 320 * MB, 768 * MB
EACH = 4096  # bytes that a file counts as beside its content: a million empty ones are not nothing
CHUNKED = 65_536  # bytes that wrap a file in its request
PATIENCE = 20.0  # seconds in which a refused browser may finish sending, to hear why
LEFT = 30.0  # seconds after a tab is closed until its files go; it may be a short break of the line
LOOK = 5.0  # seconds between two looks

_UPLOAD = re.compile(r"(?:^|/)_stcore/upload_file/([^/]+)/[^/]+$")
_arriving: Counter[str] = Counter()  # bytes by session, of requests under way
_refused: dict[str, str] = {}  # a sentence by session, until it was shown
_gone_since: dict[str, float] = {}


class Refused(Exception):
    """Ends a request from within; its text is the sentence for the person."""


class UploadBudget:
    """ASGI middleware that refuses uploads beyond what one session, or all, may hold: 413."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        found = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "PUT":
            await self.app(scope, receive, send)
            return
        session, came, answered = found[1], 0, False
        people = internals.open_tabs(owner_of_request)

        async def counted() -> dict:
            nonlocal came
            message = await receive()
            size = len(message.get("body", b""))
            came += size
            _arriving[session] += size
            check(session, people)
            return message

        async def watched(message: dict) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            check(session, people, _announced(scope))
            await self.app(scope, counted, watched)
        except Refused as refusal:
            _refused[session] = str(refusal)
            if not answered:
                await _finish(receive)
                await _answer(send, str(refusal))
            internals.rerun(session)  # the page says it: the uploader only knows the number
        finally:
            _arriving[session] -= came
            if not _arriving[session]:
                del _arriving[session]


def _announced(scope: dict) -> int:
    """The bytes that a request says it has, 0 where it does not say."""
    length = dict(scope.get("headers", [])).get(b"content-length", b"0")
    return max(0, int(length) - CHUNKED) if length.isdigit() else 0


def check(session: str, people: Mapping[str, str | None], more: int = 0) -> None:
    """Raise Refused where `more` bytes of a session's person, beside what lies here and comes in,
    are too many, or where the disk on which they come in has too little left for everybody's runs.

    people: whose each open tab is; those without a cookie, None, count as one person's.
    """
    held = internals.uploaded()
    size = {key: sum(files) + EACH * len(files) for key, files in held.items()}
    whose = people.get(session, session)
    mine = {key for key in {session, *size, *_arriving} if people.get(key, key) == whose}
    one = sum(size.get(key, 0) + _arriving.get(key, 0) for key in mine)
    everything = sum(size.values())
    if one + more > MOST_OF_ONE:
        those = "Your files here" if whose else "Files of all browsers without a cookie"
        raise Refused(
            f"{those} may have {MOST_OF_ONE // MB} MB together, in all tabs, and this one would "
            "make them more; take a file away with its cross, or bring a smaller one."
        )
    if everything + _arriving.total() + more > MOST_OF_ALL:
        raise Refused(
            f"All people's files together may have {MOST_OF_ALL // MB} MB on this server, and this "
            "one would make them more; try again when others have finished theirs, or bring a "
            "smaller one."
        )
    room = disk_room(Path(tempfile.gettempdir()))
    if more > room:
        raise Refused(
            f"This server's disk has {(room + DISK_RESERVE) // MB} MB free, of which "
            f"{DISK_RESERVE // MB} MB are kept for everybody's runs; bring a smaller file, or "
            "delete runs or data first."
        )


async def _finish(receive: Any) -> None:
    """Let the browser send what it will, unread: one that is cut off hears no answer."""
    until = time.monotonic() + PATIENCE
    while (left := until - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left)
        except TimeoutError:
            return
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _answer(send: Any, text: str) -> None:
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 413, "headers": [kind]})
    await send({"type": "http.response.body", "body": text.encode()})


def refusal() -> str | None:
    """Why an upload of this session was refused just now; said once."""
    session = internals.session_id()
    return _refused.pop(session, None) if session else None


async def clear_up() -> None:
    """For as long as the server runs: files of closed tabs go after LEFT seconds."""
    while True:
        await asyncio.sleep(LOOK)
        look(time.monotonic())


def look(now: float) -> None:
    """One look: files whose tab has been closed for LEFT seconds, go. now: any steady clock."""
    connected = internals.connected()
    gone = {session for session in internals.uploaded() if session not in connected}
    for session in set(_gone_since) - gone:
        del _gone_since[session]
    for session in gone:
        if now - _gone_since.setdefault(session, now) >= LEFT:
            internals.forget_uploads(session)
    for session in set(_refused) - connected:
        del _refused[session]
