"""Typed access to everything that a session keeps: its owner, the model in hand, the run in view.

No other file touches st.session_state's shared keys or the query parameters. Widgets' own keys
stay with their pages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import streamlit as st

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError, DatasetError, UnknownNameError
from aecore.evaluation.latent import Codes, encode_split
from aecore.evaluation.metrics import shown
from aecore.jobs.engine import JobEngine, engine
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.runs import checkpoints
from aecore.runs.checkpoints import Card
from aecore.runs.store import ID_PATTERN, Run
from pages.shell import opened_files
from pages.shell.owner import COOKIE, is_owner, new_owner

DEFAULT_MODEL = "vae-plane"
MODEL, RUN = "model", "run"  # query parameters
_HAND, _RUN_VIEW, _OWNER, _CHOICE = "hand", "run_view", "owner", "hand_choice"


def owner() -> str:
    """Who this browser is: its cookie, or an id of this session where there are no cookies."""
    cookie = st.context.cookies.get(COOKIE)
    if isinstance(cookie, str) and is_owner(cookie):
        return cookie
    return st.session_state.setdefault(_OWNER, new_owner())


def jobs() -> JobEngine:
    """The job engine that all sessions share."""
    return engine()


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
    def basis(self) -> PCABasis:
        """PCA of the data that the model was trained on."""
        return basis_of(self.data.limited(self.card.config.limit))


def begin() -> None:
    """Bring the URL and the session together; called first on every run of the app."""
    in_url = st.query_params.get(MODEL)
    if in_url is not None:
        st.session_state[_HAND] = in_url
    else:
        st.query_params[MODEL] = hand_ref()


def hand_ref() -> str:
    """The name of the model in hand."""
    return st.session_state.get(_HAND, DEFAULT_MODEL)


def take_in_hand(ref: str) -> None:
    """Make a shipped model (by name) or a run (by id) the model in hand, on all pages."""
    st.session_state[_HAND] = ref
    st.session_state.pop(_CHOICE, None)
    st.query_params[MODEL] = ref


def hand() -> Hand:
    """The model in hand, ready to use. Raises AecoreError with a sentence if it cannot be."""
    return hand_of(hand_ref())


def hand_of(ref: str) -> Hand:
    """Any model by its name or run id."""
    version = version_of(ref)
    found = checkpoint_of(ref, version)
    data = datasets.load(found.card.dataset)
    if data.spec.shape != found.card.spec.data.shape:
        raise DatasetError(
            f"The model {found.card.name!r} takes examples of shape {found.card.spec.data.shape}, "
            f"but {data.name} has shape {data.spec.shape}; take another model in hand."
        )
    return Hand(ref, version, found.model, found.card, data)


def version_of(ref: str) -> int:
    """A number that changes with the weights behind a ref. Raises AecoreError if unknown."""
    if ID_PATTERN.fullmatch(ref):
        return jobs().get(ref).saved
    if opened_files.PATTERN.fullmatch(ref):
        return opened_files.get(ref).version
    if ref not in checkpoints.shipped():
        raise UnknownNameError("model", ref[:40], list(checkpoints.shipped()))
    return 0


def checkpoint_of(ref: str, version: int) -> checkpoints.Checkpoint:
    """The model behind a ref: as it was opened where that is remembered, else read, once."""
    opened = opened_files.find(ref)
    if opened is not None and opened.version == version:
        return checkpoints.Checkpoint(opened.opened.model, opened.opened.card)
    return _load(ref, version)


@st.cache_resource(max_entries=64, show_spinner=False)
def _load(ref: str, version: int) -> checkpoints.Checkpoint:
    # Shared by all sessions: in evaluation mode, and never changed.
    if ID_PATTERN.fullmatch(ref):
        return jobs().library.checkpoint(ref)
    return checkpoints.load(checkpoints.shipped()[ref])


def card_of(ref: str) -> Card:
    """A model's card alone: names and figures need no weights."""
    if ID_PATTERN.fullmatch(ref) or opened_files.PATTERN.fullmatch(ref):
        return checkpoint_of(ref, version_of(ref)).card
    return _shipped_card(ref)


@st.cache_resource(show_spinner=False)
def _shipped_card(ref: str) -> Card:
    return checkpoints.read_card(checkpoints.shipped()[ref])


@st.cache_resource(max_entries=32, show_spinner=False)
def _codes(key: tuple[str, int], split: str) -> Codes:
    held = hand_of(key[0])
    return encode_split(held.model, getattr(held.data, split))


def codes(held: Hand, split: str = "test") -> Codes:
    """Codes of every example of a split ('test' is the held-out one)."""
    return _codes(held.key, split)


