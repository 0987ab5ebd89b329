"""The first frame of a run's canvas, sent to the browser the moment it exists.

A page looks at a live run a few times a second; the first point of all is worth more than that.
So the canvas asks once beside the app (run_view.js), and the answer comes with the run's first
measurement, without the page running again. Without an answer the next look brings it too.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pages.shell.owner import owner_of_request

if TYPE_CHECKING:  # importing it brings torch, and the launcher makes the route
    from aecore.runs.store import Run

ADDRESS = "aecore/first-frame/"  # from the app's own; a run's id follows
LOOK = 0.02  # seconds between two looks at a run: one comparison each
PATIENCE = 3.0  # seconds, then the browser asks again: a server that stops waits for requests


def route() -> Route:
    """The route to serve beside the app."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/{ADDRESS}{{name}}", _answer)


def address_of(run: Run, token: str | None = None) -> str | None:
    """Where the first frame of a run can be waited for; None once there is one.

    token: of the watch link by which somebody other than its owner looks.
    """
    return f"{ADDRESS}{token or run.run_id}" if _is_due(run) else None


def _is_due(run: Run) -> bool:
    return run.recording.live and not run.recording.probes


async def _answer(request: Request) -> Response:
    """The canvas's data when the run has been measured or has ended; 204 after some time without,
    404 for no run that the browser may look at: its owner's cookie comes with the request, a watch
    link's token is in the address.
    """
    # Late, as above.
    from aecore.errors import AecoreError
    from aecore.jobs.engine import engine
    from aecore.runs.store import owner_key
    from pages.components.run_view import frame_of_run

    name, cookie = request.path_params["name"], owner_of_request(request.scope)
    try:
        run = engine().watched(name) or engine().get(name)
    except AecoreError:
        return Response(status_code=404)
    if name == run.run_id and (cookie is None or run.owner != owner_key(cookie)):
        return Response(status_code=404)
    until = time.monotonic() + PATIENCE
    while _is_due(run):
        if time.monotonic() > until:
            return Response(status_code=204)
        await asyncio.sleep(LOOK)
    return JSONResponse(await asyncio.to_thread(frame_of_run, run))
