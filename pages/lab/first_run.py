"""Where there is no result yet: what to do about it, and the button that begins the run."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.jobs.in_hand import InHand
from aecore.lab.about import About
from aecore.lab.experiment import Experiment
from pages.components.chart_view import sketch_view
from pages.lab.choosing import lab, view
from pages.shell import session
from pages.shell.layout import guarded
from pages.shell.plain_text import own, plain


@guarded
def begin(
    name: str,
    options: Any,
    about: About,
    held: InHand | None = None,
    guess: tuple[float, ...] = (),
) -> None:
    """For a button: start a run of an experiment, which is in view from then on."""
    run = lab().start(session.owner(), name, options, about, held, guess)
    view(run.run_id)


def begin_button(
    place: DeltaGenerator,
    label: str,
    one: Experiment,
    options: Any,
    about: About,
    held: InHand | None = None,
    guess: tuple[float, ...] = (),
    *,
    key: str,
    wide: bool = False,
) -> None:
    """The button that begins a run."""
    place.button(
        own(label),
        type="primary",
        icon=":material/play_arrow:",
        on_click=begin,
        args=(one.name, options, about, held, guess),
        width="stretch" if wide else "content",
        key=key,
    )


def nothing_yet(
    one: Experiment,
    options: Any,
    about: About,
    held: InHand | None = None,
    *,
    words: str,
    label: str,
    key: str,
) -> DeltaGenerator | None:
    """The experiment's sketch, what to do, and the button; or why the question makes no sense here.

    words: Markdown whose foreign parts are escaped. Returns the row of the button, for other ways;
    None where there is none.
    """
    why_not = one.why_not(about)
    if why_not:
        st.info(plain(why_not), icon=":material/block:")
        return None
    picture, text = st.columns([1, 3], vertical_alignment="center", gap="large")
    with picture:
        sketch_view(one.sketch(), f"{key}_sketch")
    text.markdown(own(words))
    row = text.container(horizontal=True, vertical_alignment="center")
    begin_button(row, label, one, options, about, held, key=f"{key}_start")
    return row