@st.cache_resource(max_entries=32, show_spinner=False)
def _errors(key: tuple[str, int]) -> np.ndarray:
    from aecore.evaluation.metrics import example_errors

    held = hand_of(key[0])
    return example_errors(held.model, held.data.test).numpy()


def held_out_errors(held: Hand) -> np.ndarray:
    """Mean squared error of each held-out example, (n,), of decode(mean), unclipped."""
    return _errors(held.key)


def own_refs() -> list[str]:
    """What this browser can take in hand: what ships, its files in memory, its runs."""
    runs = [run.run_id for run in jobs().runs(owner()) if run.has_model]
    return [*checkpoints.shipped(), *opened_files.unkept(owner()), *runs]


def show_hand() -> None:
    """The sidebar's box: which model is in hand, and a list to take another."""
    refs = own_refs()
    current = hand_ref()
    if current not in refs:
        # Somebody else's run, followed by its link: it can be looked at.
        try:
            version_of(current)
            refs.append(current)
        except AecoreError as error:
            st.error(f"{error} The default model is in hand instead.", icon=":material/error:")
            current = DEFAULT_MODEL
            take_in_hand(current)
    with st.sidebar:
        chosen = st.selectbox(
            "Model in hand",
            refs,
            index=refs.index(current),
            format_func=_told_apart(refs).__getitem__,
            help="Every page works on this model. It is in the address too, so a link shares it.",
            key=f"{_CHOICE}_{current}",
        )
        if chosen != current:
            take_in_hand(chosen)
            st.rerun()
        _describe(current)


def _told_apart(refs: list[str]) -> dict[str, str]:
    """Each model's title; of several that are called the same, runs are numbered, the oldest
    first, and a single one beside a shipped model is said to be the person's."""
    titles = {ref: title_of(ref) for ref in refs}
    met = Counter(titles.values())
    runs = [ref for ref in reversed(refs) if ID_PATTERN.fullmatch(ref)]  # refs: the newest first
    of_runs, number = Counter(titles[ref] for ref in runs), Counter()
    for ref in runs:
        title = titles[ref]
        if met[title] > 1:
            number[title] += 1
            which = f"run {number[title]}" if of_runs[title] > 1 else "your run"
            titles[ref] = f"{title} ({which})"
    files = [ref for ref in reversed(refs) if opened_files.PATTERN.fullmatch(ref)]
    of_files, number = Counter(titles[ref] for ref in files), Counter()
    for ref in files:
        title = titles[ref]
        number[title] += 1
        which = f"file {number[title]}" if of_files[title] > 1 else "your file"
        titles[ref] = f"{title} ({which}, not kept)"
    return titles


def _describe(ref: str) -> None:
    card = card_of(ref)
    mse = card.metrics.get("test_mse")
    parts = [f"{card.spec.latent_dim} latent numbers", card.dataset]
    if mse is not None:
        parts.append(f"held-out MSE {shown(mse)}")
    st.caption(" · ".join(parts))
    notice = jobs().get(ref).notice if ID_PATTERN.fullmatch(ref) else ""
    if notice:  # of a damaged folder, or a disk that refused it, on whichever page it was made
        st.warning(notice, icon=":material/warning:")


def data_title(name: str) -> str:
    """What a person calls a dataset; its name where the data are gone."""
    try:
        return datasets.source(name).title
    except AecoreError:
        return name


def title_of(ref: str) -> str:
    """What a person calls the model behind a ref."""
    if ID_PATTERN.fullmatch(ref):
        return jobs().get(ref).name
    known = ref in checkpoints.shipped() or opened_files.find(ref) is not None
    return card_of(ref).name if known else ref


# The run in view ---------------------------------------------------------------------------


def run_in_view() -> Run | None:
    """The run that the Train page shows: the URL's, else the session's last. Raises JobError."""
    run_id = st.query_params.get(RUN) or st.session_state.get(_RUN_VIEW)
    if run_id is None:
        return None
    try:
        run = jobs().get(run_id)
    except AecoreError:
        view_run(None)
        raise
    view_run(run_id)
    return run


def view_run(run_id: str | None) -> None:
    """Show this run on the Train page, here and in the URL; None shows the choices again."""
    if run_id is None:
        st.session_state.pop(_RUN_VIEW, None)
        st.query_params.pop(RUN, None)
    else:
        st.session_state[_RUN_VIEW] = run_id
        st.query_params[RUN] = run_id


def forget_run(run_id: str) -> None:
    """No longer show a run that was deleted."""
    if st.session_state.get(_RUN_VIEW) == run_id:
        st.session_state.pop(_RUN_VIEW)


def owns(run: Run) -> bool:
    """Whether this browser started the run: only then may it steer it."""
    return run.owner == owner()
