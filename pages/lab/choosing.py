"""Which experiment, and which result of it, a page shows: by its address."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import streamlit as st

from aecore.errors import AecoreError
from aecore.jobs.lab_run import LabRun
from aecore.jobs.lab_runs import LabRuns
from aecore.lab.experiment import Experiment
from aecore.lab.record import Record
from aecore.lab.registry import all_experiments, experiment
from aecore.options import options_in
from pages.shell import session
from pages.shell.plain_text import own, plain, say

LAB, RESULT, SHARED = "lab", "result", "shared"  # query parameters


@dataclass(frozen=True)
class Shown:
    """A result in view. run: where this server has it in memory. mine: else it is somebody's who
    gave a link."""

    result: str
    record: Record
    run: LabRun | None
    mine: bool


def lab() -> LabRuns:
    """The experiments that all sessions share."""
    return session.jobs().lab


def chosen_experiment() -> Experiment:
    """The one that the address names, else the first."""
    known = all_experiments()
    name = st.query_params.get(LAB, next(iter(known)))
    try:
        return experiment(name)
    except AecoreError as error:
        say(error)
        st.query_params.pop(LAB)
        return next(iter(known.values()))


def in_view(one: Experiment) -> Shown | None:
    """The result that the address names; else one's own run of it under way; None for neither."""
    try:
        found = _named(one)
    except AecoreError as error:
        say(error)
        found = None
    if found is None or found.record.experiment != one.name:
        view(None)
        return None
    return found


def _named(one: Experiment) -> Shown | None:
    who, store = session.owner(), lab().store
    token, result = st.query_params.get(SHARED), st.query_params.get(RESULT)
    if token is not None:
        return Shown("", store.shared(token), None, False)
    if result is None:
        live = [r.run_id for r in lab().live(who) if r.record.experiment == one.name]
        if not live or st.session_state.get(_NEW) == one.name:
            return None
        result = live[0]
    record = lab().record(who, result)
    return Shown(result, record, lab().get(who, result), True)


_NEW = "lab_new"  # the experiment of which somebody wants to choose anew, though one runs


def view(result: str | None, anew: str | None = None) -> None:
    """Show this result from now on; None for the choices. anew: of the experiment of this name."""
    st.query_params.pop(SHARED, None)
    st.session_state[_NEW] = anew
    if result is None:
        st.query_params.pop(RESULT, None)
    else:
        st.query_params[RESULT] = result


def latest(one: Experiment) -> Shown | None:
    """One's own newest result of an experiment that was not stopped, which the address then names;
    None where there is none."""
    for result, record in _kept(one).items():
        if record.state == "finished":
            view(result)
            return Shown(result, record, lab().get(session.owner(), result), True)
    return None


def earlier(one: Experiment, shown: Shown | None) -> None:
    """One's own results of this experiment, to open, to lay beside, or to delete."""
    who, store = session.owner(), lab().store
    kept = _kept(one)
    others = {k: v for k, v in kept.items() if shown is None or k != shown.result}
    if not others:
        return
    with st.expander(f"Your earlier results ({len(others)})", icon=":material/history:"):
        for result, record in others.items():
            row = st.container(horizontal=True, vertical_alignment="center")
            row.markdown(own(said_of(record)))
            row.button("Open", on_click=view, args=(result,), key=f"lab_open_{result}")
            row.button("Delete", on_click=store.delete, args=(who, result), key=f"lab_del_{result}")


def _kept(one: Experiment) -> dict[str, Record]:
    """One's own results of an experiment that can be read, the newest first."""
    found = {}
    for result in lab().store.owned(session.owner()):
        try:
            record = lab().store.load(session.owner(), result)
        except AecoreError:
            continue  # a damaged one: opening it says so
        if record.experiment == one.name:
            found[result] = record
    return found


def others_of(one: Experiment, shown: Shown) -> dict[str, Record]:
    """What a result can be laid beside."""
    return {k: v for k, v in _kept(one).items() if k != shown.result}


def said_of(record: Record) -> str:
    """A result in some words: when, on what, with which options that are not the usual ones."""
    when = datetime.datetime.fromtimestamp(record.created)
    words = [when.strftime("%d %b, %H:%M")]
    if record.about.title:
        words.append(plain(record.about.title))
    try:
        known = {option.name: option for option in options_in(record.of().Options)}
    except AecoreError:
        known = {}
    for name, value in record.options.items():
        option = known.get(name)
        usual = None if option is None else option.default
        if value != (list(usual) if isinstance(usual, tuple) else usual):
            label = name.replace("_", " ") if option is None else option.label
            words.append(plain(f"{label}: {_short(value)}"))
    if record.state == "stopped":
        words.append("stopped early")
    return " · ".join(words)


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
