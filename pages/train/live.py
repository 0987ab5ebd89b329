"""The Train page during and after a run: controls, the canvas, the live decoder."""

from __future__ import annotations

import streamlit as st

from aecore.figures.network import short
from aecore.models.registry import shape_only
from aecore.runs.store import Run
from pages.components import sharing
from pages.components.run_view import run_canvas, run_scene
from pages.shell import access, session
from pages.shell.again import run_again
from pages.shell.layout import guarded, stage
from pages.shell.plain_text import plain
from pages.train.live_controls import controls
from pages.train.live_end import after_run
from pages.train.live_pad import live_pad
from pages.train.live_trouble import go_back, going_wrong

SLOWLY = 5.0  # seconds between two looks at a live run, where its stream is kept back on the way
_POLLS = "live_polls"


def live_view(run: Run) -> None:
    """Everything about one run; its stream keeps it up to date while it lives."""
    with st.container(key="run_head", horizontal=True, vertical_alignment="center", gap="small"):
        named = f"**{plain(run.name)}** · {plain(session.data_title(run.dataset))}"
        st.markdown(named, width="content")
        with st.container(key="run_layers", width="content"):
            st.markdown(f"· {plain(short(shape_only(run.spec)))}", width="content")
        sharing.offered(run)
    sharing.told(run)
    live = run.recording.live
    if not live and not run.end_seen and run.has_model and session.owns(run):
        # What was trained ten seconds ago is what one wants to look at next.
        run.end_seen = True
        session.take_in_hand(run.run_id)
        st.rerun()
    polls = live and st.session_state.get(_POLLS, False)
    with stage():
        watch = st.fragment(guarded(_watch), run_every=SLOWLY if polls else None)
        watch(run.run_id, live, polls)
    # It has its place from the start: else the pad below would be made anew when the run ends, and
    # what a hand had chosen on it be lost.
    afterwards = st.container()
    if not live:
        with afterwards:
            after_run(run)
    st.fragment(guarded(live_pad))(run.run_id)


def _watch(run_id: str, was_live: bool, polls: bool) -> None:
    run = access.run_of(run_id)
    controls(run)
    going_wrong(run)
    with st.container(gap=None):  # what asks for a rerun takes no place
        back = None
        if session.owns(run):
            back = lambda epoch: go_back(run, epoch)  # noqa: E731
        run_canvas(run, access.watched().get(run_id), polls, back=back)
        kept_back = run_scene(run, polls)
    if run.notice:
        st.warning(plain(run.notice), icon=":material/warning:")
    if run.remark:
        st.info(plain(run.remark), icon=":material/restart_alt:")
    if kept_back != polls:
        st.session_state[_POLLS] = kept_back
        run_again()
    if was_live and not run.recording.live:
        run_again()
