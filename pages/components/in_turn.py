"""Work on people's files that children do: its place in the line, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from aecore.wording import capitalised, count
from aecore.workshop import Tell
from aecore.workshop.turns import Place
from pages.shell import shared_work
from pages.shell.plain_text import own, plain

Result = TypeVar("Result")


def in_turn(
    work: Callable[[Tell, Place], Result], first: str, key: Hashable | None = None
) -> Result:
    """Do something long. work takes tell(share, what) and place(ahead); first: said before either.

    key: of what the result follows from, all of it. Whoever asks for the same waits for one piece
    of work, and who leaves the page or changes something on it, or whose connection breaks, finds
    his place in the line again if he comes back soon. Without one, leaving ends the work: showing
    how far it is raises then, and the child is killed.
    """
    bar = st.progress(0.0, text=own(first))

    def tell(share: float, what: str) -> None:
        bar.progress(min(share, 1.0), text=f"{plain(capitalised(what))} …")

    def place(ahead: int) -> None:
        if ahead:
            verb = "is" if ahead == 1 else "are"
            bar.progress(0.0, text=f"{own(count(ahead, 'file'))} {verb} looked at before yours …")

    try:
        return work(tell, place) if key is None else shared_work.join(key, work, tell, place)
    finally:
        bar.empty()
