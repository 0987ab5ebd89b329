"""The presets as cards, each with what it teaches; then families that have none."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from aecore import datasets
from aecore.models import all_families
from aecore.models.presets import PRESETS, Preset, bare, without_presets
from aecore.pad.browser_code import joined
from pages.shell.plain_text import own, plain

MNIST = (1, 28, 28)  # the shape that the presets are described for
FAMILY = "family:"  # how the keys of families begin among those of presets
HEIGHT = 500  # pixels of the list, in which it scrolls; on a phone it is a strip
_strip = component("preset_strip", js=joined(Path(__file__).with_name("preset_strip.js")))


def offered() -> dict[str, Preset]:
    """What can be trained by the key of its entry: the presets, then families that have none, and
    the one that a link names."""
    bare_ones, asked = without_presets(), st.query_params.get("family", "")
    if asked in all_families() and asked not in bare_ones:
        bare_ones.append(asked)
    return {**PRESETS, **{FAMILY + name: bare(name) for name in bare_ones}}


def choose(entries: dict[str, Preset], dataset: str, begun: str | None) -> str:
    """Choose an entry; returns its key. begun: what was chosen before, None for nothing."""
    kind = "family" if "family" in st.query_params else "preset"
    usual = begun if begun in entries else "fast-start"
    name = st.query_params.get(kind, usual)
    asked = FAMILY + name if kind == "family" else name
    fitting = [key for key, p in entries.items() if p.fits(datasets.source(dataset).spec)]
    start = asked if asked in fitting else fitting[0]
    if asked not in entries:
        st.error(
            f"There is no {kind} called {plain(repr(name[:40]))}; "
            f"{plain(entries[start].title)} is chosen instead.",
            icon=":material/error:",
        )
    elif asked not in fitting:
        st.info(
            f"{plain(entries[asked].title)} cannot be given these data; "
            f"{plain(entries[start].title)} is chosen instead.",
            icon=":material/info:",
        )
    # A radio is what a choice of one is for the keyboard and for screen readers; page.css makes it
    # look like cards.
    with st.container(height=HEIGHT, border=False, key="presets"):
        chosen = st.radio(
            "Preset",
            fitting,
            index=fitting.index(start),
            format_func=lambda key: own(f"**{entries[key].title}**"),
            captions=[own(entries[key].teaches or entries[key].about) for key in fitting],
            label_visibility="collapsed",
            key=f"preset_{dataset}",
        )
        _strip(key="preset_strip", data={"chosen": f"{dataset} {chosen}"})
    return chosen or start


def about(chosen: Preset, key: str, dataset: str) -> str:
    """What a card's model is, in a sentence that says where its layers adapt to the data."""
    adapted = datasets.source(dataset).spec.shape != MNIST and not key.startswith(FAMILY)
    more = " (That is on MNIST; to these data its layers adapt.)" if adapted else ""
    return own(chosen.about) + more
