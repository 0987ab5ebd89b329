"""The launcher: Streamlit as an ASGI app that starts and stops the job engine with the server."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from aecore import places
from aecore.machine import give_memory_back, trim_memory
from aecore.wording import count
from pages.components import parts, run_stream
from pages.shell import teacher, uploads
from pages.shell.doors import Doors
from pages.shell.first_paint import FirstPaint
from pages.shell.gate import Headers, OwnOrigin
from pages.shell.owner import OwnerCookie
from pages.shell.static_kept import StaticKept
from pages.shell.streamlit_internals import serve_declared_pages_only

# The first page comes first: worker processes that start beside it would take its processor time.
# They start when it has been drawn, or after this many seconds if nobody comes.
NOBODY_CAME = 15.0
DRAWN = 1.0  # seconds that a browser takes to draw what it was sent
# Of garbage collection: objects more than before until the youngest are looked through (Python's
# own 700 is for small programs), and how often that until the next older are too.
THRESHOLDS = (10_000, 10, 10)
TIDY = 60.0  # seconds between two looks for freed memory
first_page = threading.Event()
SERVED = places.URL_VARIABLE in os.environ  # by `aecore serve`, to a class


def launcher_options() -> dict[str, Any]:
    """What the ASGI app is made with."""
    serve_declared_pages_only()
    gc.set_threshold(*THRESHOLDS)  # imports alone would collect for a second
    return {
        "lifespan": _lifespan,
        "middleware": [
            Middleware(FirstPaint),
            Middleware(Headers),
            Middleware(OwnOrigin),
            Middleware(Doors),
            Middleware(OwnerCookie),
            Middleware(uploads.UploadBudget),
            Middleware(StaticKept),
        ],
        "routes": [run_stream.route(), parts.route(), teacher.route()],
    }


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    give_memory_back()
    threading.Thread(target=_tidy, name="aecore-tidy", daemon=True).start()
    threading.Thread(target=_import_heavy, name="aecore-imports", daemon=True).start()
    threading.Thread(target=_start_engine, name="aecore-engine", daemon=True).start()
    clearing = asyncio.create_task(uploads.clear_up())
    try:
        yield
    finally:
        clearing.cancel()
        from aecore.jobs.engine import engine

        ended = engine()
        live = sum(run.recording.live for run in ended.store.all())
        ended.close()
        if SERVED:
            _say_what_is_kept(len(ended.store.all()), live)


def _import_heavy() -> None:
    """torch takes over a second to import: begin while the browser still opens."""
    from aecore import datasets
    from aecore.models.families.pca import basis_of
    from pages.components import pad_data  # noqa: F401
    from pages.shell import session  # noqa: F401

    basis_of(datasets.load("mnist"))
    _collect_less()
    _after_the_first_page()  # what other pages compute with
    import sklearn.metrics  # noqa: F401

    from aecore.inspection.judging import html  # noqa: F401


def _after_the_first_page() -> None:
    """Wait until it is drawn, or nobody came for it. A class comes all at once: there everything is
    ready before the first visit."""
    if not SERVED and first_page.wait(NOBODY_CAME):
        time.sleep(DRAWN)


def _collect_less() -> None:
    """Take what is imported by now out of garbage collection.

    A full collection walks torch's hundreds of thousands of objects and stops every session: a
    fifth of a second on an idle machine, seconds on a full one.
    """
    gc.collect()
    gc.freeze()


def _tidy() -> None:
    """For as long as the server runs: what sessions left goes back to the system."""
    while True:
        time.sleep(TIDY)
        trim_memory()


def _say_what_is_kept(runs: int, live: int) -> None:
    kept = f"{count(runs, 'run')} kept in {places.runs()}"
    if live:
        went = "was" if live == 1 else "were"
        kept += f"; {live:,} of them {went} under way and can be resumed from the last whole epoch"
    print(f"\naecore: ended. {kept}.", flush=True)


def _start_engine() -> None:
    _after_the_first_page()
    from aecore.datasets.own.apart import TASK
    from aecore.errors import AecoreError
    from aecore.jobs.engine import engine
    from aecore.workshop import workshop

    workshop().warm(TASK)
    try:
        engine().start()
        if SERVED:
            print("aecore: ready; the training workers are warming up.", flush=True)
            from aecore.inspection import apart

            apart.warm()  # ten who drop a file at once would all wait for it
    except AecoreError as error:
        print(f"aecore: {error}")
    _collect_less()
