"""Who a browser is: a random id in a cookie, so that runs belong to it over F5 and closed tabs."""

from __future__ import annotations

import re
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any

COOKIE = "aecore_owner"
YEAR = 365 * 24 * 3600
_PATTERN = re.compile("[0-9a-f]{32}")


def new_owner() -> str:
    """A random id, as nobody has one yet."""
    return secrets.token_hex(16)


def is_owner(value: object) -> bool:
    """Whether a cookie's value may be an id: a browser can send anything."""
    return isinstance(value, str) and _PATTERN.fullmatch(value) is not None


class OwnerCookie:
    """ASGI middleware that gives each browser its cookie with the first page it asks for."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or self._known(scope) or not self._is_page(scope):
            await self.app(scope, receive, send)
            return
        cookie = f"{COOKIE}={new_owner()}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax"

        async def send_with_cookie(message: dict) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"set-cookie", cookie.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_cookie)

    @staticmethod
    def _is_page(scope: dict) -> bool:
        accepts = dict(scope.get("headers", [])).get(b"accept", b"")
        return scope.get("method") == "GET" and b"text/html" in accepts

    @staticmethod
    def _known(scope: dict) -> bool:
        raw = dict(scope.get("headers", [])).get(b"cookie", b"").decode("latin-1")
        try:
            return COOKIE in SimpleCookie(raw)
        except CookieError:
            return False
