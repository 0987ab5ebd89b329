"""From the model in hand to the live decoder's data, built once for all sessions."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from aecore.errors import ExportError
from aecore.export import PadBundle, build_bundle, export_network
from aecore.latent import Codes
from aecore.models import LatentModel
from pages.parts import session
from pages.parts.session import Hand

MAP_POINTS, MAP_IMAGES = 3000, 1500
HOME_POINTS, HOME_IMAGES = 1500, 800


def bundle_for(held: Hand, small: bool = False) -> PadBundle:
    """The pad's data for a model; small sends fewer points, for a quick first page."""
    return _bundle(held.key, small)


@st.cache_resource(max_entries=24, show_spinner=False)
def _bundle(key: tuple[str, int], small: bool) -> PadBundle:
    held = session.hand_of(key[0])
    return make_bundle(
        held.ref,
        held.card.name,
        held.model,
        held,
        session.codes(held),
        session.held_out_errors(held),
        (HOME_POINTS, HOME_IMAGES) if small else (MAP_POINTS, MAP_IMAGES),
        held.card.epochs_done,
    )


def make_bundle(
    ref: str,
    name: str,
    model: LatentModel,
    held: Hand,
    codes: Codes,
    errors: np.ndarray | None,
    sizes: tuple[int, int],
    epoch: int,
) -> PadBundle:
    """Bundle a model with the first held-out examples of its data."""
    points, images = sizes
    test, basis, k = held.data.test, held.basis, held.card.spec.latent_dim
    try:
        network, why = export_network(model), None
    except ExportError as error:
        network, why = None, str(error)
    return build_bundle(
        network,
        why_no_network=why,
        shape=held.data.spec.shape,
        variational=model.variational,
        model_id=ref,
        model_name=name,
        codes=codes.mu[:points],
        logvar=None if codes.logvar is None else codes.logvar[:points],
        images=test.x[:images].numpy(),
        labels=None if test.labels is None else test.labels[:points].numpy(),
        class_names=held.data.class_names or None,
        held_out_errors=errors,
        pca=(basis.components[:k], basis.mean),
        kind=held.data.spec.kind,
        epoch=epoch,
    )


def decoder_for(held: Hand):
    """z (k,) -> x_hat (*shape) on the server, for models that are too large for the browser."""

    def decode(z: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return held.model.decode(torch.from_numpy(z)[None])[0].numpy()

    return decode
