"""Runs of a page that the app itself asks for: what the last one said once, they say again."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from pages.shell.plain_text import own, plain

_AGAIN = "runs_by_itself"
_SAID = "said_once"


def run_again() -> NoReturn:
    """Run the whole page again, because something is there that nobody pressed a button for."""
    st.session_state[_AGAIN] = True
    st.rerun()


def say_once(error: Exception, more: str = "") -> None:
    """Show an error's sentence, and one of the page's own behind it, until somebody does something.

    For what is put right as it is said: the next run of the page would not find it any more."""
    sentence = f"{plain(error)} {plain(more)}".strip()
    st.session_state.setdefault(_SAID, []).append(sentence)
    _show(sentence)


def repeat() -> None:
    """Called first in each run of the app: say again what a run by itself would swallow."""
    by_itself = st.session_state.pop(_AGAIN, False)
    if not by_itself:
        st.session_state.pop(_SAID, None)
    for sentence in st.session_state.get(_SAID, ()):
        _show(sentence)


def _show(sentence: str) -> None:
    st.error(own(sentence), icon=":material/error:")
