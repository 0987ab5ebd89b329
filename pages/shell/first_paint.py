"""What is put into the page that the browser opens: the look that all pages share, and where the
server is.

The look is there before anything is drawn, so that nothing is drawn twice: as an element of a page
it would come with the first answer of the session, a moment after the title has been drawn where
Streamlit would have it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pages.shell.page import all_pages
from pages.shell.streamlit_internals import where_the_server_is

STYLE = f"<style>{Path(__file__).with_name('page.css').read_text('utf-8')}</style>".encode()
_END = b"</body>"  # after Streamlit's own styles, which are as specific, and come last in the head
# Headers of a request that would have it answered with something else than the page as it is.
_CHANGING = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_OF_THE_FILE = (b"content-length", b"etag", b"last-modified", b"accept-ranges")


def script() -> str:
    """The script of ours in the page, which a policy against such scripts has to name."""
    return where_the_server_is([page.url for page in all_pages(teacher=True).values()])


class FirstPaint:
    """An ASGI middleware that puts our style and script into Streamlit's page."""

    def __init__(self, app: Any):
        self.app = app
        self._added = STYLE + script().encode()

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if not _asks_for_a_page(scope):
            await self.app(scope, receive, send)
            return
        plain = [h for h in scope["headers"] if h[0].lower() not in _CHANGING]
        start: dict = {}
        parts: list[bytes] = []

        async def put_in(message: dict) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                if not _is_html(start):
                    await send(message)
                return
            if message["type"] != "http.response.body" or not _is_html(start):
                await send(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts)
            body = body.replace(_END, self._added + _END, 1)
            kept = [h for h in start["headers"] if h[0].lower() not in _OF_THE_FILE]
            length = (b"content-length", str(len(body)).encode())
            await send({**start, "headers": [*kept, length]})
            await send({"type": "http.response.body", "body": body})

        await self.app({**scope, "headers": plain}, receive, put_in)


def _asks_for_a_page(scope: dict) -> bool:
    """Whether this is what a browser sends for an address: of files, their names have an ending."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return b"text/html" in accepted and "." not in scope["path"].rsplit("/", 1)[-1]


def _is_html(start: dict) -> bool:
    told = {k.lower(): v for k, v in start["headers"]}
    return told.get(b"content-type", b"").startswith(b"text/html") and start["status"] == 200
