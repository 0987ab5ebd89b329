"""A person's record on the server, as a session copies it: what is in view outlives the session.

Streamlit forgets a session that was out of touch for a while, and all of them at a restart. So who
one is stands in the cookie, what is in view in the address, and both in the record
(aecore.runs.visits). The address comes first: two tabs of one person may show different things,
and of two the last that did something is found again.
"""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from pages.shell import access

_NOTED, _DRAFT = "noted", "draft"
LESSON = 12 * 3600.0  # seconds for which the run in view is shown again without an address


def recall() -> tuple[str | None, str | None]:
    """Copy the record into a new session; the model in hand and the run in view that it has."""
    found = access.remembered()
    hand, dated = found.get("hand"), found.get("run")
    match dated:
        case [str(run), float(when)]:
            seen = run if time.time() - when < LESSON else None
        case _:
            run = seen = None
    st.session_state[_NOTED] = {"hand": hand, "run": run}
    st.session_state[_DRAFT] = found.get("draft")
    return hand if isinstance(hand, str) else None, seen


def note(name: str, value: str | None) -> None:
    """Put what this tab shows into the record, when it changes here. name: 'hand' or 'run'."""
    noted = st.session_state.setdefault(_NOTED, {})
    if noted.get(name) != value:
        noted[name] = value
        dated = [value, time.time()] if name == "run" and value is not None else value
        access.note(**{name: dated})


def draft() -> Any:
    """Choices on the Train page that were not started, as `keep_draft` got them; None for none."""
    return st.session_state.get(_DRAFT)


def keep_draft(choices: dict[str, Any]) -> None:
    """Keep choices, values of JSON, over lost sessions."""
    if st.session_state.get(_DRAFT) != choices:
        st.session_state[_DRAFT] = choices
        access.note(draft=choices)
