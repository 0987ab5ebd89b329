"""Tells a browser when a run has taken its first step: its page need not ask again and again.

The browser asks once (pages/train/first_step.js), and the answer comes with the step. Without an
answer the page notices at its next look, a fraction of a second later.
"""

from __future__ import annotations

import asyncio
import time

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: The address, from the app's own; a run's id follows.
ADDRESS = "aecore/first-step/"
LOOK = 0.02  # seconds between two looks at a run: one comparison each
PATIENCE = 3.0  # seconds, then the browser asks again: a server that stops waits for requests


def route() -> Route:
    """The route to serve beside the app."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/{ADDRESS}{{run_id}}", _answer)


async def _answer(request: Request) -> Response:
    """200 when the run has taken a step or has ended, 204 after some time without, 404 for no run.

    Knowing a run's id is the permission to look at it, as on its page.
    """
    from aecore.errors import AecoreError
    from aecore.jobs.engine import engine

    try:
        recording = engine().get(request.path_params["run_id"]).recording
    except AecoreError:
        return Response(status_code=404)
    until = time.monotonic() + PATIENCE
    while recording.live and recording.last_step is None:
        if time.monotonic() > until:
            return Response(status_code=204)
        await asyncio.sleep(LOOK)
    return Response(status_code=200)
