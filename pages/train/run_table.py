"""The pieces of the Runs page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from aecore.errors import AecoreError
from aecore.evaluation.metrics import shown
from aecore.export.csv_tables import harmless, history_columns
from aecore.figures import charts
from aecore.inspection.apart import check_own
from aecore.models import family
from aecore.models.registry import options_of
from aecore.options import options_in
from aecore.runs import checkpoints, quota
from aecore.runs.checkpoints import SUFFIX
from aecore.runs.run import NO_SPEC, has_cookie
from aecore.runs.store import ID_PATTERN, Run
from pages.components.figure_data import csv_button
from pages.components.in_turn import in_turn
from pages.components.options_form import in_words
from pages.shell import access, session
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain, say

ERRORS = ("held-out MSE", "PCA's MSE", "from damaged", "PCA's from damaged")


@dataclass(frozen=True)
class Listing:
    """The table, its columns' looks, and the ref of each row."""

    table: Styler
    columns: dict[str, Any]
    refs: list[str]


def listing() -> Listing:
    """This browser's runs, newest first, then the shipped models."""
    rows, refs = [], []
    for run in session.jobs().runs(session.owner()):
        refs.append(run.run_id)
        source = "uploaded" if run.kind == "upload" else run.recording.status
        source = "damaged" if run.kind == "damaged" else source
        rows.append(_row(run.name, source, run.spec, run.dataset, run.recording.newest))
    for ref in checkpoints.shipped():
        card = session.card_of(ref)
        refs.append(ref)
        rows.append(_row(card.name, "shipped", card.spec, card.dataset, card.newest))
    frame = pd.DataFrame({name: [row[name] for row in rows] for name in rows[0]} if rows else {})
    # Whole ones, also where a run has none yet.
    frame = frame.astype({name: "Int64" for name in ("k", "epochs") if name in frame})
    # Numbers, so that they sort as such, that look as errors do on every page.
    looks: Any = {name: shown for name in ERRORS if name in frame}
    table = frame.style.format(looks, na_rep="")
    number = st.column_config.NumberColumn
    columns = {
        "held-out MSE": number(help="Mean squared error per value"),
        "PCA's MSE": number(
            help="PCA on the same examples, with as many numbers as the code has; of a sparse code "
            "as many as are on"
        ),
        "from damaged": number(
            help="Held-out MSE against the clean examples: what a denoising model is judged by"
        ),
        "PCA's from damaged": number(help="PCA on the same damaged examples"),
        "neg. ELBO": number(format="%.1f", help="Nats an image, VAEs with cross-entropy only"),
        "seconds": number(format="%.1f", help="Training time"),
    }
    return Listing(table, columns, refs)


def _row(name: str, source: str, spec, dataset: str, last: dict) -> dict[str, Any]:
    return {
        "name": harmless(name),
        "state": source,
        "model": spec.family,
        "data": dataset,
        "k": None if spec is NO_SPEC else spec.latent_dim,
        "epochs": last.get("epoch"),
        "held-out MSE": last.get("test_mse"),
        "PCA's MSE": last.get("pca_mse"),
        "from damaged": last.get("test_denoised_mse"),
        "PCA's from damaged": last.get("pca_denoised_mse"),
        "neg. ELBO": last.get("test_nelbo"),
        "seconds": last.get("seconds"),
    }


def actions(ref: str) -> None:
    """What can be done with one model."""
    run = access.run_of(ref) if ID_PATTERN.fullmatch(ref) else None
    ready = run is None or run.has_model
    places = st.columns(5, vertical_alignment="bottom")
    if places[0].button(
        "Take in hand",
        icon=":material/front_hand:",
        type="primary",
        disabled=not ready,
        width="stretch",
        key=f"take_{ref}",
    ):
        session.take_in_hand(ref)
        st.rerun()
    if ready:
        places[1].download_button(
            "Download",
            lambda: _content(ref),
            file_name=f"{session.title_of(ref)}{SUFFIX}",
            icon=":material/download:",
            width="stretch",
            key=f"download_{ref}",
        )
    if run is None:
        return
    if places[2].button("Watch", icon=":material/monitoring:", width="stretch", key=f"watch_{ref}"):
        session.view_run(ref)
        st.switch_page(file_of("train"), query_params={session.RUN: ref})
    with places[3].popover("Rename", icon=":material/edit:", width="stretch"):
        name = st.text_input("New name", run.name, max_chars=60, key=f"name_{ref}")
        if st.button("Rename", key=f"rename_{ref}"):
            session.jobs().library.rename(session.owner(), ref, name)
            st.rerun()
    with places[4].popover("Delete", icon=":material/delete:", width="stretch"):
        st.markdown(f"Delete **{plain(run.name)}** and its files? This cannot be undone.")
        if st.button("Delete", type="primary", key=f"delete_{ref}"):
            _delete(run)
            st.rerun()
    if run.recording.message and run.recording.message != run.notice:
        st.caption(plain(run.recording.message))


