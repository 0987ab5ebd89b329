"""Streamlit's own files from memory, compressed once.

Streamlit reads them anew for every browser in pieces of 64 kB, and sends them as they are: for a
class that opens the app in the same minute that was a third of the app's work, and thirty times
2 MB on one Wi-Fi. Their names change with their content, so a browser asks for each only once.
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from typing import Any

import streamlit as st

from aecore.byte_cache import ByteCache

MOST_BYTES = 24 << 20  # of all files, compressed
LARGEST = 8 << 20  # of one, before that; Plotly alone has 5
LEVEL = 6
PACKED = (b"javascript", b"text/", b"json", b"image/svg", b"wasm", b"font/ttf")
# A browser that asks for a piece, or whether what it has is still right, is answered by Streamlit.
_OWN = {b"range", b"if-none-match", b"if-modified-since"}


@dataclass(frozen=True)
class _Answer:
    headers: list[tuple[bytes, bytes]]
    content: bytes


class StaticKept:
    """Middleware: GETs of Streamlit's files by browsers that take gzip."""

    def __init__(self, app: Any):
        self.app = app
        base = st.get_option("server.baseUrlPath").strip("/")
        self._under = f"{f'/{base}' if base else ''}/static/"
        self._kept: ByteCache[str, _Answer] = ByteCache(MOST_BYTES, lambda a: len(a.content))
        self._made: dict[str, asyncio.Lock] = {}

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if not self._is_meant(scope):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        answer = self._kept.get(path)
        if answer is None:
            async with self._made.setdefault(path, asyncio.Lock()):  # thirty ask at once
                answer = self._kept.get(path) or await self._make(path, scope, receive, send)
            self._made.pop(path, None)
        if answer is not None:
            await send({"type": "http.response.start", "status": 200, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.content})

    def _is_meant(self, scope: dict) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET":
            return False
        if not scope["path"].startswith(self._under):
            return False
        sent = dict(scope.get("headers", []))
        return b"gzip" in sent.get(b"accept-encoding", b"") and not _OWN & sent.keys()

    async def _make(self, path: str, scope: dict, receive: Any, send: Any) -> _Answer | None:
        """Streamlit's answer, compressed and kept; what is not to be kept is sent as it comes."""
        start: dict[str, Any] = {}
        parts: list[bytes] = []

        async def take(message: dict) -> None:
            if message["type"] == "http.response.start" and _is_kept(message):
                start.update(message)
            elif not start:
                await send(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        async def listen() -> dict:
            # Whoever asked first may leave; the file is read to its end for all others.
            if start:
                await asyncio.Event().wait()
            return await receive()

        await self.app(scope, listen, take)
        whole = b"".join(parts)
        if not start or len(whole) != _size(start):
            return None
        content = await asyncio.to_thread(gzip.compress, whole, LEVEL, mtime=0)
        ours = {b"content-encoding", b"content-length", b"accept-ranges", b"vary"}
        headers = [h for h in start["headers"] if h[0].lower() not in ours]
        headers += [
            (b"content-encoding", b"gzip"),
            (b"content-length", str(len(content)).encode()),
            (b"vary", b"Accept-Encoding"),
        ]
        answer = _Answer(headers, content)
        self._kept.put(path, answer)
        return answer


def _is_kept(message: dict) -> bool:
    headers = {name.lower(): value for name, value in message["headers"]}
    kind = headers.get(b"content-type", b"")
    return (
        message["status"] == 200
        and b"content-encoding" not in headers
        and any(part in kind for part in PACKED)
        and 0 < _size(message) <= LARGEST
    )


def _size(message: dict) -> int:
    """Bytes of an answer as its headers say, 0 where they do not."""
    told = {name.lower(): value for name, value in message["headers"]}.get(b"content-length", b"")
    return int(told) if told.isdigit() else 0
