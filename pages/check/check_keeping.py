"""A file that was opened is in hand as it is; it becomes a run of this browser when it is kept."""

from __future__ import annotations

import streamlit as st

from aecore.inspection.apart import Opened
from pages.shell import access, opened_files, session
from pages.shell.session import Hand


def take(found: Opened) -> None:
    """Take what a file was opened as in hand, on all pages."""
    ref = opened_files.new_ref()
    opened_files.remember(ref, found, session.owner(), 1)
    session.take_in_hand(ref)


def opened_as(ref: str) -> Opened | None:
    """What the model behind a ref was opened as; None where that is not remembered."""
    found = opened_files.find(ref)
    return None if found is None else found.opened


def may_change(ref: str) -> bool:
    """Whether this browser brought the file."""
    return access.taking_refused(ref) is None


def replace(ref: str, found: Opened) -> None:
    """Put another reading of the same file in the place of the first."""
    if opened_files.PATTERN.fullmatch(ref):
        version = opened_files.get(ref).version + 1
    else:
        version = session.jobs().library.reread(session.owner(), ref, found.to_bytes()).saved
    opened_files.remember(ref, found, session.owner(), version)


def offer(held: Hand) -> None:
    """Say that the file in hand is not kept, with the button that keeps it."""
    if not opened_files.PATTERN.fullmatch(held.ref) or not may_change(held.ref):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if st.button("Keep it", icon=":material/save:", key=f"keep_{held.ref}"):
            keep(held.ref)
            st.rerun()
        st.caption(
            "In hand on every page while the server remembers it. Kept, it is a run of yours that "
            "lasts."
        )


def keep(ref: str) -> None:
    """Write the file in hand down as a run of this browser, which is then in hand instead."""
    found = opened_files.get(ref).opened
    run = session.jobs().library.keep(session.owner(), found.model, found.whole_card)
    opened_files.remember(run.run_id, found, session.owner(), run.saved)
    opened_files.forget(ref)
    session.take_in_hand(run.run_id)
