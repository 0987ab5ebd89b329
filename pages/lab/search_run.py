"""The run that the codes of a search come from: begun here if there is none; how far it is."""

from __future__ import annotations

import streamlit as st

from aecore.lab.about import About, LabSubject
from aecore.lab.experiment import Experiment
from aecore.lab.search_answers import codes_of
from pages.lab.choosing import RESULT, Shown, lab
from pages.lab.experiment_cards import about_time
from pages.lab.first_run import begin_button
from pages.lab.search_choice import Asked
from pages.shell import session
from pages.shell.again import run_again
from pages.shell.layout import guarded
from pages.shell.page import file_of
from pages.shell.plain_text import own

EVERY = 0.5  # seconds between two looks at a run under way
WAYS = 3  # that a whole result answers a search by


def how_far(one: Experiment, shown: Shown | None, asked: Asked) -> None:
    """Where codes are still missing: how far they are, or the button that has them made."""
    if shown is not None and shown.run is not None and shown.run.live:
        there = len(codes_of(asked.done, asked.of, asked.k))
        st.fragment(guarded(_live), run_every=EVERY)(shown, asked, there)
    elif len(codes_of(asked.done, asked.of, asked.k)) < WAYS:
        options = one.Options()
        left, right = st.columns([2, 3], vertical_alignment="center")
        data = session.hand().data
        about = About.of(LabSubject(data), session.data_title(data.name))
        begin_button(left, "Make the codes", one, options, about, key="search_start", wide=True)
        time = about_time(one.seconds(options))
        right.caption(
            f"PCA and autoencoders of several sizes, for the sentences first, then for the data of "
            f"the model in hand; {own(time)}."
        )


def _live(shown: Shown, asked: Asked, there: int) -> None:
    run = shown.run
    assert run is not None
    record = run.seen()
    if not run.live or len(codes_of(record.done, asked.of, asked.k)) > there:
        run_again()
    left = run.seconds_left()
    soon = "" if left is None else f", about {max(1, left):.0f} s left"
    row = st.columns([5, 1], vertical_alignment="center")
    text = f"{len(record.done)} of {record.planned:,} parts of the codes made{soon}"
    row[0].progress(min(run.share(), 1.0), text=own(text))
    row[1].button(
        "Stop",
        icon=":material/stop:",
        on_click=_stop,
        args=(shown.result,),
        width="stretch",
        key="search_stop",
    )


@guarded
def _stop(result: str) -> None:
    lab().stop(session.owner(), result)


def link(one: Experiment, shown: Shown | None) -> None:
    """The way to the experiment itself, with recall over all queries."""
    query = {"lab": one.name}
    if shown is not None and shown.mine:
        query[RESULT] = shown.result
    st.page_link(
        file_of("experiment"),
        label="Over a thousand searches: recall against bytes",
        icon=one.icon,
        query_params=query,
    )
