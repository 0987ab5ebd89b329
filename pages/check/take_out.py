"""Take out: the model in hand as files for elsewhere, each opened again before it is offered."""

import streamlit as st

from pages.check.take_out_cards import cards, rows
from pages.shell import access, session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.shell.plain_text import plain

PAGE = Page(section="Check", title="Take out", url="take-out", icon=":material/output:", place=41)

head(
    "Take out",
    "The model in hand as a file for elsewhere, opened again and checked before you get it.",
)
held = session.hand()
refused = access.taking_refused(held.ref)
with stage():
    if refused is None:
        cards(held)
    else:
        st.info(plain(refused), icon=":material/lock:")
if refused is None:
    rows(held)
explain(
    "Each file is made when you ask for it, then opened as anybody would open it: the script and "
    "the notebook run in a fresh Python that knows nothing of this app, ONNX with onnxruntime. "
    "Codes and reconstructions of 256 held-out examples must agree **within 0.00001** (where "
    "values exceed 1, within that share of the largest). That leaves room for rounding in another "
    "order, and for nothing else.\n\n"
    + (
        "The **training loop** in the script is this app's usual one: how a model from a file was "
        "trained is not known. What was guessed while the file was read stands in each of them."
        if held.card.origin
        else "The **training loop** in the script starts from the same seed, goes through the data "
        "in the same order and takes the same steps: with the same training data it arrives at the "
        "same held-out error, up to rounding, unless the run was steered while it went."
    )
)
