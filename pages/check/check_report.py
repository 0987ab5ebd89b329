"""The second half of the Check-up page: the verdict on the model in hand, and the whole report."""

from __future__ import annotations

from functools import partial

import streamlit as st

from aecore.inspection.apart import judged
from aecore.inspection.judging.html import (
    body,
    compare_body,
    compare_html,
    described,
    to_html,
    verdict_body,
)
from aecore.inspection.judging.report import Report
from aecore.inspection.judging.standing import Standing
from pages.check import check_view
from pages.components.in_turn import in_turn
from pages.shell import access, session
from pages.shell.byte_cache import ByteCache
from pages.shell.page import file_of
from pages.shell.plain_text import plain
from pages.shell.session import Hand


def _bytes(report: Report) -> int:
    return sum(array.nbytes for array in report.arrays.values())


_reports: ByteCache[tuple[str, int], Report] = ByteCache(128 << 20, _bytes)


def report_of(held: Hand) -> Report:
    """The check-up of a model, made once for all sessions, in a process of its own."""
    found = _reports.get(held.key)
    if found is None:
        found = in_turn(
            lambda tell, place: judged(
                held.model, held.card, held.data, who=session.owner(), tell=tell, place=place
            ),
            "Examining it …",
        )
        _reports.put(held.key, found)
    return found


def show(held: Hand, report: Report) -> None:
    """The verdict with its evidence and everything that was measured, alone or beside another."""
    title = session.title_of(held.ref)
    st.subheader(plain(title), anchor=False)
    if not held.model.encodes:
        st.page_link(file_of("decode"), label="Explore it on the pad", icon=":material/explore:")
    st.caption(plain(described(report)))
    standing = Standing.of(held.card.origin)
    if standing.others:
        st.info(
            f"**Perhaps made for other data of this size.** {plain(' '.join(standing.others))} "
            "Above, under “Trained on”, its own can be chosen.",
            icon=":material/dataset:",
        )
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    other = _choose_other(left, held)
    if other is None:
        shown, page = body(report), partial(to_html, report, title=title)
    else:
        second, titles = report_of(other), (title, session.title_of(other.ref))
        shown = compare_body(report, second, titles=titles)
        page = partial(compare_html, report, second, titles=titles)
    if access.taking_refused(held.ref) is None:
        right.download_button(
            "The report as one file",
            page,
            file_name=f"check-up {title}.html",
            mime="text/html",
            icon=":material/download:",
            key="check_download",
            on_click="ignore",
            width="stretch",
        )
    check_view.show(shown, f"{held.key} {None if other is None else other.key}")


def show_open(held: Hand, report: Report) -> None:
    """The verdict on a network that is not understood: nothing was measured that would be its."""
    title = session.title_of(held.ref)
    st.subheader(plain(title), anchor=False)
    check_view.show(verdict_body(report), f"{held.key} open", short=True)


def _choose_other(place, held: Hand) -> Hand | None:
    refs = [ref for ref in session.own_refs() if ref != held.ref]
    chosen = place.selectbox(
        "Beside another model",
        ["", *refs],
        key="check_other",
        format_func=lambda r: session.title_of(r) if r else "none",
        help="Another model's figures beside this one's, both measured now.",
    )
    return session.hand_of(chosen) if chosen else None
