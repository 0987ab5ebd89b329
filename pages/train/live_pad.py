"""The live decoder on the Train page: it comes when somebody comes to it, and follows the run."""

from __future__ import annotations

import streamlit as st

from aecore.jobs.outlook import outlook
from aecore.runs.store import Run
from pages.components import pad_travel
from pages.components.pad_gate import in_sight, pad_gate
from pages.shell import access, session

BYTES_A_SECOND = 1_000_000  # of newer pads, for all together who train
AT_LEAST = 1.5  # seconds between two


def live_pad(run_id: str) -> None:
    """The pad on a run's newest weights, with the run's epochs to travel through."""
    run = access.run_of(run_id)
    gate, place = st.container(), st.container()
    shown, wait = 0, 0.0
    if run.has_model and in_sight(run):
        held, live = session.hand_of(run_id), run.recording.live
        with place:
            st.markdown("**Its latent space under your hand**, which follows the newest epoch")
            size = pad_travel.travelling_pad(held, key="pad_train", mode="train", live=live)
        shown, wait = held.version, _wait(run, size)
    else:
        place.caption(
            "After the first epoch its latent space can be explored here, under your hand."
        )
    with gate:
        pad_gate(run, shown, wait)


def _wait(run: Run, size: int) -> float:
    """Seconds until a newer pad of so many bytes: all who train share what may be sent."""
    people = outlook(run, session.jobs().store.all()).people
    return max(AT_LEAST, size * max(people, 1) / BYTES_A_SECOND)
