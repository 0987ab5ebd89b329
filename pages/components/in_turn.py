"""Work on people's files that children do: its place in the line, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from aecore.wording import count
from aecore.workshop import Tell
from aecore.workshop.turns import Place
from pages.shell.plain_text import own, plain

Result = TypeVar("Result")


def in_turn(work: Callable[[Tell, Place], Result], first: str) -> Result:
    """Do something long. work takes tell(share, what) and place(ahead); first: said before either.

    Whoever leaves the page or changes something on it ends the work: showing how far it is raises
    then, and the child is killed.
    """
    bar = st.progress(0.0, text=own(first))

    def tell(share: float, what: str) -> None:
        bar.progress(min(share, 1.0), text=f"{plain(what[:1].upper() + what[1:])} …")

    def place(ahead: int) -> None:
        if ahead:
            verb = "is" if ahead == 1 else "are"
            bar.progress(0.0, text=f"{own(count(ahead, 'file'))} {verb} looked at before yours …")

    try:
        return work(tell, place)
    finally:
        bar.empty()
