"""The sidebar's box: which model is in hand, and a list to take another."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from aecore.errors import AecoreError
from aecore.evaluation.metrics import shown
from aecore.runs.naming import told_apart
from aecore.runs.store import ID_PATTERN
from pages.shell import access, opened_files, session
from pages.shell.again import say_once
from pages.shell.plain_text import plain


def show_hand() -> None:
    """The sidebar's box: which model is in hand, and a list to take another."""
    refs = [*session.own_refs(), *(ref for ref in access.watched() if access.run_of(ref).has_model)]
    current = session.hand_ref()
    if current not in refs:
        try:
            access.version_of(current)
            refs.append(current)
        except AecoreError as error:
            say_once(error, "The default model is in hand instead.")
            current = session.DEFAULT_MODEL
            session.take_in_hand(current)
    names = titles(refs)
    with st.sidebar:
        chosen = st.selectbox(
            "Model in hand",
            refs,
            index=refs.index(current),
            format_func=lambda ref: names.get(ref, ""),
            help="Every page works on this model.",
            key=f"{session.CHOICE}_{current}",
        )
        if chosen != current:
            st.query_params.pop(access.WATCH, None)
            session.take_in_hand(chosen)
            st.rerun()
        _describe(current)


def titles(refs: list[str]) -> dict[str, str]:
    """Each model's title in one list; what its title leaves open is said behind it: whose it is, or
    that it is a file which is not kept."""
    found = {ref: session.title_of(ref) for ref in refs}
    files = [ref for ref in reversed(refs) if opened_files.PATTERN.fullmatch(ref)]
    for ref, title in zip(files, told_apart([found[ref] for ref in files]), strict=True):
        found[ref] = f"{title} (your file, not kept)"
    met = Counter(found.values())
    for ref in access.watched():
        if ref in found and met[found[ref]] > 1:
            found[ref] = f"{found[ref]} (somebody else's)"
    return found


def _describe(ref: str) -> None:
    card = session.card_of(ref)
    mse = card.metrics.get("test_mse")
    parts = [f"{card.spec.latent_dim} latent numbers", session.data_title(card.dataset)]
    if mse is not None:
        parts.append(f"held-out MSE {shown(mse)}")
    st.caption(plain(" · ".join(parts)))
    notice = access.run_of(ref).notice if ID_PATTERN.fullmatch(ref) else ""
    if notice:  # of a damaged folder, or a disk that refused it, on whichever page it was made
        st.warning(plain(notice), icon=":material/warning:")
    if access.taking_refused(ref):
        st.caption(access.LOOK_ONLY)
