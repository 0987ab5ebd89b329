"""Myths about autoencoders, each beside the experiment that contradicts it, and its own figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from aecore.errors import AecoreError
from aecore.lab.outcome import Figure, Outcome
from aecore.lab.record import try_outcome
from aecore.lab.registry import all_experiments, experiment
from pages.lab.choosing import LAB, RESULT, lab
from pages.shell import session
from pages.shell.page import all_pages, file_of
from pages.shell.plain_text import own, plain

_SEEN = "lab_myths"  # in the session: of one's results, by id


@dataclass(frozen=True)
class Myth:
    """said: what one hears. but: what the experiment of this name shows. pairs: names of two of
    its figures that are held against each other, the first pair that is there."""

    said: str
    but: str
    name: str
    pairs: tuple[tuple[str, str], ...]


MYTHS = (
    Myth(
        "“A bigger bottleneck is always better.”",
        "More numbers lower the error; how well codes tell the classes apart stops to rise, and "
        "with few examples PCA overtakes a wide autoencoder.",
        "how-many-numbers",
        (("knn_24", "knn_128"), ("few_mse_128", "few_pca_mse_128"), ("few_mse_48", "few_mse_128")),
    ),
    Myth(
        "“Autoencoders classify.”",
        "They do not know classes. What is read from dense codes with a hundred labels is hardly "
        "more than what the pixels give.",
        "few-labels",
        (("fast-start_100", "pixels_100"), ("fast-start_30", "pixels_30")),
    ),
    Myth(
        "“They are for images only.”",
        "Sentences as 384 numbers are found again by 32 of them, better than by PCA's.",
        "search-by-code",
        (("recall_sentences_ae_32", "recall_sentences_pca_32"),),
    ),
    Myth(
        "“They need labels.”",
        "Nothing here saw a label in training, and yet one class against all others is found "
        "by what it draws badly.",
        "unusual",
        (("one_error", "one_mean"),),
    ),
)


def myths() -> None:
    """All of them as a table of cards, with figures from one's own newest results."""
    st.subheader("Myths, and what contradicts them", anchor=False)
    known = all_experiments()
    for start in range(0, len(MYTHS), 2):
        for place, myth in zip(st.columns(2), MYTHS[start : start + 2], strict=False):
            if myth.name in known:
                with place.container(border=True, gap="small"):
                    _card(myth)


def _card(myth: Myth) -> None:
    one = experiment(myth.name)
    st.markdown(own(f"**{myth.said}** {myth.but}"))
    found, result = _figures(myth)
    if found is None:
        st.caption("Run it, and its own figures stand here.")
    else:
        st.markdown(own(_said(*found)))
    query = {LAB: myth.name} | ({} if not result else {RESULT: result})
    st.page_link(file_of("experiment"), label=own(one.title), icon=one.icon, query_params=query)


def _figures(myth: Myth) -> tuple[tuple[Figure, Figure] | None, str]:
    """Two figures of one's own newest result that has them, and which result that is."""
    seen = st.session_state.setdefault(_SEEN, {})  # a result never changes: each is read once
    for result in lab().store.owned(session.owner()):
        if result not in seen:
            seen[result] = _read(result)
        name, found = seen[result]
        if name == myth.name and found is not None:
            return found, result
    return None, ""


def _read(result: str) -> tuple[str, tuple[Figure, Figure] | None]:
    """Of which experiment a result of one's own is, and what it says of that one's myth."""
    try:
        record = lab().store.load(session.owner(), result)
    except AecoreError:
        return "", None  # a damaged one: opening it says so
    outcome, wrong = try_outcome(record)
    of = next((myth for myth in MYTHS if myth.name == record.experiment), None)
    return record.experiment, None if wrong or of is None else pair_of(of, outcome)


def pair_of(myth: Myth, outcome: Outcome) -> tuple[Figure, Figure] | None:
    """The first of a myth's pairs of which both figures are there."""
    for names in myth.pairs:
        a, b = map(outcome.figure, names)
        if a is not None and b is not None:
            return a, b
    return None


def _said(a: Figure, b: Figure) -> str:
    """Both with unit and split, which most pairs share."""
    shown: Callable[[float], str] = (
        (lambda v: f"{v:.1f}") if a.unit.startswith(("%", "AUROC")) else (lambda v: f"{v:.4f}")
    )
    values = " beside ".join(f"{plain(f.title)} **{shown(f.value)}**" for f in (a, b))
    return f"Your run: {values} ({plain(a.unit)}; {plain(a.split)})."


def more() -> None:
    """The way to the pages of the laboratory that the sidebar does not list."""
    st.subheader("To play with", anchor=False)
    for file, page in all_pages().items():
        if not page.listed:
            st.page_link(file, label=own(page.title), icon=page.icon)


def style() -> None:
    """The way to style and content, which a conditional model parts."""
    st.caption(
        "Told the class, a conditional VAE keeps in its code how a digit is written, not which."
    )
    st.page_link(
        file_of("decode"),
        label="One hand's style",
        icon=":material/brush:",
        query_params={"model": "conditional-vae"},
    )
