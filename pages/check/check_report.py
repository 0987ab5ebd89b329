"""The second half of the Check-up page: the verdict on the model in hand, and the whole report."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial

import streamlit as st

from aecore.inspection.judging.html import body, compare_body, compare_html, described, to_html
from aecore.inspection.judging.report import Report, examine
from aecore.inspection.origin import given_by
from pages.check import check_keeping, check_view
from pages.check.check_turn import in_turn
from pages.components.plain_text import plain
from pages.shell import access, session
from pages.shell.session import Hand

_KEPT = 24
_lock = threading.Lock()
_reports: OrderedDict[tuple[str, int], Report] = OrderedDict()


def report_of(held: Hand) -> Report:
    """The check-up of a model, made once for all sessions; others wait their turn."""
    with _lock:
        found = _reports.get(held.key)
    if found is None:
        opened = check_keeping.opened_as(held.ref)
        given = given_by(held.card) if opened is None else opened.given
        found = in_turn(
            lambda tell: examine(held.model, held.data, given=given, progress=tell),
            "Examining it …",
        )
        with _lock:
            _reports[held.key] = found
            while len(_reports) > _KEPT:
                _reports.popitem(last=False)
    return found


def show(held: Hand, report: Report) -> None:
    """The verdict with its evidence and everything that was measured, alone or beside another."""
    title = session.title_of(held.ref)
    st.subheader(plain(title), anchor=False)
    st.caption(plain(described(report)))
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
