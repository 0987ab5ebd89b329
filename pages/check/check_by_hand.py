"""The form in which somebody describes a network whose file leaves open how its tensors join."""

from __future__ import annotations

import hashlib

import streamlit as st

from aecore import datasets
from aecore.inspection import apart
from aecore.inspection.apart import Opened, Source
from aecore.types import ModelSpec
from pages.components.in_turn import in_turn
from pages.shell import session
from pages.shell.plain_text import own

_ENCODER = "Flatten()\nLinear(784, 128)\nReLU()\nLinear(128, 16)"
_DECODER = "Linear(16, 128)\nReLU()\nLinear(128, 784)\nSigmoid()"


def form(
    source: Source,
    dataset: str,
    ref: str | None = None,
    spec: ModelSpec | None = None,
    variational: bool = False,
) -> Opened | None:
    """The form beside the file's tensors. Returns the model when it was sent.

    ref, spec, variational: of the model as it is read now, None where it could not be read.
    Raises AecoreError with one sentence where the description does not fit the tensors.
    """
    left, right = st.columns([2, 1], gap="large")
    with right:
        _tensors(source)
    options = {} if spec is None else spec.options
    key = hashlib.sha256(f"{ref}{source.title}".encode()).hexdigest()[:10]
    with left, st.form(f"hand_{key}", border=False):
        encoder_cell, decoder_cell = st.columns(2)
        with encoder_cell:
            encoder = _lines("Encoder", options.get("encoder", ()), _ENCODER, key)
        with decoder_cell:
            decoder = _lines("Decoder", options.get("decoder", ()), _DECODER, key)
        cells = st.columns([1, 1, 1], vertical_alignment="bottom")
        k = 16 if spec is None else spec.latent_dim
        latent_dim = cells[0].number_input("Latent numbers", 1, 4096, k, key=f"hand_k_{key}")
        vae = cells[1].toggle("Gives mu, then logvar", variational, key=f"hand_vae_{key}")
        if not cells[2].form_submit_button("Read it so", type="primary", width="stretch"):
            return None
    data = datasets.load(dataset)
    return in_turn(
        lambda tell, place: apart.by_hand(
            source,
            data,
            encoder,
            decoder,
            int(latent_dim),
            vae,
            who=session.owner(),
            tell=tell,
            place=place,
        ),
        "Reading it so …",
    )


def _lines(title: str, given: tuple[str, ...], example: str, key: str) -> list[str]:
    text = st.text_area(
        own(title), "\n".join(given), height=230, key=f"hand_{title}_{key}", placeholder=example
    )
    return text.splitlines()


def _tensors(source: Source) -> None:
    rows = {
        "tensor": [name for name, _ in source.tensors],
        "shape": [" × ".join(map(str, shape)) for _, shape in source.tensors],
    }
    st.dataframe(rows, hide_index=True, height=330)
