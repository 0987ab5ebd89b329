"""The second half of the Check-up page: the verdict on the model in hand, and the whole report."""

from __future__ import annotations

import hashlib
from functools import partial

import streamlit as st

from aecore.byte_cache import ByteCache
from aecore.inspection.apart import judged
from aecore.inspection.judging.html import (
    compare_html,
    described,
    to_html,
    verdict_body,
)
from aecore.inspection.judging.report import Report
from aecore.inspection.judging.standing import Standing
from aecore.jobs import views
from aecore.runs import checkpoints
from pages.check import check_view
from pages.components.in_turn import in_turn
from pages.shell import access, session
from pages.shell.computing import apart
from pages.shell.kept import kept
from pages.shell.page import file_of
from pages.shell.plain_text import plain
from pages.shell.session import Hand

MARKUP = 32 << 20  # bytes of reports as pages show them, kept for all sessions


def _bytes(report: Report) -> int:
    return sum(array.nbytes for array in report.arrays.values())


_reports: ByteCache[str, Report] = ByteCache(64 << 20, _bytes)


@kept()
def _content(held: Hand) -> str:
    """What tells a model, its card and its data from all others, wherever they came from."""
    digest = hashlib.sha256(checkpoints.to_bytes(held.model, held.card))
    digest.update(held.data.fingerprint.encode())
    return digest.hexdigest()


def report_of(held: Hand) -> Report:
    """The check-up of a model, made once for all sessions, in a process of its own: ten people who
    bring one file wait for one check-up."""
    key = _content(held)
    found = _reports.get(key)
    if found is None:
        who = session.owner()
        found = in_turn(
            lambda tell, place: judged(
                held.model, held.card, held.data, who=who, tell=tell, place=place
            ),
            "Examining it …",
            ("judged", key),
        )
        _reports.put(key, found)
    return found


def headline(held: Hand, report: Report) -> None:
    """The verdict in one sentence with three figures; of what is not understood all that is
    certain, for nothing was measured that would be its."""
    st.subheader(plain(session.title_of(held.ref)), anchor=False)
    if not report.understood:
        check_view.show(verdict_body(report), f"{held.key} open", short=True, key="check_head")
        return
    st.caption(plain(described(report)))
    check_view.show(_head(held), f"{held.key} head", short=True, key="check_head")
    standing = Standing.of(held.card.origin)
    if standing.others:
        st.info(
            f"**Perhaps made for other data of this size.** {plain(' '.join(standing.others))} "
            "Under “Trained on”, its own can be chosen.",
            icon=":material/dataset:",
        )


def actions(held: Hand, report: Report) -> Hand | None:
    """What can be done with a report: another beside it, which is returned, and taking it away."""
    other = _choose_other(held)
    title = session.title_of(held.ref)
    page = partial(to_html, report, title=title)
    if other is not None:
        both = title, session.title_of(other.ref)
        page = partial(compare_html, report, report_of(other), titles=both)
    if access.taking_refused(held.ref) is None:
        st.download_button(
            "The report as one file",
            page,
            file_name=f"check-up {title}.html",
            mime="text/html",
            icon=":material/download:",
            key="check_download",
            on_click="ignore",
            width="stretch",
        )
    if not held.model.encodes:
        st.page_link(file_of("decode"), label="Explore it on the pad", icon=":material/explore:")
    return other


def show(held: Hand, other: Hand | None) -> None:
    """Every finding with its evidence and everything that was measured, alone or beside another."""
    titles = (session.title_of(held.ref),)
    if other is not None:
        titles = (*titles, session.title_of(other.ref))
    name = f"{held.key} {None if other is None else other.key}"
    check_view.show(_markup(held, other, titles), name)


@kept(most_bytes=MARKUP)
def _head(held: Hand) -> str:
    return apart(views.headline_markup, report_of(held))


@kept(most_bytes=MARKUP)
def _markup(held: Hand, other: Hand | None, titles: tuple[str, ...]) -> str:
    second = None if other is None else report_of(other)
    return apart(views.report_markup, report_of(held), second, titles)


def _choose_other(held: Hand) -> Hand | None:
    refs = [ref for ref in session.own_refs() if ref != held.ref]
    chosen = st.selectbox(
        "Beside another model",
        ["", *refs],
        key="check_other",
        format_func=lambda r: session.title_of(r) if r else "none",
        help="Another model's figures beside this one's, both measured now.",
    )
    return session.hand_of(chosen) if chosen else None
