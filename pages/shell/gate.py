"""What stands before the app: which requests are let in, and what a browser is told to allow.

Two ASGI middlewares. `OwnOrigin` refuses what another site, or another port of the same host, has
a browser send: cookies go to every port of a host, so they say nothing about who asks. `Headers`
tells the browser what a page of ours may load and reach: itself alone, so that a name that slipped
through as an image or a link's prefetch still carries nothing away.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from pages.shell.first_paint import script
from pages.shell.streamlit_internals import index_page

log = logging.getLogger(__name__)

_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
MEDIA = re.compile(r"(^|/)media/[^/]+$")


class OwnOrigin:
    """Refuse requests and websockets that a page of another origin sends: 403.

    Its origin is another when it has another host name or another port than the request asks for;
    `server.corsAllowedOrigins` names exceptions, and `server.enableCORS = false` lets all in, as
    with Streamlit. Streamlit's own check takes every port of this machine for its own. Programs
    that are no browsers say no origin, and are let in: they bring nobody's cookie.
    """

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket") or self._may(scope):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()  # a handshake is answered after it was heard
            await send({"type": "websocket.close", "code": 1008})
            return
        text = b"This request comes from another site or port, and is refused.\n"
        kind = (b"content-type", b"text/plain; charset=utf-8")
        await send({"type": "http.response.start", "status": 403, "headers": [kind]})
        await send({"type": "http.response.body", "body": text})

    @staticmethod
    def _may(scope: dict) -> bool:
        if not st.get_option("server.enableCORS"):
            return True
        sent = {k: v.decode("latin-1") for k, v in scope.get("headers", [])}
        origin = sent.get(b"origin")
        if origin is not None:
            allowed = st.get_option("server.corsAllowedOrigins") or []
            return _same(origin, sent.get(b"host", "")) or origin in allowed
        # Without an origin: what an <img> or a <script> elsewhere asks for. Links may come from
        # anywhere; whether a page may be framed is said in its headers.
        site, mode = sent.get(b"sec-fetch-site", "none"), sent.get(b"sec-fetch-mode", "")
        return site in ("none", "same-origin") or mode == "navigate"


def _same(origin: str, host: str) -> bool:
    """Whether an Origin header names the host and port of a Host header."""
    try:
        theirs = urlsplit(origin)
        usual = _PORTS.get(theirs.scheme)
        ours = urlsplit(f"//{host}")
        pair = (theirs.hostname, theirs.port or usual), (ours.hostname, ours.port or usual)
    except ValueError:  # a port that is no number
        return False
    return bool(theirs.hostname) and usual is not None and pair[0] == pair[1]


class Headers:
    """Say with every answer what the browser may do with it: see `policy`."""

    def __init__(self, app: Any):
        self.app = app
        self._scripts = scripts_of(index_page() + script())

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope.get("headers", [])).get(b"host", b"").decode("latin-1")
        # What people take away is no page of the app: opened in its place, it may do nothing.
        own = MEDIA.search(scope["path"]) is None
        told = policy(host, self._scripts) if own else "default-src 'none'; sandbox"
        ours = {b"content-security-policy": told.encode(), **ALWAYS}

        async def send_with_headers(message: dict) -> None:
            if message["type"] == "http.response.start":
                kept = [h for h in message.get("headers", []) if h[0].lower() not in ours]
                message = {**message, "headers": kept + list(ours.items())}
            await send(message)

        await self.app(scope, receive, send_with_headers)


ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",  # a watch link's token is in the address
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
    b"serial=(), bluetooth=(), display-capture=()",
}


def scripts_of(page: str) -> tuple[str, ...]:
    """A page's inline scripts, Streamlit's and ours, as a policy names them: by their hash."""
    digests = [hashlib.sha256(s.encode()).digest() for s in _INLINE.findall(page)]
    return tuple(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests)


def policy(host: str, scripts: Iterable[str]) -> str:
    """The Content-Security-Policy of a page that was asked for at `host`.

    blob: is how Streamlit loads a component's script; Plotly compiles its drawing of many points
    with `new Function`, and Streamlit its numbers as WebAssembly: what only a script can ask for,
    and no script comes from elsewhere. Inline styles are everywhere. Older Safaris take 'self' for
    http alone, so the websocket's own address is named too.
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self' blob: 'unsafe-eval'", *scripts]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )
