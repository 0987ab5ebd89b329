"""A dial of k: one held-out digit, drawn again from 1 to 128 numbers, beside PCA."""

import streamlit as st

from aecore.lab import k_dial
from pages.lab import k_dial_shown
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab",
    title="A dial of k",
    url="k-dial",
    icon=":material/dialpad:",
    place=32,
    listed=False,
)

head("A dial of k", "How many numbers does a digit need? Turn the dial and see it come back.")
said = k_dial.facts()
with stage():
    k_dial_shown.show(said)
st.page_link(
    file_of("experiment"),
    label="Train them yourself: How many numbers?",
    icon=":material/straighten:",
    query_params={"lab": "how-many-numbers"},
)
explain(own(k_dial_shown.explained(said)))
