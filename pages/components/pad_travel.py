"""The live decoder of a run: its newest weights, and the epochs before to travel through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
import torch

from aecore.evaluation.latent import encode_split
from aecore.models.base import LatentModel
from aecore.pad import EpochFrame, PackedFrame, PadBundle, export_network, pack_frame, with_epochs
from aecore.runs import checkpoints
from aecore.runs.store import ID_PATTERN, Run
from pages.components.pad import Decode, latent_pad
from pages.components.pad_data import key_of, make_bundle, model_of_z, shared_bundle, told
from pages.shell import session
from pages.shell.session import Hand

#: Of a run under way: its points are encoded anew at each epoch.
LIVE_POINTS, LIVE_IMAGES = 1500, 600


def run_of(held: Hand) -> Run | None:
    """The run that a model in hand is of, or None for a shipped one."""
    (ref, _), _ = key_of(held)
    return session.jobs().get(ref) if ID_PATTERN.fullmatch(ref) else None


@st.cache_resource(max_entries=24, show_spinner=False)
def _travelling(key: tuple[str, int], live: bool, label: int | None) -> PadBundle:
    """The pad's data for a run: its newest weights, and which past epochs can be had.

    live: of a run under way, with fewer points.
    """
    run, held = session.jobs().get(key[0]), _held(key, label)
    if live:
        codes = encode_split(held.model, held.data.test.first(LIVE_POINTS))
        bundle = make_bundle(held, codes, None, (LIVE_POINTS, LIVE_IMAGES))
    else:
        bundle = shared_bundle(key, False, label)
    epochs = sorted({*session.jobs().store.epochs(run), held.card.epochs_done})
    # The newest row comes last: after a stop within an epoch it is of the weights as they are.
    rows = filter(None, [*run.recording.history, run.recording.newest])
    by_epoch = {int(row["epoch"]): row.get("test_mse") for row in rows}
    return with_epochs(bundle, epochs, [by_epoch.get(e) for e in epochs])


@st.cache_resource(max_entries=64, show_spinner=False)
def _frame(key: tuple[str, int], live: bool, label: int | None, epoch: int) -> PackedFrame | None:
    """A past epoch, packed for the pad that shows `_travelling`; None where it is not kept."""
    file = session.jobs().store.epochs(session.jobs().get(key[0])).get(epoch)
    if file is None:
        return None
    bundle, model = _travelling(key, live, label), _past(file, label)
    sample = _held(key, label).data.test.first(bundle.meta["points"])
    network = export_network(model) if bundle.meta["network"] else None
    return pack_frame(bundle, EpochFrame(epoch, encode_split(model, sample).mu, network))


def _held(key: tuple[str, int], label: int | None) -> Hand:
    held = session.hand_of(key[0])
    return held if label is None else told(held, label)


def _past(file: Path, label: int | None) -> LatentModel:
    """The model of a past epoch, told a label where it is conditional."""
    model = checkpoints.load(file).model
    return model if label is None else model.given(label)


def decoder_for(held: Hand) -> Decode:
    """What decodes on the server, for models that are too large for the browser; an epoch that is
    not kept, or None, is the newest."""
    held, run, (_, label) = model_of_z(held), run_of(held), key_of(held)

    def decode(z: np.ndarray, epoch: int | None) -> np.ndarray:
        past = session.jobs().store.epochs(run) if run and epoch is not None else {}
        model = _past(past[epoch], label) if epoch in past else held.model
        with torch.inference_mode():
            return model.decode(torch.from_numpy(z)[None])[0].numpy()

    return decode


def travelling_pad(held: Hand, *, key: str, mode: str, live: bool) -> None:
    """Show the pad of a run, with the epochs that a hand can travel to.

    live: of a run under way.
    """
    model, label = key_of(held)
    latent_pad(
        _travelling(model, live, label),
        key=key,
        mode=mode,
        decode=decoder_for(held),
        travel=lambda epoch: _frame(model, live, label, epoch),
    )
