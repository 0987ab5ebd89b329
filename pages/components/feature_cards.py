"""Sparse features as cards, of which one is chosen by a press."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined
from pages.components import parts
from pages.components.feature_stage import (
    Looks,
    content_name,
    feature_in,
    in_bytes,
    signed_bytes,
)

_HERE = Path(__file__).parent
_cards = component(
    "feature_cards",
    html='<div class="fc" role="group" aria-label="Features"></div>',
    css=(_HERE / "feature_cards.css").read_text("utf-8"),
    js=joined(_HERE / "feature_cards.js"),
)


@dataclass(frozen=True)
class FeatureCard:
    """A feature. feature: its number from 0. name, about, more: in words. drawn, reads: what it
    draws and how it reads the input, (*shape) int8, the latter None where nobody knows. examples:
    its strongest, (n, *shape). counts: how often it is how strong."""

    feature: int
    name: str
    about: str
    more: str
    drawn: np.ndarray
    reads: np.ndarray | None
    examples: np.ndarray
    counts: Sequence[int]


def feature_cards(
    cards: Sequence[FeatureCard],
    looks: Looks,
    top: int,
    *,
    key: str,
    chosen: Callable[[int], None],
) -> None:
    """Show them. top: examples that there may be of each. chosen: called with the number of the
    feature that was pressed, whatever it is, before the page runs again."""
    size = cards[0].drawn.size
    reads = [card.reads for card in cards if card.reads is not None]
    whole = len(reads) == len(cards)
    padded = np.zeros((len(cards), top, *cards[0].drawn.shape), np.float32)
    for row, card in zip(padded, cards, strict=True):
        row[: len(card.examples)] = card.examples
    arrays = {
        "drawn": signed_bytes([card.drawn for card in cards]),
        "reads": signed_bytes(reads if whole else []),
        "examples": in_bytes(padded, looks.range),
    }
    meta: dict[str, Any] = {
        "layout": looks.layout,
        "size": size,
        "range": list(looks.range),
        "top": top,
        "reads": whole,
        "cards": [
            {
                "feature": card.feature,
                "name": card.name,
                "about": card.about,
                "more": card.more,
                "shown": len(card.examples),
                "counts": [int(n) for n in card.counts],
            }
            for card in cards
        ],
    }
    meta["id"] = content_name(meta, arrays)

    def on_chosen() -> None:
        feature = feature_in(st.session_state[key].chosen)
        if feature is not None:
            chosen(feature)

    _cards(
        key=key,
        data={"meta": meta, **parts.offered(arrays)},
        on_chosen_change=on_chosen,
        on_lost_change=_nothing,  # a part: this very rerun offers it again
    )


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
