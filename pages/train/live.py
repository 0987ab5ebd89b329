"""The Train page during and after a run: controls, figures, the canvas, the live decoder."""

from __future__ import annotations

import streamlit as st

from aecore.figures.network import short
from aecore.models.registry import shape_only
from aecore.runs.store import Run
from pages.components import first_frame, pad_travel, sharing
from pages.components.run_view import run_canvas
from pages.shell import access, session
from pages.shell.layout import guarded
from pages.shell.plain_text import plain
from pages.train.live_controls import controls
from pages.train.live_end import after_run
from pages.train.live_figures import figures
from pages.train.live_trouble import going_wrong

EVERY = 0.3  # seconds between two looks at a live run
PAD_EVERY = 1.5


def live_view(run: Run) -> None:
    """Everything about one run; redraws itself while the run lives."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(
            f"**{plain(run.name)}** · {plain(session.data_title(run.dataset))} · "
            f"{plain(short(shape_only(run.spec)))}",
            width="content",
        )
        sharing.offered(run)
    sharing.told(run)
    live = run.recording.live
    if not live and not run.end_seen and run.has_model and session.owns(run):
        # What was trained ten seconds ago is what one wants to look at next.
        run.end_seen = True
        session.take_in_hand(run.run_id)
        st.rerun()
    st.fragment(guarded(_watch), run_every=EVERY if live else None)(run.run_id, live)
    # It has its place from the start: else the pad below would be made anew when the run ends, and
    # what a hand had chosen on it be lost.
    afterwards = st.container()
    if not live:
        with afterwards:
            after_run(run)
    st.fragment(guarded(_pad), run_every=PAD_EVERY if live else None)(run.run_id)


def _pad(run_id: str) -> None:
    """The live decoder on the newest weights, with the run's epochs to travel through."""
    run = access.run_of(run_id)
    if not run.has_model:
        st.caption("After the first epoch its latent space can be explored here, under your hand.")
        return
    st.markdown("**Its latent space under your hand**, which follows the newest epoch")
    held = session.hand_of(run_id)
    pad_travel.travelling_pad(held, key="pad_train", mode="train", live=True)


def _watch(run_id: str, was_live: bool) -> None:
    run = access.run_of(run_id)
    controls(run)
    figures(run)
    if run.recording.status == "preparing":
        st.caption(
            f"First: {plain(run.recording.preparing)}, which the model is held against. Of large "
            "data it takes up to a minute; Stop ends it."
        )
    going_wrong(run)
    run_canvas(run, first=first_frame.address_of(run, access.watched().get(run_id)))
    if run.notice:
        st.warning(plain(run.notice), icon=":material/warning:")
    if was_live and not run.recording.live:
        st.rerun()