def room(owner: str) -> None:
    """How much of what one person may keep is used, once that is worth a word; and the runs that
    need one: damaged, or not on the disk."""
    for run in session.jobs().runs(owner):
        if run.notice:
            st.warning(f"**{plain(run.name)}**: {plain(run.notice)}", icon=":material/warning:")
    count, used = session.jobs().library.quota.used(owner)
    most = f"{quota.MAX_BYTES / 1e6:,.0f} MB; up to {quota.MAX_RUNS} are kept"
    if count and has_cookie(owner):
        st.caption(
            f"Your {'run takes' if count == 1 else f'{count:,} runs take'} {used / 1e6:,.1f} of "
            f"{most}, each {own(how_long())}."
        )
    elif count:
        st.caption(
            "Your browser sends no cookie: when this tab is closed, nobody finds its runs again, "
            f"and they go after a day. All who send none have {count:,}, of {used / 1e6:,.1f} of "
            f"{most}. Allow cookies for this address, and your runs are your own."
        )


def how_long() -> str:
    """How long runs are kept, as part of a sentence."""
    try:
        days = quota.keep_days()
    except AecoreError:  # whoever runs the server reads it in the log; no run goes meanwhile
        return "for as long as the server keeps it"
    if days == float("inf"):
        return "until you delete it"
    return f"until you have not been here for {days:g} days"


def _content(ref: str) -> bytes:
    if ID_PATTERN.fullmatch(ref):
        return session.jobs().library.download(ref)
    return checkpoints.shipped()[ref].read_bytes()


def _delete(run: Run) -> None:
    session.jobs().delete(session.owner(), run.run_id)
    if session.hand_ref() == run.run_id:
        session.take_in_hand(session.DEFAULT_MODEL)
    session.forget_run(run.run_id)


def comparison(refs: list[str]) -> None:
    """Two models beside each other: figures, differences in their making, curves."""
    cards = []
    for ref in refs:
        run = access.run_of(ref) if ID_PATTERN.fullmatch(ref) else None
        if run is not None and not run.has_model:
            st.info(
                f"{plain(run.name)} has no model yet; wait for its first epoch.",
                icon=":material/info:",
            )
            return
        cards.append(session.hand_of(ref).card)
    alike = cards[0].fingerprint == cards[1].fingerprint
    if not alike:
        st.info(
            "They were trained on different data, so their errors cannot be held against each "
            "other.",
            icon=":material/info:",
        )
    places = st.columns(2)
    for place, card, other in zip(places, cards, cards[::-1], strict=True):
        place.subheader(plain(card.name), anchor=False)
        row = place.container(horizontal=True)
        mse, theirs = card.metrics.get("test_mse"), other.metrics.get("test_mse")
        if mse is not None:
            delta = None if theirs is None or not alike else shown(mse - theirs, "+")
            row.metric("Held-out MSE", shown(mse), delta, delta_color="inverse")
        nelbo, theirs = card.metrics.get("test_nelbo"), other.metrics.get("test_nelbo")
        if nelbo is not None:
            delta = None if theirs is None or not alike else f"{nelbo - theirs:+.1f}"
            row.metric("Neg. ELBO, nats", f"{nelbo:.1f}", delta, delta_color="inverse")
        row.metric("Latent numbers", f"{card.spec.latent_dim:,}")
    different = differences(*cards)
    if different:
        second = cards[1].name + (" (2)" if cards[1].name == cards[0].name else "")
        names = ("Where they differ", harmless(cards[0].name), harmless(second))
        st.dataframe(dict(zip(names, zip(*different, strict=True), strict=True)), hide_index=True)
    named = [(card.name, card.history) for card in cards]
    st.caption(
        "Held-out error by epoch, solid; on training examples, dotted; PCA's at each one's number "
        "of latent numbers, dashed. A dotted line that falls away from its solid one over-trains."
    )
    st.plotly_chart(charts.histories(named), key="histories", config={"displaylogo": False})
    rows = [{"model": card.name, **row} for card in cards for row in card.history]
    csv_button(lambda: history_columns(rows), "histories", "histories")


def differences(a: checkpoints.Card, b: checkpoints.Card) -> list[tuple[str, str, str]]:
    """What is not the same in the making of two models: (what, a's, b's), "–" where one has no
    such thing."""
    ours, theirs = _facts(a), _facts(b)
    rows = [(name, ours.get(name, "–"), theirs.get(name, "–")) for name in {**ours, **theirs}]
    return [row for row in rows if row[1] != row[2]]


def _facts(card: checkpoints.Card) -> dict[str, str]:
    facts: dict[str, Any] = {
        "Model": family(card.spec.family).title,
        "Data": session.data_title(card.dataset),
        "Latent numbers": card.spec.latent_dim,
    }
    for made_by in (options_of(card.spec), card.config):
        for option in options_in(type(made_by)):
            facts[option.label] = getattr(made_by, option.name)
    facts |= {"Epochs done": card.epochs_done, "Training seconds": round(card.seconds, 1)}
    return {name: in_words(value) for name, value in facts.items()}


def upload(owner: str) -> None:
    """Open a checkpoint that was saved or downloaded before."""
    with st.expander("Open a checkpoint file", icon=":material/upload_file:"):
        file = st.file_uploader("A .safetensors file of this app", type=None, key="upload")
        if file is None or st.session_state.get("uploaded") == file.file_id:
            return
        st.session_state["uploaded"] = file.file_id
        content = file.getvalue()
        try:
            in_turn(
                lambda tell, place: check_own(
                    content, file.name, who=owner, tell=tell, place=place
                ),
                "Reading it …",
            )
            run = session.jobs().library.upload(owner, file.name, content)
        except AecoreError as error:
            say(error)
            return
        session.take_in_hand(run.run_id)
        st.rerun()
