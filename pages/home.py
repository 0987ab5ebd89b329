"""Home: what this is, and a model decoding under one's hand at once."""

import streamlit as st

from pages.components import pad_data, pad_travel
from pages.components.pad import latent_pad
from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of

PAGE = Page(title="Home", url="home", icon=":material/home:", place=0)

head(
    "Autoencoders, live",
    "An autoencoder squeezes an image into a few numbers and draws it again from them. "
    "Move over the map: every point is such a code, and the digit beside it is drawn from that "
    "code while you move, here in your browser.",
)
held = session.hand()
with stage():
    latent_pad(
        pad_data.bundle_for(held, small=True),
        key="pad_home",
        mode="home",
        decode=pad_travel.decoder_for(held),
    )
left, middle, right = st.columns(3)
left.page_link(file_of("train"), label="Train your own, live", icon=":material/model_training:")
middle.page_link(
    file_of("reconstructions"),
    label="See what this model keeps and loses",
    icon=":material/compare:",
)
right.page_link(file_of("decode"), label="All sliders, drawing, journeys", icon=":material/tune:")
explain(
    "Each dot is a held-out handwritten digit, an image that the model never saw in training, put "
    "where the **encoder** places it; its colour is the digit's class, which the model was never "
    "told. The large image is what the **decoder** draws from the point under the pointer. "
    "Between two groups it draws what lies between two digits.\n\n"
    "For a code of more than two numbers the map shows two of them; the others stay as they are."
)
