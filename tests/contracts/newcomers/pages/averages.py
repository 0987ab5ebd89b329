"""A page that the project does not have: the mean held-out example."""

import streamlit as st

from pages.shell import session
from pages.shell.layout import explain, head
from pages.shell.page import Page

PAGE = Page(
    section="Look", title="Averages", url="newcomer-averages", icon=":material/blur_on:", place=21.5
)

head("Averages", "What all held-out examples have in common.")
held = session.hand()
x = held.data.test.batch(slice(None))
st.metric("Mean value", f"{float(x.mean()):.3f}")
explain("The mean over **all** held-out examples and all their values.")
