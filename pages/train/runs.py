"""Runs: every run of this browser and the shipped models in one table; compare, keep, delete."""

import streamlit as st

from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of
from pages.shell.plain_text import own
from pages.train.run_table import actions, comparison, how_long, listing, room, upload

PAGE = Page(section="Build", title="Runs", url="runs", icon=":material/list_alt:", place=12)

head(
    "Runs",
    "Your runs and the models that come with the app. Tick one to act on it, or two to compare "
    "them.",
)
rows = listing()
with stage():
    chosen = st.dataframe(
        rows.table,
        hide_index=True,
        key="runs_table",
        on_select="rerun",
        selection_mode="multi-row",
        column_config=rows.columns,
        placeholder="",
        height=min(36 * (len(rows.refs) + 1) + 4, 480),
    )
refs = [rows.refs[i] for i in chosen.selection.rows if i < len(rows.refs)]
if len(refs) == 1:
    actions(refs[0])
elif len(refs) == 2:
    comparison(refs)
elif refs:
    st.info("Two models at a time can be compared; untick the others.", icon=":material/info:")
else:
    st.page_link(file_of("train"), label="Start a new run", icon=":material/add:")
room(session.owner())
upload(session.owner())
explain(
    "**Held-out MSE** is the mean squared error per pixel on images that training never saw; PCA's "
    "at the same number of latent numbers stands beside it. A run belongs to the browser that "
    f"started it and stays when the tab is closed, {own(how_long())}. A checkpoint is one "
    "`.safetensors` file: the weights, and a card that says how they came to be."
)
