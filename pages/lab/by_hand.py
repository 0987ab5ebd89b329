"""Damage it yourself: a held-out digit to scribble on, and at once what networks make of it."""

import streamlit as st

from pages.lab import by_hand_shown
from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab",
    title="Damage it yourself",
    url="by-hand",
    icon=":material/draw:",
    place=32.7,
    listed=False,
)

head("Damage it yourself", "Scribble on a digit that no model saw. Who brings it back?")
held = session.hand()
with stage():
    by_hand_shown.show(held)
st.page_link(
    file_of("experiment"),
    label="Over a thousand of them, by kind and strength: Remove noise",
    icon=":material/blur_off:",
    query_params={"lab": "noise"},
)
explain(own(by_hand_shown.EXPLAINED))
