"""A run under way or over: its figures as they come, what was expected, and all that it leaves."""

from __future__ import annotations

import streamlit as st

from aecore.figures.chart import Chart
from aecore.lab.experiment import Experiment
from aecore.lab.outcome import Outcome
from aecore.lab.predicting import Prediction, difference, drawn_over
from aecore.lab.record import Record, try_outcome
from aecore.lab.taking_out import everything, file_stem
from aecore.runs.run import has_cookie
from pages.components.chart_view import chart_view, planes_view
from pages.components.pictures_view import pictures_view
from pages.lab import read_back_shown
from pages.lab.choosing import RESULT, SHARED, Shown, lab, others_of, said_of, view
from pages.shell import session
from pages.shell.layout import guarded
from pages.shell.page import all_pages, file_of
from pages.shell.plain_text import own, plain

EVERY = 0.5  # seconds between two looks at a run under way
PLANES = "On the plane"


def show(one: Experiment, shown: Shown) -> None:
    """The stage: charts on the left; on the right how far it is and what it says."""
    if shown.run is not None and shown.run.live:
        st.fragment(guarded(_live), run_every=EVERY)(one, shown)
    else:
        _stage(one, shown, shown.record)


def _live(one: Experiment, shown: Shown) -> None:
    run = shown.run
    assert run is not None
    if not run.live:
        st.rerun()
    _stage(one, shown, run.seen())


def _stage(one: Experiment, shown: Shown, record: Record) -> None:
    outcome, wrong = try_outcome(record)
    if wrong:
        st.error(plain(wrong), icon=":material/error:")
        return
    asked = one.asks(record.chosen(), record.about) if record.guess else None
    left, right = st.columns([5, 3], gap="large")
    with left:
        _charts(outcome, asked, record)
    with right:
        _said(outcome, asked, record)
        _state(shown, record)
        if shown.run is not None and shown.run.live and outcome.pictures:
            pictures_view(outcome.pictures[0], "lab_pictures")


def _charts(outcome: Outcome, asked: Prediction | None, record: Record) -> None:
    """One chart, or all planes together; which, is chosen above."""
    groups: dict[str, list[Chart]] = {}
    for chart in outcome.charts:
        groups.setdefault(PLANES if chart.kind == "plane" else chart.title, []).append(chart)
    if not groups:
        st.markdown("The first figure comes in a moment …")
        return
    names, first = list(groups), next(iter(groups))
    if asked is not None:
        first = next((n for n, some in groups.items() if some[0].name == asked.of), first)
    chosen = first
    if len(names) > 1:
        chosen = st.pills(
            "Figure",
            names,
            default=first,
            format_func=lambda name: plain(name.split(", ")[0]),
            label_visibility="collapsed",
            required=True,
            wrap=True,
            key=f"lab_figure_{record.experiment}",
        )
    group = groups.get(chosen or first) or groups[first]
    if group[0].kind == "plane":
        planes_view(group, "lab_planes")
        return
    chart = group[0] if asked is None else drawn_over(group[0], asked, record.guess)
    chart_view(chart, "lab_chart")


def _said(outcome: Outcome, asked: Prediction | None, record: Record) -> None:
    st.caption(own(said_of(record)))
    if outcome.says:
        st.markdown(f"**{plain(outcome.says)}**")
    told = "" if asked is None else difference(asked, record.guess, outcome)
    if told:
        st.markdown(plain(told))


def _state(shown: Shown, record: Record) -> None:
    """How far it is and the stop; or that it is over, and what next."""
    run = shown.run
    over = len(record.done) if run is None else len(run.record.done)
    for sentence in list(record.failed.values())[:2]:
        st.warning(plain(sentence), icon=":material/warning:")
    if run is not None and run.live:
        left = run.seconds_left()
        soon = "" if left is None else f", about {max(1, left):.0f} s left"
        text = f"{over} of {record.planned:,} parts done{soon}"
        st.progress(min(run.share(), 1.0), text=own(text))
        st.button(
            "Stop",
            icon=":material/stop:",
            on_click=_stop,
            args=(shown.result,),
            width="stretch",
            key="lab_stop",
        )
        return
    how = "stopped" if record.state == "stopped" else "done"
    st.caption(own(f"{over} of {record.planned} parts, {how} after {record.seconds:.0f} s."))
    if run is not None and run.unsaved:
        st.warning(plain(run.unsaved), icon=":material/warning:")
    _page_of_its_own(shown, record)
    if shown.mine:
        _leave(shown, record)
    st.button(
        "Run it again" if shown.mine else "Run it yourself",
        icon=":material/replay:",
        on_click=view,
        args=(None, record.experiment),
        width="stretch",
        key="lab_again",
    )


