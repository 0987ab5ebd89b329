"""A dial of beta: one VAE's plane at nine prices of information, codes and drawings."""

import streamlit as st

from aecore.lab import beta_dial
from pages.lab import beta_dial_shown
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab",
    title="A dial of beta",
    url="beta-dial",
    icon=":material/sell:",
    place=32.5,
    listed=False,
)

head(
    "A dial of beta",
    "What if information has a price? Turn it up: codes draw together, and drawings blur.",
)
said = beta_dial.facts()
with stage():
    beta_dial_shown.show(said)
st.page_link(
    file_of("experiment"),
    label="Train them yourself: Holes",
    icon=":material/blur_on:",
    query_params={"lab": "holes"},
)
explain(own(beta_dial_shown.explained(said)))
