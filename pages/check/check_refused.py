"""What the Check-up page says of a file that it could not take in hand, and the ways on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from aecore.errors import AecoreError
from aecore.inspection.apart import NotUnderstoodError, Opened, Source
from aecore.inspection.files.pairing import WhichFileError
from aecore.inspection.judging.html import verdict_body
from aecore.inspection.judging.refused import refused
from aecore.inspection.judging.report import Report
from pages.check import check_by_hand, check_view
from pages.shell.plain_text import own, plain


@dataclass(frozen=True)
class Failure:
    """Why a file is not in hand.

    report: the verdict on one that was read and not understood. source: its tensors. which: several
    files lie there, and somebody has to say which is meant.
    """

    sentence: str
    dataset: str | None
    source: Source | None = None
    report: Report | None = None
    which: bool = False

    @classmethod
    def of(cls, error: AecoreError, dataset: str | None) -> Failure:
        """What an error says of the file."""
        if isinstance(error, NotUnderstoodError):
            report = refused(str(error), error.kind, error.what, error.finding)
            return cls(str(error), dataset, error.source, report)
        return cls(str(error), dataset, which=isinstance(error, WhichFileError))


def said(failure: Failure) -> None:
    """The sentence, or the verdict."""
    if failure.report is None:
        st.error(plain(failure.sentence), icon=":material/report:")
    else:
        check_view.show(verdict_body(failure.report), failure.sentence, short=True)


def ways_on(failure: Failure) -> Opened | None:
    """What can be done about it. Returns a model described by hand."""
    if failure.report is None or failure.source is None or failure.source.graph:
        return None
    with st.expander("Describe it by hand", icon=":material/edit_note:"):
        st.markdown(
            "The tensors are there; only how they join is not clear. Write one layer a line; each "
            "takes the next tensors of the file that have its shapes."
        )
        return check_by_hand.form(failure.source, failure.dataset or "mnist")


def ask(sentence: str, names: list[str]) -> tuple[list[int], bool] | None:
    """Which of several files is meant. Returns the numbers of those, and whether two of them are
    one model; None before somebody has said it."""
    st.warning(plain(sentence), icon=":material/help_center:")
    chosen = None
    with st.container(horizontal=True):
        for i, name in enumerate(names):
            if st.button(f"Open {plain(name)}", key=f"check_which_{i}", icon=":material/draft:"):
                chosen = ([i], False)
        if len(names) == 2 and st.button(
            own("Read them as encoder and decoder"), key="check_together", icon=":material/link:"
        ):
            chosen = ([0, 1], True)
    return chosen