def _page_of_its_own(shown: Shown, record: Record) -> None:
    """The way to the page that shows more of a result than this one, if there is one."""
    one = record.of()
    if one.page:
        page = all_pages()[file_of(one.page)]
        query = {RESULT: shown.result} if shown.mine else {SHARED: st.query_params[SHARED]}
        label = own(f"**{page.title}**")
        st.page_link(file_of(one.page), label=label, icon=page.icon, query_params=query)


@guarded
def _stop(result: str) -> None:
    lab().stop(session.owner(), result)


def _leave(shown: Shown, record: Record) -> None:
    """What one's own result can be taken away as, and its link for others."""
    row = st.container(horizontal=True)
    row.download_button(
        "CSV, PNG, notebook",
        lambda: everything(record),
        file_name=f"{file_stem(record)}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="lab_zip",
    )
    if not has_cookie(session.owner()):
        row.caption("Without a cookie it is not kept: take it out now.")
        return
    with row.popover("Link", icon=":material/link:"):
        token = st.session_state.get("lab_token", {}).get(shown.result)
        if token is None:
            st.markdown("A link with which anybody can look at this result, until you end it.")
            st.button("Make a link", on_click=_share, args=(shown.result,), key="lab_share")
            return
        page = (st.context.url or "").split("?")[0].split("#")[0]
        link = f"{page}?lab={record.experiment}&{SHARED}={token}"
        st.code(link, language=None, wrap_lines=True)
        st.button("End sharing", on_click=_withdraw, args=(shown.result,), key="lab_unshare")


@guarded
def _share(result: str) -> None:
    token = lab().store.share(session.owner(), result)
    st.session_state["lab_token"] = {result: token}


@guarded
def _withdraw(result: str) -> None:
    lab().store.withdraw(session.owner(), result)
    st.session_state.pop("lab_token", None)


# Beneath the stage ---------------------------------------------------------------------------


def details(one: Experiment, shown: Shown) -> None:
    """Every figure with unit, split and what is expected, and an earlier result beside."""
    if shown.run is not None and shown.run.live:
        return
    outcome, wrong = try_outcome(shown.record)
    if wrong:
        return
    read_back_shown.take(shown, outcome.files)
    other = _other(one, shown)
    beside, _ = (None, "") if other is None else try_outcome(other)
    for shown_pictures in outcome.pictures:
        st.subheader(plain(shown_pictures.title), anchor=False)
        pictures_view(shown_pictures, f"lab_pictures_{shown_pictures.name}")
    if shown.record.state == "finished":
        # The text is about digits; who brought other data is told so.
        on = "" if shown.record.about.dataset in ("", "mnist") else " on MNIST digits"
        st.caption(own(f"**What surprised many{on}**: {one.surprise}"))
    if beside is not None and other is not None:
        _both(shown.record, outcome, other, beside)
    with st.expander("All figures", icon=":material/table_rows:", expanded=beside is not None):
        st.dataframe(_figures(outcome, beside), hide_index=True, key="lab_figures")


def _other(one: Experiment, shown: Shown) -> Record | None:
    others = others_of(one, shown)
    if not others:
        return None
    chosen = st.selectbox(
        "Lay beside",
        list(others),
        index=None,
        format_func=lambda result: own(said_of(others[result])),
        placeholder="an earlier result",
        key="lab_beside",
    )
    return others.get(chosen or "")


def _both(record: Record, outcome: Outcome, other: Record, beside: Outcome) -> None:
    for place, one, told, key in zip(
        st.columns(2), (record, other), (outcome, beside), ("this", "other"), strict=True
    ):
        with place:
            st.caption(own(said_of(one)))
            for chart in told.charts:
                if chart.kind != "plane":
                    chart_view(chart, f"lab_both_{key}_{chart.name}")


def _figures(outcome: Outcome, beside: Outcome | None) -> dict[str, list]:
    shown = outcome.figures
    table: dict[str, list] = {
        "figure": [f.title for f in shown],
        "value": [float(f"{f.value:.4g}") for f in shown],
    }
    if beside is not None:
        others = [beside.figure(f.name) for f in shown]
        table["beside"] = [None if o is None else float(f"{o.value:.4g}") for o in others]
    expected = ["" if f.band is None else f"{f.band[0]:.3g} to {f.band[1]:.3g}" for f in shown]
    return table | {
        "unit": [f.unit for f in shown],
        "expected": expected,
        "of": [f.split for f in shown],
    }
