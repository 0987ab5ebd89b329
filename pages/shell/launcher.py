"""The launcher: Streamlit as an ASGI app that starts and stops the job engine with the server."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.middleware import Middleware

OWNER_COOKIE = "aecore_owner"
YEAR = 365 * 24 * 3600
# The first page comes first: worker processes that start beside it would take its processor time.
# They start when it has been drawn, or after this many seconds if nobody comes.
NOBODY_CAME = 15.0
DRAWN = 1.0  # seconds that a browser takes to draw what it was sent
first_page = threading.Event()


def launcher_options() -> dict[str, Any]:
    """What the ASGI app is made with."""
    from streamlit.runtime.pages_manager import PagesManager

    # A folder called pages/ would otherwise be served the old way until some session has called
    # st.navigation. This is Streamlit's own internal, hence the pinned minor version.
    PagesManager.uses_pages_directory = False
    return {"lifespan": _lifespan, "middleware": [Middleware(OwnerCookie)]}


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    threading.Thread(target=_import_heavy, name="aecore-imports", daemon=True).start()
    threading.Thread(target=_start_engine, name="aecore-engine", daemon=True).start()
    try:
        yield
    finally:
        from aecore.jobs.engine import engine

        engine().close()


def _import_heavy() -> None:
    """torch takes over a second to import: begin while the browser still opens."""
    from aecore import datasets
    from aecore.models.families.pca import basis_of
    from pages.components import pad_data  # noqa: F401
    from pages.shell import session  # noqa: F401

    basis_of(datasets.load("mnist"))


def _start_engine() -> None:
    if first_page.wait(NOBODY_CAME):
        time.sleep(DRAWN)
    from aecore.errors import AecoreError
    from aecore.jobs.engine import engine

    try:
        engine().start()
    except AecoreError as error:
        print(f"aecore: {error}")


class OwnerCookie:
    """Gives each browser a random id, so that runs belong to it over F5 and closed tabs."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or self._known(scope) or not self._is_page(scope):
            await self.app(scope, receive, send)
            return
        cookie = (
            f"{OWNER_COOKIE}={secrets.token_hex(16)}; Path=/; Max-Age={YEAR}; HttpOnly; "
            "SameSite=Lax"
        )

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
            return OWNER_COOKIE in SimpleCookie(raw)
        except CookieError:
            return False
