"""The end of a run: what it reached, and what one may do with its model."""

from __future__ import annotations

import streamlit as st

from aecore.runs.store import Run
from pages.shell import session
from pages.shell.page import file_of
from pages.shell.plain_text import plain
from pages.train.live_figures import summary
from pages.train.live_trouble import went_wrong


def after_run(run: Run) -> None:
    """Its figures in words, keeping it, going on with it, and where to look at it."""
    if run.recording.message:
        st.error(plain(run.recording.message), icon=":material/error:")
    summary(run)
    went_wrong(run)
    mine = session.owns(run)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input("Name", run.name, max_chars=60, disabled=not mine, width=320)
    if row.button("Keep name", disabled=not mine or name == run.name, width="stretch"):
        session.jobs().library.rename(session.owner(), run.run_id, name)
        st.rerun()
    if run.has_model and mine:
        row.download_button(
            "Download",
            lambda: session.jobs().library.download(run.run_id),
            icon=":material/download:",
            file_name=f"{run.name}.safetensors",
            width="stretch",
            help="One file: the weights, and a card with everything about the run.",
        )
    if mine and row.button(
        "Train further",
        icon=":material/forward:",
        width="stretch",
        help="Go on with these weights, for as many epochs again as were left or planned.",
    ):
        done = len(run.recording.history)
        more = 0 if done < run.config.epochs else min(run.config.epochs, 1000 - run.config.epochs)
        session.jobs().resume(session.owner(), run.run_id, more)
        st.rerun()
    if row.button("New run", icon=":material/add:", type="primary", width="stretch"):
        session.view_run(None)
        st.rerun()
    if run.has_model:
        links = st.columns(3)
        where = ":material/arrow_forward:"
        links[0].page_link(file_of("decode"), label="Drag through its codes", icon=where)
        links[1].page_link(
            file_of("reconstructions"), label="Look at its reconstructions", icon=where
        )
        links[2].page_link(file_of("latent-space"), label="See its latent space", icon=where)
