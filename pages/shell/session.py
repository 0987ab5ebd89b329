"""Typed access to everything that a session keeps: its owner, the model in hand, the run in view.

What it keeps is a copy: of the address, and of the person's record (recalled). No other file
touches st.session_state's shared keys or the query parameters; widgets' own keys stay with their
pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from aecore import datasets
from aecore.datasets import Dataset, public_name
from aecore.datasets.own.store import check_access, find_by_fingerprint
from aecore.errors import AecoreError, DatasetError
from aecore.evaluation.latent import Codes
from aecore.export.subject import file_stem
from aecore.jobs import views
from aecore.jobs.engine import JobEngine
from aecore.jobs.in_hand import InHand
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of, is_ready
from aecore.runs import checkpoints
from aecore.runs.checkpoints import Card, Checkpoint
from aecore.runs.naming import told_apart
from aecore.runs.store import ID_PATTERN, Run
from pages.shell import access, opened_files, recalled
from pages.shell.again import say_once
from pages.shell.computing import apart, in_time
from pages.shell.kept import kept

OWN = public_name("own-")  # what a file calls data of somebody's own
DEFAULT_MODEL = "vae-plane"
MODEL, RUN = "model", "run"  # query parameters
_HAND, _RUN_VIEW, CHOICE = "hand", "run_view", "hand_choice"
_RECALLED = "recalled"
SHIPPED_BYTES = 64 << 20  # of the shipped models' weights, all of which are 20 MB


def owner() -> str:
    """Who this browser is, as runs, data and files are known to be its own: a hash."""
    return access.owner()


def owns(run: Run) -> bool:
    """Whether this browser started the run: only then may it steer it."""
    return access.owns(run)


def jobs() -> JobEngine:
    """The job engine that all sessions share."""
    return access.jobs()


# The model in hand -------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """The model in hand, its card and its data. `ref` names it in the URL; `version` grows when
    the weights behind the ref change."""

    ref: str
    version: int
    model: LatentModel
    card: Card
    data: Dataset

    @property
    def key(self) -> tuple[str, int]:
        """What caches of things derived from this model are keyed by."""
        return self.ref, self.version

    @property
    def in_hand(self) -> InHand:
        """The same, as aecore computes with it."""
        return InHand(self.model, self.card, self.data, self.key)

    @property
    def stem(self) -> str:
        """What a file of it is called, without its ending: by its name, which opens nothing."""
        return file_stem(self.card)

    @property
    def basis(self) -> PCABasis:
        """PCA of the data that the model was trained on."""
        data, k = self.data.limited(self.card.config.limit), self.card.spec.latent_dim
        if not is_ready(data, k):
            apart(views.fit_basis, self.in_hand)  # which leaves it where it is found below
        return basis_of(data, k)


def begin() -> None:
    """Bring the URL and the session together; called first on every run of the app.

    A run of one's own is in the address by its id, somebody else's by the token of its watch link.
    """
    if not st.session_state.get(_RECALLED):
        _recall()
        st.session_state[_RECALLED] = True
    token, in_url = st.query_params.get(access.WATCH), st.query_params.get(MODEL)
    if token is not None:
        try:
            run = access.watch(token)
        except AecoreError as error:
            st.query_params.pop(access.WATCH)
            say_once(error)
        else:
            st.session_state[_RUN_VIEW] = run.run_id
            if in_url is None and run.has_model:
                _hold(run.run_id)
            if in_url is None:
                return
    if in_url is not None:
        _hold(in_url)
    else:
        _address_hand(hand_ref())


def _recall() -> None:
    """Fill a new session from the person's record, with what the address leaves open."""
    hand, run = recalled.recall()
    if hand is not None:
        st.session_state.setdefault(_HAND, hand)
    said = {RUN, access.WATCH, "dataset", "preset", "family"} & set(st.query_params)
    if run is not None and not said:
        st.session_state.setdefault(_RUN_VIEW, run)


def _hold(ref: str) -> None:
    st.session_state[_HAND] = ref
    recalled.note("hand", ref[:60])


def _address_hand(ref: str) -> None:
    token = access.watched().get(ref) if ID_PATTERN.fullmatch(ref) else None
    if token is None:
        st.query_params[MODEL] = ref
    else:
        st.query_params.pop(MODEL, None)
        st.query_params[access.WATCH] = token


def hand_ref() -> str:
    """The name of the model in hand."""
    return st.session_state.get(_HAND, DEFAULT_MODEL)


def take_in_hand(ref: str) -> None:
    """Make a shipped model (by name) or a run (by id) the model in hand, on all pages."""
    _hold(ref)
    st.session_state.pop(CHOICE, None)
    _address_hand(ref)


def hand() -> Hand:
    """The model in hand, ready to use. Raises AecoreError with a sentence if it cannot be."""
    return hand_of(hand_ref())


