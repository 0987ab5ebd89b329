"""From the model in hand to the live decoder's data, built once for all sessions."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from aecore import checkpoints
from aecore.errors import ExportError
from aecore.export import EpochFrame, PadBundle, build_bundle, export_network, with_frames
from aecore.figures import palette
from aecore.latent import Codes, encode_split
from aecore.runs import Run
from pages.parts import session
from pages.parts.session import Hand

MAP_POINTS, MAP_IMAGES = 3000, 1500
HOME_POINTS, HOME_IMAGES = 1500, 800
LIVE_POINTS, LIVE_IMAGES = 1500, 600


def bundle_for(held: Hand, small: bool = False) -> PadBundle:
    """The pad's data for a model; small sends fewer points, for a quick first page."""
    return _bundle(held.key, small)


@st.cache_resource(max_entries=24, show_spinner=False)
def _bundle(key: tuple[str, int], small: bool) -> PadBundle:
    held = session.hand_of(key[0])
    if small:
        codes = encode_split(held.model, held.data.test.first(HOME_POINTS))
        return make_bundle(held, codes, None, (HOME_POINTS, HOME_IMAGES))
    errors = session.held_out_errors(held)
    return make_bundle(held, session.codes(held), errors, (MAP_POINTS, MAP_IMAGES))


def make_bundle(
    held: Hand, codes: Codes, errors: np.ndarray | None, sizes: tuple[int, int]
) -> PadBundle:
    """Bundle a model with the first held-out examples of its data, sizes = (points, images)."""
    points, images = sizes
    test, basis, k = held.data.test, held.basis, held.card.spec.latent_dim
    try:
        network, why = export_network(held.model), ""
    except ExportError as error:
        network, why = None, str(error)
    return build_bundle(
        network,
        why_no_network=why,
        shape=held.data.spec.shape,
        variational=held.model.variational,
        model_id=held.ref,
        model_name=held.card.name,
        codes=codes.mu[:points],
        logvar=None if codes.logvar is None else codes.logvar[:points],
        kl=codes.informativeness() if held.model.variational else None,
        images=test.x[:images].numpy(),
        labels=None if test.labels is None else test.labels[:points].numpy(),
        class_names=held.data.class_names or None,
        class_colors=palette.CLASSES,
        held_out_errors=errors,
        pca=(basis.components[:k], basis.mean),
        kind=held.data.spec.kind,
        epoch=held.card.epochs_done,
    )


def travelling_bundle(held: Hand, run: Run, wanted: int | None = None) -> PadBundle:
    """The pad's data for a run: its newest weights, and its past epochs for time travel.

    wanted: an epoch that the pad asked for; it travels along, and the pad remembers it.
    """
    return _travelling(held.key, wanted if wanted in session.jobs().store.epochs(run) else None)


@st.cache_resource(max_entries=24, show_spinner=False)
def _travelling(key: tuple[str, int], wanted: int | None) -> PadBundle:
    held = session.hand_of(key[0])
    run, jobs = session.jobs().get(key[0]), session.jobs()
    # Fewer points than elsewhere: they are encoded anew at each epoch of a run under way.
    sample = held.data.test.first(LIVE_POINTS)
    bundle = make_bundle(held, encode_split(held.model, sample), None, (LIVE_POINTS, LIVE_IMAGES))
    past = jobs.store.epochs(run)
    epochs = sorted({*past, held.card.epochs_done})
    by_epoch = {int(row["epoch"]): row.get("test_mse") for row in run.recording.history}
    frames = []
    if wanted is not None:
        found = checkpoints.load(past[wanted])
        frames = [
            EpochFrame(
                wanted,
                encode_split(found.model, sample).mu,
                export_network(found.model),
                by_epoch.get(wanted),
            )
        ]
    return with_frames(bundle, frames, available=epochs, test_mse=[by_epoch.get(e) for e in epochs])


def decoder_for(held: Hand):
    """z (k,) -> x_hat (*shape) on the server, for models that are too large for the browser."""

    def decode(z: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return held.model.decode(torch.from_numpy(z)[None])[0].numpy()

    return decode
