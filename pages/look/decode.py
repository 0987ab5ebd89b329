"""Decode: the latent space under one's hand; traversals, interpolation and the manifold."""

import streamlit as st

from pages.components import pad_data, pad_travel
from pages.components.pad import latent_pad
from pages.look.explorer_button import explorer_button
from pages.look.strips import has_plane, interpolations, manifold, traversals
from pages.look.styles import choose_label, styles
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

PAGE = Page(section="Look", title="Decode", url="decode", icon=":material/tune:", place=22)

head(
    "Decode",
    "Move over the map, drag a slider, draw: the decoder draws while you move.",
)
held = choose_label(session.hand())
bundle = pad_data.bundle_for(held)
with stage():
    if pad_travel.run_of(held):
        pad_travel.travelling_pad(held, key="pad_decode", mode="decode", live=False)
    else:
        latent_pad(bundle, key="pad_decode", mode="decode", decode=pad_travel.decoder_for(held))
said_of_encoder(held.model)
explorer_button(held, bundle)
names = ["Traversals", "Interpolation"] + (["The whole plane"] if has_plane(held) else [])
which = st.segmented_control("On paper", names, default=names[0], key="on_paper") or names[0]
if which == "Traversals":
    traversals(held)
elif which == "Interpolation":
    interpolations(held)
else:
    manifold(held)
styles(held)
explain(
    "The sliders come **most informative first**: for a VAE by the mean KL that a latent number "
    "carries, in nats; for an autoencoder by the variance of its codes. Their ranges hold 99 % of "
    "the held-out codes. A number that carries nothing is called dead.\n\n"
    "**Straight** interpolation mixes two codes; **spherical** goes along the arc between them, "
    "which stays where a VAE's prior has its mass. PCA's row mixes PCA's scores of the same two "
    "examples, with as many numbers."
)
