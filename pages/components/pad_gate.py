"""Where a pad will be: whether somebody has come there, and when it may be replaced by a newer one.

A pad weighs up to some megabytes, most of them weights that travel exactly as they are. Thirty
people who get one after each epoch, and look at none, would fill a school's line.
"""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined
from aecore.runs.store import Run
from pages.components.run_frame import key_of

_gate = component(
    "pad_gate",
    html='<div class="gate"></div>',
    css=".gate { height: 1px; }",
    js=joined(Path(__file__).with_name("pad_gate.js")),
)


def in_sight(run: Run) -> bool:
    """Whether the place of a run's pad has been in sight in this session."""
    return st.session_state.get(_slot(run), False)


def pad_gate(run: Run, shown: int, wait: float, preparing: bool = False) -> None:
    """Run this part of the page again when a pad, or a newer one, is wanted.

    shown: counts the checkpoints up to that of the pad there, 0 for none. wait: seconds from one
    pad to the next. preparing: a newer one is being made, and is asked for again soon.
    """
    data = {"run": key_of(run), "shown": shown, "saved": run.saved, "wait": wait}
    # Never the same twice: Streamlit calls a component only for data that changed.
    data["preparing"] = time.time() if preparing else 0
    slot = _slot(run)
    _gate(key="pad_gate", data=data, on_wanted_change=lambda: _came(slot))


def _slot(run: Run) -> str:
    return f"pad_in_sight_{run.run_id}"


def _came(slot: str) -> None:
    st.session_state[slot] = True
