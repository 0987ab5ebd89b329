"""One person's browser: its cookies, its requests over HTTP, and every byte that it received.

Light on purpose, because load and server share the cores: one asyncio loop, h11, no threads.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h11

PATIENCE = 300.0  # seconds for one answer
CONNECTIONS = 6  # to one host, as browsers have
_LINKS = re.compile(rb'(?:src|href)="\./(static/[^"]+)"')


@dataclass
class Browser:
    """A browser at `host`. `received` counts bytes as they come over the network by what they are:
    "static" (Streamlit's own files, which a browser keeps), "parts" (arrays of a pad), "http",
    "stream", "websocket"."""

    host: str  # name:port
    cookies: dict[str, str] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)  # answers of 400 and above
    _kept: dict[str, asyncio.Task] = field(default_factory=dict)  # what may be kept for good
    _idle: list[tuple] = field(default_factory=list)
    _open: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    async def visit(self, page: str, query: str = "", assets: bool = False) -> None:
        """The GETs of a page: its HTML, which brings the cookies, what Streamlit asks at its start,
        and with `assets` the scripts and styles that the HTML names, once for each browser."""
        _, html = await self.get(f"/{page}?{query}", {"Accept": "text/html"})
        await self.get("/_stcore/health")
        await self.get("/_stcore/host-config")
        if assets and not self.received["static"]:
            links = sorted({"/" + link.decode() for link in _LINKS.findall(html)})
            await asyncio.gather(*(self.get(link, kind="static") for link in links))

    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def get(
        self, path: str, headers: dict[str, str] | None = None, kind: str = "http"
    ) -> tuple[int, bytes]:
        """Status and content of one GET, on a connection that is kept."""
        return await self.ask("GET", path, headers or {}, b"", kind)

    async def once(self, path: str) -> tuple[int, bytes]:
        """What is kept for good under its address: fetched the first time only."""
        if path not in self._kept:
            self._kept[path] = asyncio.ensure_future(self.get(path, kind="parts"))
        return await self._kept[path]

    async def ask(
        self, method: str, path: str, headers: dict[str, str], content: bytes, kind: str = "http"
    ) -> tuple[int, bytes]:
        async with self._open:
            reader, writer, connection = self._still_open() or await self._connect()
            try:
                await self._send(writer, connection, method, path, headers, content)
                async with asyncio.timeout(PATIENCE):
                    parts, status, packed = [], 0, False
                    async for event in self._events(reader, connection, kind):
                        if isinstance(event, h11.Response):
                            status, packed = self._heard(event, path), _is_packed(event)
                        elif isinstance(event, h11.Data):
                            parts.append(bytes(event.data))
            except BaseException:
                writer.close()
                raise
            if connection.our_state is connection.their_state is h11.DONE:
                connection.start_next_cycle()
                self._idle.append((reader, writer, connection))
            else:
                writer.close()
        content = b"".join(parts)
        return status, zlib.decompress(content, 31) if packed else content

    async def lines(self, path: str, kind: str = "stream") -> AsyncIterator[tuple[int, bytes]]:
        """(status, line) of an answer that goes on, each line as soon as it is whole; first comes
        the status with an empty line."""
        reader, writer, connection = await self._connect()
        try:
            await self._send(writer, connection, "GET", path, {"Accept": "*/*"}, b"")
            status, rest, unpacked = 0, b"", None
            async for event in self._events(reader, connection, kind):
                if isinstance(event, h11.Response):
                    status = self._heard(event, path)
                    if _is_packed(event):
                        unpacked = zlib.decompressobj(31)
                    yield status, b""
                elif isinstance(event, h11.Data):
                    data = bytes(event.data)
                    data = unpacked.decompress(data) if unpacked else data
                    *whole, rest = (rest + data).split(b"\n")
                    for line in whole:
                        yield status, line
            if rest:
                yield status, rest
        finally:
            writer.close()

    def _still_open(self) -> tuple | None:
        """A kept connection that the server has not closed meanwhile."""
        while self._idle:
            kept = self._idle.pop()
            if not kept[0].at_eof() and not kept[1].is_closing():
                return kept
            kept[1].close()
        return None

    async def _connect(self) -> tuple:
        name, port = self.host.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(name, int(port), limit=1 << 20)
        return reader, writer, h11.Connection(h11.CLIENT)

    async def _send(self, writer, connection, method, path, headers, content) -> None:
        named = {"Host": self.host, "Accept-Encoding": "gzip", **headers}
        if self.cookies:
            named["Cookie"] = self.cookie()
        if content:
            named["Content-Length"] = str(len(content))
        request = h11.Request(method=method, target=path, headers=list(named.items()))
        sent = connection.send(request)
        sent += connection.send(h11.Data(data=content)) if content else b""
        writer.write(sent + connection.send(h11.EndOfMessage()))
        await writer.drain()

    async def _events(self, reader, connection, kind: str) -> AsyncIterator[h11.Event]:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(1 << 16)
                self.received[kind] += len(data)
                connection.receive_data(data)
                continue
            if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
                return
            yield event

    def _heard(self, response: h11.Response, path: str) -> int:
        for name, value in response.headers:
            if name == b"set-cookie":
                cookie, _, kept = value.decode("latin-1").partition(";")[0].partition("=")
                self.cookies[cookie.strip()] = kept.strip()
        if response.status_code >= 400:
            self.refused.append(f"{response.status_code} {path.partition('?')[0][:60]}")
        return response.status_code

    def close(self) -> None:
        for _, writer, _ in self._idle:
            writer.close()
        self._idle.clear()


def _is_packed(response: h11.Response) -> bool:
    return (b"content-encoding", b"gzip") in list(response.headers)
