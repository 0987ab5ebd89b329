"""The pieces of the teacher's page. Nothing that somebody typed is shown unless it is asked for."""

from __future__ import annotations

import html

import pandas as pd
import streamlit as st

from aecore.errors import AecoreError
from aecore.figures.qr import qr_svg
from aecore.jobs import house
from aecore.wording import count
from pages.components.drawing import drawing
from pages.shell import session, teacher
from pages.shell.doors import door, people_now
from pages.shell.layout import guarded
from pages.shell.plain_text import own, plain

EVERY = 5  # seconds
STATES = {"training": "train", "paused": "pause", "waiting": "wait", "preparing": "begin"}
DAYS = {0.5: "12 hours", 1.0: "a day", 7.0: "a week", 30.0: "30 days", 180.0: "half a year"}


def code(url: str) -> None:
    """The address and its QR code, as large as a projector needs them."""
    svg = qr_svg(url)
    size = 190 / max(len(url), 1)  # as wide as the code
    drawing(
        '<div style="container-type:inline-size;max-width:min(100%,58vh);margin:auto">'
        f'<div style="width:100%">{svg}</div><p style="text-align:center;font-weight:600;'
        f'line-height:1.1;margin:0;overflow-wrap:anywhere;font-size:min(2.2rem,{size:.2f}cqw)">'
        f"{html.escape(url)}</p></div>",
        "class_code",
    )


def load() -> None:
    """How full the server is, in a few words that follow."""
    st.fragment(guarded(_load), run_every=EVERY)()


def _load() -> None:
    seen = house.look(session.jobs())
    states = seen.states
    rows = [
        ("People here now", f"{people_now():,}", f"{seen.people_today:,} today"),
        ("Runs under way", f"{len(seen.live):,}", _states(states)),
        ("Check-ups", f"{seen.files[0]:,}", f"{seen.files[1]:,} in line"),
        ("Processors", _percent(seen.cpu), "busy in the last minute"),
        ("Memory", f"{seen.ours / 1e9:.1f} GB", _of_machine(seen)),
        ("Disk", f"{max(seen.disk_left, 0) / 1e9:,.0f} GB", "left for runs and data"),
    ]
    for start in range(0, len(rows), 2):
        for place, (label, figure, more) in zip(
            st.columns(2), rows[start : start + 2], strict=True
        ):
            place.metric(own(label), own(figure))
            place.caption(own(more))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _of_machine(seen: house.House) -> str:
    used, total = seen.memory / 1e9, seen.memory_total / 1e9
    return f"app and workers; {used:.1f} of {total:.1f} GB are in use here"


def _states(states: dict[str, int]) -> str:
    words = [
        f"{n:,} {verb}{'s' * (n == 1)}"
        for state, verb in STATES.items()
        if (n := states.get(state))
    ]
    over = sum(n for state, n in states.items() if state not in STATES)
    return ", ".join([*words, f"{over:,} over"])


def watch() -> None:
    """The runs under way, and what ends, tidies and closes."""
    st.fragment(guarded(_watch), run_every=EVERY)()


def _watch() -> None:
    teacher_or_stop()
    seen = house.look(session.jobs())
    row = st.container(horizontal=True, vertical_alignment="bottom")
    _end(row, seen.live)
    _clean(row)
    _door(row)
    if not seen.live:
        st.caption("Nothing trains. Runs under way stand here, without what people call them.")
        return
    named = st.toggle("Show what people call their runs", key="class_names")
    table = pd.DataFrame([_row(run, named) for run in seen.live])
    st.dataframe(table, hide_index=True, height=min(36 * (len(table) + 1) + 4, 360))


def _row(run: house.LiveRun, named: bool) -> dict[str, str]:
    shown = {
        "who": f"Person {run.person}",
        "model": run.model,
        "data": run.data,
        "state": run.state,
        "epoch": f"{run.epoch} of {run.epochs}",
    }
    return {**shown, "name": run.name} if named else shown


def _end(row, live: list[house.LiveRun]) -> None:
    with row.popover("End runs", icon=":material/stop_circle:", disabled=not live):
        st.markdown("A run that is ended keeps what it has learned, and can be trained further.")
        told = {run.run_id: f"Person {run.person}: {run.model}, {run.data}" for run in live}
        one = st.selectbox("One run", list(told), format_func=told.__getitem__, key="class_one")
        if one is not None:
            st.button("End this run", on_click=_end_one, args=(one,))
        st.button(f"End all {len(live):,}", type="primary", on_click=_end_all, key="end_all")


def _clean(row) -> None:
    with row.popover("Clean up", icon=":material/mop:"):
        st.markdown("Delete the runs and own data of people who have not been here for")
        days = st.selectbox(
            "How long", list(DAYS), 2, format_func=DAYS.__getitem__, label_visibility="collapsed"
        )
        runs, size, people = house.leaving(session.jobs(), days)
        st.markdown(
            f"{own(count(runs, 'run'))} of {own(count(people, 'person', 'people'))} "
            f"({size / 1e6:,.0f} MB) would go, and their own data. This cannot be undone."
        )
        st.button(
            "Delete them", type="primary", on_click=_clean_up, args=(days,), key="class_clean"
        )


def _door(row) -> None:
    closed = door().closed
    row.button(
        "Open the door" if closed else "Close the door",
        icon=":material/lock:" if closed else ":material/lock_open:",
        on_click=_turn_door,
        args=(not closed,),
        help="Closed, it lets nobody in who was not here before; who is here stays.",
        key="class_door",
    )


def teacher_or_stop() -> None:
    """The page's cookie is asked for at each press too."""
    if not teacher.is_teacher():
        raise AecoreError("This is for the teacher alone; open the teacher's link again.")


@guarded
def _end_one(run_id: str) -> None:
    teacher_or_stop()
    house.end_run(session.jobs(), run_id)


@guarded
def _end_all() -> None:
    teacher_or_stop()
    for sentence in house.end_all(session.jobs()):
        st.toast(plain(sentence))


@guarded
def _clean_up(days: float) -> None:
    teacher_or_stop()
    runs, data = house.clean_up(session.jobs(), days)
    st.toast(own(f"Deleted {count(runs, 'run')} and {count(data, 'dataset')}."))


@guarded
def _turn_door(closed: bool) -> None:
    teacher_or_stop()
    door().turn(closed)