def hand_of(ref: str) -> Hand:
    """Any model by its name, run id or file, that this browser may look at. Raises AecoreError."""
    version, found = _model_of(ref)
    data = datasets.load(_data_of(ref, found.card))
    if data.spec.shape != found.card.spec.data.shape:
        raise DatasetError(
            f"The model {found.card.name!r} takes examples of shape {found.card.spec.data.shape}, "
            f"but {data_title(data.name)} has shape {data.spec.shape}; take another model in hand."
        )
    title = title_of(ref)  # a card keeps the name that a run began with
    card = found.card if found.card.name == title else replace(found.card, name=title)
    return Hand(ref, version, found.model, card, data)


def _data_of(ref: str, card: Card) -> str:
    """The name of the data that a model was trained on. Own data are its owner's: who watches a run
    sees them by it, and a card that somebody wrote opens nobody else's. Raises DatasetError."""
    whose, name = access.owner_of(ref), card.dataset
    if whose is None:
        return name
    if name == OWN:
        return find_by_fingerprint(whose, card.fingerprint) or name
    check_access(name, whose)
    return name


def version_of(ref: str) -> int:
    """A number that changes with the weights behind a ref. Raises AecoreError if unknown, or if
    this browser may not look at it."""
    return access.version_of(ref)


def _model_of(ref: str) -> tuple[int, Checkpoint]:
    """The model behind a ref and its version, which belong together: as it was opened where that
    is remembered, else read, once."""
    version, opened = access.version_of(ref), opened_files.find(ref)
    if opened is not None and opened.version == version:
        return version, Checkpoint(opened.opened.model, opened.opened.card)
    return jobs().library.current(ref) if ID_PATTERN.fullmatch(ref) else (version, _shipped(ref))


@kept(most_bytes=SHIPPED_BYTES)
def _shipped(ref: str) -> Checkpoint:
    # Shared by all sessions: in evaluation mode, and never changed.
    return checkpoints.load(checkpoints.shipped()[ref])


def card_of(ref: str) -> Card:
    """A model's card alone: names and figures of what ships need no weights."""
    return _shipped_card(ref) if ref in checkpoints.shipped() else _model_of(ref)[1].card


@kept()
def _shipped_card(ref: str) -> Card:
    return checkpoints.read_card(checkpoints.shipped()[ref])


@kept()
def codes(held: Hand, split: str = "test") -> Codes:
    """Codes of every example of a split ('test' is the held-out one)."""
    return in_time(views.codes, held.in_hand, split)


@kept()
def held_out_errors(held: Hand) -> np.ndarray:
    """Mean squared error of each held-out example, (n,), of decode(mean), unclipped."""
    return in_time(views.errors, held.in_hand)


def own_refs() -> list[str]:
    """What this browser can take in hand: what ships, its files in memory, its runs."""
    runs = [run.run_id for run in jobs().runs(owner()) if run.has_model]
    return [*checkpoints.shipped(), *opened_files.unkept(owner()), *runs]


def data_title(name: str) -> str:
    """What a person calls a dataset; where the data are gone, its name unless that opens them."""
    try:
        return datasets.source(name).title
    except AecoreError:
        return "own data" if name.startswith(OWN) else name


def title_of(ref: str) -> str:
    """What a person calls the model behind a ref that this browser may look at: on every page, in
    every figure and file the same, and no two of a person's the same."""
    if ID_PATTERN.fullmatch(ref):
        run = access.run_of(ref)
        alike = (
            [r for r in jobs().store.owned_by(run.owner) if r.name == run.name] if owns(run) else []
        )
        if len(alike) < 2:  # runs are named apart when they begin; these are of an earlier version
            return run.name
        older = sum(r.created < run.created for r in alike)
        return told_apart([run.name] * (older + 1))[older]
    known = ref in checkpoints.shipped() or opened_files.find(ref) is not None
    return card_of(ref).name if known else ref


# The run in view ---------------------------------------------------------------------------


def run_in_view() -> Run | None:
    """The run that the Train page shows: the URL's, else the session's last. Raises JobError."""
    run_id = st.query_params.get(RUN) or st.session_state.get(_RUN_VIEW)
    if run_id is None:
        return None
    try:
        run = access.run_of(run_id)
    except AecoreError:
        view_run(None)
        raise
    view_run(run_id)
    return run


def view_run(run_id: str | None) -> None:
    """Show this run on the Train page, here and in the URL; None shows the choices again."""
    token = access.watched().get(run_id) if run_id else None
    for name, value in ((RUN, None if token else run_id), (access.WATCH, token)):
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
    if run_id is None:
        st.session_state.pop(_RUN_VIEW, None)
    else:
        st.session_state[_RUN_VIEW] = run_id
    recalled.note("run", run_id)


def forget_run(run_id: str) -> None:
    """No longer show a run that was deleted."""
    if st.session_state.get(_RUN_VIEW) == run_id:
        st.session_state.pop(_RUN_VIEW)
        recalled.note("run", None)
