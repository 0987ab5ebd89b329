"""The live decoder on the Train page: it comes when somebody comes to it, and follows the run."""

from __future__ import annotations

import streamlit as st

from aecore.jobs.outlook import outlook
from aecore.runs.store import Run
from pages.components import pad_travel
from pages.components.pad_gate import in_sight, pad_gate
from pages.shell import access, session
from pages.shell.session import Hand

BYTES_A_SECOND = 180_000  # of newer pads, for all together who train: a school has one Wi-Fi
AT_LEAST = 1.5  # seconds between two


def live_pad(run_id: str) -> None:
    """The pad on a run's newest weights, with the run's epochs to travel through."""
    run = access.run_of(run_id)
    gate, place = st.container(), st.container()
    shown, wait = 0, 0.0
    preparing = False
    if run.has_model and in_sight(run):
        # Nobody waits for the newest: until it is made, the hand keeps the one before.
        found, preparing = _newest_made(run)
        if found is None:
            place.caption(":material/hourglass_top: Its latent space is being drawn …")
        else:
            held, live = found
            with place:
                st.markdown("**Its latent space under your hand**, which follows the newest epoch")
                size = pad_travel.travelling_pad(held, key="pad_train", mode="train", live=live)
            shown, wait = held.version, _wait(run, size)
    else:
        place.caption(
            "After the first epoch its latent space can be explored here, under your hand."
        )
    with gate:
        pad_gate(run, shown, wait, preparing)


def _newest_made(run: Run) -> tuple[tuple[Hand, bool] | None, bool]:
    """The newest weights whose pad is there, None where there is none, and whether the run was
    live then; and whether a newer one is being made."""
    slot = f"pad_shown_{run.run_id}"
    newest = session.hand_of(run.run_id), run.recording.live
    if pad_travel.is_prepared(*newest):
        st.session_state[slot] = newest
        return newest, False
    return st.session_state.get(slot), True


def _wait(run: Run, size: int) -> float:
    """Seconds until a newer pad of so many bytes: all who train share what may be sent."""
    people = outlook(run, session.jobs().store.all()).people
    return max(AT_LEAST, size * max(people - 1, 0) / BYTES_A_SECOND)
