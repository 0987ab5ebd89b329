"""The experiments as cards: a picture, the question, the time that it takes."""

from __future__ import annotations

import streamlit as st

from aecore.lab.experiment import Experiment
from aecore.lab.registry import all_experiments
from pages.components.chart_view import sketch_view
from pages.shell import session
from pages.shell.page import file_of
from pages.shell.plain_text import own

COLUMNS = 3
ON_STAGE = 9  # as many as stand above the fold


def cards(on_stage: bool) -> None:
    """The first of them, or the rest; and what of one's own runs just now."""
    live = {run.record.experiment for run in session.jobs().lab.live(session.owner())}
    every = list(all_experiments().values())
    every = every[:ON_STAGE] if on_stage else every[ON_STAGE:]
    for start in range(0, len(every), COLUMNS):
        row = every[start : start + COLUMNS]
        for place, one in zip(st.columns(COLUMNS), row, strict=False):
            with place:
                _card(one, one.name in live)


def _card(one: Experiment, live: bool) -> None:
    with st.container(border=True, key=f"lab_card_{one.place:g}", gap="small"):
        st.page_link(
            file_of("experiment"),
            label=own(f"**{one.title}**"),
            icon=one.icon,
            query_params={"lab": one.name},
        )
        picture, words = st.columns([2, 3], vertical_alignment="center")
        with picture:
            sketch_view(one.sketch(), f"sketch_{one.name}")
        with words:
            st.markdown(own(one.question))
            st.caption("It runs now." if live else own(about_time(one.seconds(one.Options()))))


def about_time(seconds: float) -> str:
    """About how long it takes here, with every core: 'about 20 s', 'about 2 minutes'."""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5)):.0f} s on one core"
    minutes = max(1, round(seconds / 60))
    return f"about {minutes} minute{'s' * (minutes > 1)} on one core"
