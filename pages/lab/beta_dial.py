"""A dial of beta: what a VAE's plane becomes as information gets dearer."""

import streamlit as st

from aecore.lab import beta_dial
from pages.lab import beta_dial_shown
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of

PAGE = Page(
    section="Lab", title="A dial of beta", url="beta-dial", icon=":material/blur_on:", place=34
)

head("A dial of beta", "What becomes of a VAE's plane as information gets dearer?")
dial = beta_dial.beta_dial()
with stage():
    beta_dial_shown.show(dial)
st.page_link(
    file_of("experiment"),
    label="Train them yourself: Holes",
    icon=":material/blur_on:",
    query_params={"lab": "holes"},
)
explain(
    "A **variational autoencoder** pays for what its code tells of a digit: beta times the KL "
    "divergence of the code from N(0, I), in nats. Beta 1 is the VAE as it was invented "
    "(Kingma and Welling 2014); other prices came later (Higgins et al. 2017).\n\n"
    f"Five models with a code of two numbers were trained before, for {dial.epochs:d} epochs on "
    "all training digits of MNIST; what is shown of them ships with the project. At **beta 0** "
    "nothing draws the codes anywhere, and the box around them is large. The dearer information "
    "is, the nearer codes come to N(0, I), and the vaguer the drawings get."
)
