"""Watching a run together: its owner gives a link and takes it back; watchers are told so."""

from __future__ import annotations

import streamlit as st

from aecore.runs.store import Run
from pages.shell import access, session
from pages.shell.layout import guarded


def told(run: Run) -> None:
    """For who watches somebody else's run: the sentence what they may do."""
    if not session.owns(run):
        st.info(access.LOOK_ONLY, icon=":material/visibility:")


def offered(run: Run) -> None:
    """For its owner: the button that lets others watch."""
    if not session.owns(run):
        return
    shared = bool(run.watch)
    label = "Others may watch" if shared else "Let others watch"
    icon = ":material/visibility:" if shared else ":material/visibility_off:"
    with st.popover(label, icon=icon):
        if not shared:
            st.markdown(
                "A link to this run for others: whoever has it can look at the run as it trains "
                "and at its model, until you end it. They can neither steer it nor take the model "
                "away."
            )
            st.button("Make a watch link", type="primary", on_click=_share, args=(run.run_id,))
            return
        st.markdown("Whoever has this link can watch:")
        st.code(_link(run.watch), language=None, wrap_lines=True)
        st.button("End sharing", on_click=_end, args=(run.run_id,))


@guarded
def _share(run_id: str) -> None:
    session.jobs().share(session.owner(), run_id)


@guarded
def _end(run_id: str) -> None:
    session.jobs().withdraw_share(session.owner(), run_id)


def _link(token: str) -> str:
    """The Train page's address, as this browser knows the server, with the token alone."""
    page = (st.context.url or "").split("?")[0].split("#")[0]
    return f"{page}?{access.WATCH}={token}"
