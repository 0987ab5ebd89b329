"""Who the teacher is: whoever opened the link that `aecore serve` printed on its terminal.

The link's secret goes into a cookie that no script reads; the server knows its hash alone. Without
that cookie there is no teacher's page, neither in the menu nor at its address.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from aecore.places import TEACHER_KEY_VARIABLE, TEACHER_LINK, URL_VARIABLE
from pages.shell.owner import is_https, values_of

COOKIE, PAGE_URL = "aecore_teacher", "teacher"
DAY = 24 * 3600


def _is_secret(text: str) -> bool:
    key = os.environ.get(TEACHER_KEY_VARIABLE, "")
    told = hashlib.sha256(text.encode()).hexdigest()
    return bool(key) and secrets.compare_digest(told, key)


def is_teacher(cookies: Iterable[str] | None = None) -> bool:
    """Whether the browser that asks has the teacher's cookie. cookies: Cookie headers; without
    them, those of the session."""
    headers = st.context.headers.get_all("Cookie") if cookies is None else cookies
    return any(_is_secret(value) for value in values_of(COOKIE, headers))


def class_address() -> str:
    """What people open, as `aecore serve` found it; else as this browser opened it."""
    told = os.environ.get(URL_VARIABLE)
    here = (st.context.url or "").split("?")[0].rstrip("/")
    return told or here.removesuffix(f"/{PAGE_URL}")


def route() -> Route:
    """The link's route, beside the app."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/{TEACHER_LINK}{{secret}}", _answer)


async def _answer(request: Request) -> Response:
    secret = request.path_params["secret"]
    if not _is_secret(secret):
        said = "This is not the teacher's link of this start: the terminal of aecore serve has it."
        return PlainTextResponse(said + "\n", 404)
    # Away from the secret's address at once: it would stand on the projector.
    answer = RedirectResponse(f"../../{PAGE_URL}", 303)
    secure = is_https(request.scope)
    answer.set_cookie(COOKIE, secret, DAY, httponly=True, samesite="lax", secure=secure)
    return answer
