"""The live decoder of a run: its newest weights, and the epochs before to travel through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from aecore.evaluation.latent import encode_split
from aecore.models.base import LatentModel
from aecore.pad import EpochFrame, PadBundle, export_network, with_frames
from aecore.runs import checkpoints
from aecore.runs.store import ID_PATTERN, Run
from pages.components.pad import latent_pad
from pages.components.pad_data import key_of, make_bundle, model_of_z, shared_bundle, told
from pages.shell import session
from pages.shell.session import Hand

#: Of a run under way: its points are encoded anew at each epoch.
LIVE_POINTS, LIVE_IMAGES = 1500, 600


def run_of(held: Hand) -> Run | None:
    """The run that a model in hand is of, or None for a shipped one."""
    (ref, _), _ = key_of(held)
    return session.jobs().get(ref) if ID_PATTERN.fullmatch(ref) else None


def travelling_bundle(
    held: Hand, run: Run, wanted: int | None = None, live: bool = False
) -> PadBundle:
    """The pad's data for a run: its newest weights, and its past epochs for time travel.

    wanted: an epoch that the pad asked for; it travels along, and the pad remembers it.
    live: of a run under way, with fewer points.
    """
    key, label = key_of(held)
    wanted = wanted if wanted in session.jobs().store.epochs(run) else None
    return _travelling(key, wanted, live, label)


@st.cache_resource(max_entries=24, show_spinner=False)
def _travelling(
    key: tuple[str, int], wanted: int | None, live: bool, label: int | None
) -> PadBundle:
    run, jobs = session.jobs().get(key[0]), session.jobs()
    held = session.hand_of(key[0])
    held = held if label is None else told(held, label)
    if live:
        codes = encode_split(held.model, held.data.test.first(LIVE_POINTS))
        bundle = make_bundle(held, codes, None, (LIVE_POINTS, LIVE_IMAGES))
    else:
        bundle = shared_bundle(key, False, label)
    past = jobs.store.epochs(run)
    epochs = sorted({*past, held.card.epochs_done})
    # The newest row comes last: after a stop within an epoch it is of the weights as they are.
    rows = filter(None, [*run.recording.history, run.recording.newest])
    by_epoch = {int(row["epoch"]): row.get("test_mse") for row in rows}
    frames = []
    if wanted is not None:
        model = _past(past[wanted], label)
        sample = held.data.test.first(bundle.meta["points"])
        frames = [
            EpochFrame(
                wanted,
                encode_split(model, sample).mu,
                export_network(model) if bundle.meta["network"] else None,
                by_epoch.get(wanted),
            )
        ]
    return with_frames(bundle, frames, available=epochs, test_mse=[by_epoch.get(e) for e in epochs])


def _past(file: Path, label: int | None) -> LatentModel:
    """The model of a past epoch, told a label where it is conditional."""
    model = checkpoints.load(file).model
    return model if label is None else model.given(label)


def decoder_for(held: Hand) -> Callable[[np.ndarray, int | None], np.ndarray]:
    """(z (k,), epoch) -> x_hat (*shape) on the server, for models that are too large for the
    browser; an epoch that is not kept, or None, is the newest."""
    held, run, (_, label) = model_of_z(held), run_of(held), key_of(held)

    def decode(z: np.ndarray, epoch: int | None) -> np.ndarray:
        past = session.jobs().store.epochs(run) if run and epoch is not None else {}
        model = _past(past[epoch], label) if epoch in past else held.model
        with torch.inference_mode():
            return model.decode(torch.from_numpy(z)[None])[0].numpy()

    return decode


def travelling_pad(
    held: Hand, run: Run, *, key: str, mode: str, live: bool, scope: str = "app"
) -> None:
    """Show the pad of a run, and fetch the epochs that a hand travels to.

    live: of a run under way. scope: what a fetched epoch reruns, "app" or "fragment".
    """
    slot = f"wanted_{held.ref}"
    wanted = st.session_state.get(slot)
    bundle = travelling_bundle(held, run, wanted, live)
    asked = latent_pad(bundle, key=key, mode=mode, decode=decoder_for(held))
    if asked is not None and asked != wanted:
        st.session_state[slot] = asked
        st.rerun(scope=scope)
