"""Before a run: what one expects, on which data, the options, the start."""

from __future__ import annotations

from typing import Any

import streamlit as st

from aecore import datasets
from aecore.jobs.in_hand import InHand
from aecore.lab.about import About, LabSubject
from aecore.lab.experiment import Experiment
from aecore.lab.predicting import Prediction
from aecore.lab.registry import options_from
from aecore.options import options_in
from pages.components.options_form import options_form
from pages.components.own_data import mine, usable
from pages.components.predict import predict
from pages.lab.experiment_cards import about_time
from pages.lab.first_run import begin_button
from pages.shell import session
from pages.shell.plain_text import own, plain

DATASET = "dataset"  # query parameter


def show(one: Experiment) -> None:
    """The prediction on the left, what is run on the right."""
    left, right = st.columns([5, 3], gap="large")
    with right:
        held = session.hand().in_hand if one.uses == "model" else None
        about = _about(one, held)
        why_not = one.why_not(about)
        if why_not:
            st.info(plain(why_not), icon=":material/block:")
            return
        options = _options(one)
        st.caption(own(_said_of_time(one, options)))
    with left:
        asked = one.asks(options, about)
        guess = () if asked is None else _guess(one, asked)
    with right:
        label = "Lock in and start" if guess else "Start"
        begin_button(right, label, one, options, about, held, guess, key="lab_start", wide=True)
        if asked is not None and not guess:
            st.caption("Or draw what you expect first: you learn more by being wrong.")


def _guess(one: Experiment, asked: Prediction) -> tuple[float, ...]:
    """What a person expects; empty while nothing is drawn."""
    st.markdown(f"**What do you expect?** {plain(asked.question)}")
    key = f"guess_{one.name}_{hash((asked.x, asked.categories)) & 0xFFFFFF}"
    if asked.kind != "number":
        return predict(asked, key) or ()
    assert asked.y.span is not None
    low, high = asked.y.span
    value = st.number_input(own(asked.y.label), low, high, None, key=key)
    return () if value is None else (float(value),)


def _about(one: Experiment, held: InHand | None) -> About:
    """The facts of what it would run on."""
    if one.uses == "nothing":
        return About()
    if held is not None:
        st.caption(own(f"On the model in hand, **{plain(held.card.name)}**, and its data."))
        title = session.data_title(held.data.name)
        return About.of(LabSubject(held.data, held.model, held.card), title)
    sources = {name: s for name, s in datasets.all_sources().items() if s.ready()}
    names = [*sources, *mine()]
    wanted = st.query_params.get(DATASET, "mnist")
    name = st.selectbox(
        "Data",
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda name: plain(session.data_title(name)),
        key="lab_data",
    )
    data = datasets.load(usable(name).name)
    return About.of(LabSubject(data), session.data_title(name))


def _options(one: Experiment) -> Any:
    """The options, chosen in a box of their own: the usual ones are good."""
    with st.popover("Options", icon=":material/tune:", width="stretch"):
        usual = {o.name: o.default for o in options_in(one.Options)}
        values = options_form(one.Options, usual, f"lab_{one.name}", columns=1)
    return options_from(one, values)


def _said_of_time(one: Experiment, options: Any) -> str:
    changed = [
        option.label
        for option in options_in(one.Options)
        if getattr(options, option.name) != option.default
    ]
    with_options = f" Changed: {', '.join(changed)}." if changed else ""
    return f"It takes {about_time(one.seconds(options))}, in many small parts.{with_options}"
