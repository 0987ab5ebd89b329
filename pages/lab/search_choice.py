"""What is searched for: in which collection, by which result's codes, by how many numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore import datasets
from aecore.datasets import Dataset
from aecore.datasets.sentences import sentences
from aecore.errors import AecoreError
from aecore.figures.examples import frame_of
from aecore.lab.collection import DATA, SENTENCES, Collection
from aecore.lab.experiment import Experiment, Values
from aecore.lab.search_answers import matching, sizes_in
from aecore.lab.searching import Rows
from pages.components.own_data import usable
from pages.lab.choosing import Shown, in_view, lab
from pages.shell import session
from pages.shell.kept import kept
from pages.shell.plain_text import own, plain

USUAL = 32  # numbers in the code that are shown first
MATCHES = 50  # sentences to choose from
SUGGESTED = "random"  # what is looked for at first


@dataclass(frozen=True)
class Asked:
    """A search. of: SENTENCES or DATA. at: the example's place among database and queries. done:
    of the result, empty for none. data: of images, None for sentences."""

    of: str
    k: int
    at: int
    done: Mapping[str, Values]
    seed: int
    data: Dataset | None


@kept(most_bytes=192 << 20)
def examples(of: str, name: str, seed: int) -> tuple[Rows, np.ndarray]:
    """Database and queries (q, values) of a collection; name: of its data."""
    data = None if of == SENTENCES else datasets.load(name)
    collection = Collection.of(of, data, seed)
    return Rows(collection.database), collection.queries


def result_in_view(one: Experiment) -> Shown | None:
    """The result that the address names, else one's own that runs, else one's own last; None for
    none."""
    shown = in_view(one)
    if shown is not None:
        return shown
    who, store = session.owner(), lab().store
    for result in store.owned(who):
        if _experiment_of(who, result) == one.name:
            return Shown(result, store.load(who, result), lab().get(who, result), True)
    return None


@kept()
def _experiment_of(who: str, result: str) -> str:
    """Of which experiment a kept result is; "" for one that cannot be read."""
    try:
        return lab().store.load(who, result).experiment
    except AecoreError:
        return ""


def choose(shown: Shown | None) -> Asked:
    """The choices, in one row above the answers."""
    done = {} if shown is None else shown.record.done
    seed = 0 if shown is None else int(shown.record.options.get("seed", 0))
    data = None if shown is None else _data(shown, done)
    where, size, *how = st.columns([6, 5, 5, 8], vertical_alignment="bottom")
    title = "" if data is None else plain(session.data_title(data.name))
    of = where.segmented_control(
        "Search in",
        [SENTENCES] if data is None else [SENTENCES, DATA],
        default=SENTENCES,
        format_func=lambda of: "Sentences" if of == SENTENCES else own(title),
        key="search_in",
    )
    of = of or SENTENCES
    sizes = sizes_in(done, of) or [USUAL]
    usual = USUAL if USUAL in sizes else sizes[-1]
    k = size.segmented_control(
        "Numbers in the code",
        sizes,
        default=usual,
        format_func=lambda k: f"{k:d}",
        key=f"search_k_{of}_{len(sizes)}",
    )
    if of == DATA and data is not None:
        return Asked(of, k or usual, _example(data, seed, how), done, seed, data)
    return Asked(of, k or usual, _sentence(how), done, seed, None)


def _data(shown: Shown, done: Mapping[str, Values]) -> Dataset | None:
    """The data whose codes are in a result, if it has any and they are still there."""
    if not sizes_in(done, DATA):
        return None
    try:
        return datasets.load(usable(shown.record.about.dataset).name)
    except AecoreError:
        return None


def _sentence(places: list[DeltaGenerator]) -> int:
    """A sentence, found by words in it."""
    texts, (left, right) = sentences().texts, places
    with left:
        words = st.text_input(
            "Words of a sentence",
            SUGGESTED,
            max_chars=80,
            key="search_words",
            icon=":material/search:",
        )
    found = matching(texts, words, MATCHES)
    with right:
        if not found:
            st.caption("No sentence has all of these words; here is the first of all.")
            found = [0]
        more = "the shortest " if len(found) == MATCHES else ""
        chosen = st.selectbox(
            f"Sentence ({more}{len(found)} with these words)",
            found,
            format_func=texts.__getitem__,
            key="search_sentence",
        )
    return int(np.flatnonzero(sentences().order() == (found[0] if chosen is None else chosen))[0])


def _example(data: Dataset, seed: int, places: list[DeltaGenerator]) -> int:
    """One of the held-out examples that are searched for."""
    database, queries = examples(DATA, data.name, seed)
    left, right = places
    left.button(
        "Another",
        icon=":material/casino:",
        on_click=_another,
        args=(len(queries),),
        width="stretch",
    )
    with right:
        at = st.slider(
            f"Held-out {frame_of(data).thing}", 0, len(queries) - 1, key="search_example"
        )
    return len(database) + int(at)


def _another(n: int) -> None:
    st.session_state["search_example"] = random.randrange(n)
