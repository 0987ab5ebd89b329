"""The sidebar's sign of what this person trains, or has trained and not yet looked at."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.metrics import shown
from aecore.runs.store import Run
from pages.shell import access, session
from pages.shell.again import run_again
from pages.shell.layout import guarded
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain

EVERY = 3.0  # seconds between two looks at a run that is under way
_ENDED = "run_sign_ended"
_STATES = {
    "waiting": "waits for its turn",
    "preparing": "is being prepared",
    "paused": "is paused",
}


def run_sign(at_train: bool) -> None:
    """Which run is under way, or has ended since, with the way to it. at_train: the Train page is
    open, which shows the run in view by itself."""
    run = _run()
    if run is None:
        return
    if at_train and _in_view(run):
        st.session_state.pop(_ENDED, None)
        return
    with st.sidebar:
        live = run.recording.live
        st.fragment(guarded(_sign), run_every=EVERY if live else None)(run.run_id, live)


def _run() -> Run | None:
    """A run of this person's that is under way; else one that was seen under way here."""
    runs = session.jobs().runs(session.owner())
    for run in runs:
        if run.recording.live:
            st.session_state[_ENDED] = run.run_id
            return run
    ended = st.session_state.get(_ENDED)
    return next((run for run in runs if run.run_id == ended), None)


def _in_view(run: Run) -> bool:
    seen = session.run_in_view()
    return seen is not None and seen.run_id == run.run_id


def _sign(run_id: str, was_live: bool) -> None:
    run = access.run_of(run_id)
    recording = run.recording
    if was_live and not recording.live:
        run_again()
    if recording.live:
        epoch = min(len(recording.history) + 1, run.config.epochs)
        state = _STATES.get(recording.status, f"trains, epoch {epoch} of {run.config.epochs}")
        icon = ":material/pause_circle:" if recording.status == "paused" else ":material/autorenew:"
    else:
        mse = recording.newest.get("test_mse") if recording.newest else None
        state = "has ended" + (f", held-out MSE {shown(mse)}" if mse is not None else "")
        icon = ":material/task_alt:"
    with st.container(key="run_sign", gap=None):
        st.markdown(own(f"{icon} **{plain(run.name)}** {state}"))
        if st.button("Look at it", key=f"run_sign_{run_id}", type="tertiary"):
            session.view_run(run_id)
            st.session_state.pop(_ENDED, None)
            st.switch_page(file_of("train"))
