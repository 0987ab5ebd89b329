"""What steers a live run: its buttons, its learning rate and its beta."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.models import family
from aecore.runs.store import Run
from pages.shell import session
from pages.shell.layout import guarded
from pages.shell.plain_text import own

RATES = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
BETAS = [0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]


def controls(run: Run) -> None:
    """A row of buttons and sliders, for the browser that started the run."""
    status, mine = run.recording.status, session.owns(run)
    live, waiting = run.recording.live and mine, status in ("waiting", "preparing")
    paused = status == "paused"
    steer = live and not waiting
    row = st.container(key="steer", horizontal=True, vertical_alignment="bottom")

    def button(label: str, icon: str, command: str, on: bool, about: str) -> None:
        row.button(
            own(label),
            icon=icon,
            disabled=not on,
            help=own(about),
            width="stretch",
            key=f"{command}_button" if command not in ("pause", "resume") else "pause_button",
            on_click=_send,
            args=(run.run_id, command),
        )

    if paused:
        button("Resume", ":material/play_arrow:", "resume", steer, "Go on")
    else:
        button("Pause", ":material/pause:", "pause", steer, "Wait where it is")
    button("Step", ":material/skip_next:", "step", steer, "One step, then wait")
    button("Epoch", ":material/last_page:", "epoch", steer, "To the end of the epoch, then wait")
    button("Stop", ":material/stop:", "stop", live, "End here and keep what it learned")
    _slider(row, run, "learning_rate", "Learning rate", RATES, steer)
    if family(run.spec.family).variational:
        _slider(row, run, "beta", "Beta", BETAS, steer)


def _slider(
    place: DeltaGenerator, run: Run, name: str, label: str, choices: list[float], on: bool
) -> None:
    # Anew for each start of the run, which begins with what it was planned with.
    launch = run.recording.launches
    key = f"{name}_{run.run_id}_{launch}"
    start = getattr(run.config, name)
    options = sorted({*choices, start})

    def changed() -> None:
        # The browser speaks of the slider before once more when it is gone.
        if run.recording.launches == launch:
            _send(run.run_id, "change", **{name: st.session_state[key]})

    place.select_slider(
        own(label),
        options,
        start,
        format_func=lambda v: f"{v:g}",
        disabled=not on,
        key=key,
        on_change=changed,
    )


@guarded
def _send(run_id: str, command: str, **values: float) -> None:
    session.jobs().command(session.owner(), run_id, command, **values)
