"""The launcher: Streamlit as an ASGI app that starts and stops the job engine with the server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from pages.components import first_frame
from pages.shell import uploads
from pages.shell.gate import Headers, OwnOrigin
from pages.shell.owner import OwnerCookie
from pages.shell.streamlit_internals import serve_declared_pages_only

# The first page comes first: worker processes that start beside it would take its processor time.
# They start when it has been drawn, or after this many seconds if nobody comes.
NOBODY_CAME = 15.0
DRAWN = 1.0  # seconds that a browser takes to draw what it was sent
first_page = threading.Event()


def launcher_options() -> dict[str, Any]:
    """What the ASGI app is made with."""
    serve_declared_pages_only()
    return {
        "lifespan": _lifespan,
        "middleware": [
            Middleware(Headers),
            Middleware(OwnOrigin),
            Middleware(OwnerCookie),
            Middleware(uploads.UploadBudget),
        ],
        "routes": [first_frame.route()],
    }


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    threading.Thread(target=_import_heavy, name="aecore-imports", daemon=True).start()
    threading.Thread(target=_start_engine, name="aecore-engine", daemon=True).start()
    clearing = asyncio.create_task(uploads.clear_up())
    try:
        yield
    finally:
        clearing.cancel()
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
    from aecore.datasets.own.apart import TASK
    from aecore.errors import AecoreError
    from aecore.jobs.engine import engine
    from aecore.workshop import workshop

    workshop().warm(TASK)
    try:
        engine().start()
    except AecoreError as error:
        print(f"aecore: {error}")
