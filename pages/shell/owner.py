"""Who a browser is: a random id in a cookie, so that runs belong to it over F5 and closed tabs.

The id itself goes nowhere but into the cookie: everything else knows its hash, `owner_key`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

COOKIE = "aecore_owner"
YEAR = 365 * 24 * 3600
_PATTERN = re.compile("[0-9a-f]{32}")


def new_owner() -> str:
    """A random id, as nobody has one yet."""
    return secrets.token_hex(16)


def owner_in(cookies: Iterable[str]) -> str | None:
    """The first valid id in the Cookie headers of a request, None without one.

    Cookies are shared by all ports and paths of a host: other apps put JSON, spaces and quotes
    there, and cookies of our name. Python's parser gives up at the first such value; what is
    around our id is not ours to judge.
    """
    return next((v for v in values_of(COOKIE, cookies) if _PATTERN.fullmatch(v)), None)


def values_of(cookie: str, headers: Iterable[str]) -> Iterator[str]:
    """The values of a cookie of ours in the Cookie headers of a request, whatever is around it."""
    for header in headers:
        for entry in header.split(";"):
            name, _, value = entry.partition("=")
            if name.strip() == cookie:
                yield value.strip().strip('"')


def owner_of_request(scope: Mapping[str, Any]) -> str | None:
    """The id that an ASGI request brings, None without one."""
    return owner_in(cookies_of(scope))


def cookies_of(scope: Mapping[str, Any]) -> list[str]:
    """The Cookie headers of an ASGI request."""
    return [v.decode("latin-1") for k, v in scope.get("headers", []) if k == b"cookie"]


def is_https(scope: Mapping[str, Any]) -> bool:
    """Whether the browser speaks TLS, be it with us or with a proxy before us."""
    told = dict(scope.get("headers", [])).get(b"x-forwarded-proto", b"").decode("latin-1")
    return "https" in (scope.get("scheme"), told.split(",")[0].strip().lower())


class OwnerCookie:
    """ASGI middleware that gives each browser its cookie, and lasts it from visit to visit.

    Pages that carry a cookie are kept by no cache: a shared one would make two people one.
    """

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not self._is_page(scope):
            await self.app(scope, receive, send)
            return
        value = owner_of_request(scope) or new_owner()
        cookie = f"{COOKIE}={value}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax"
        cookie += "; Secure" * is_https(scope)
        ours = [(b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]

        async def send_with_cookie(message: dict) -> None:
            if message["type"] == "http.response.start":
                kept = [h for h in message.get("headers", []) if h[0].lower() != b"cache-control"]
                message = {**message, "headers": kept + ours}
            await send(message)

        await self.app(scope, receive, send_with_cookie)

    @staticmethod
    def _is_page(scope: dict) -> bool:
        accepts = dict(scope.get("headers", [])).get(b"accept", b"")
        return scope.get("method") == "GET" and b"text/html" in accepts
