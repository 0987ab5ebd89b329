"""Long work of the Check-up page, with a progress bar, one session at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from aecore.errors import InspectionError
from pages.shell.plain_text import own, plain

Result = TypeVar("Result")
# Understanding a file takes seconds of both cores: one at a time leaves the pages of others quick.
_turn = threading.BoundedSemaphore(1)
_WAIT = 90  # seconds


def in_turn(work: Callable[[Callable[[float, str], None]], Result], first: str) -> Result:
    """Do something long. work takes progress(share, what); first: said before it reports.

    Raises InspectionError where the others' work takes too long.
    """
    bar = st.progress(0.0, text=own(first))

    def tell(share: float, what: str) -> None:
        bar.progress(min(share, 1.0), text=f"{plain(what[0].upper() + what[1:])} …")

    if not _turn.acquire(timeout=_WAIT):
        bar.empty()
        raise InspectionError("The server checks other people's files now; try again in a minute.")
    try:
        return work(tell)
    finally:
        _turn.release()
        bar.empty()
