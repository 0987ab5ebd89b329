"""Any experiment: the question, what one expects, the run, what came out."""

import streamlit as st

from pages.lab import before, choosing, result
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, all_pages, file_of
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab", title="Experiment", url="experiment", icon=":material/biotech:", place=31
)

one = choosing.chosen_experiment()
head(own(one.title), own(one.question))
shown = choosing.in_view(one)
with stage():
    if shown is None:
        before.show(one)
    else:
        result.show(one, shown)
if shown is not None:
    result.details(one, shown)
choosing.earlier(one, shown)
if one.dial:
    dial = all_pages()[file_of(one.dial)]
    st.page_link(
        file_of(one.dial), label=own(f"Trained before, to play with: {dial.title}"), icon=dial.icon
    )
explain(own(one.claim))
