"""What every page has: a title, one sentence, an explanation on demand, and safe fragments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from aecore.errors import AecoreError
from aecore.evaluation.metrics import shown
from aecore.models import LatentModel
from aecore.models.base import ENCODER_MADE_HERE
from pages.shell.plain_text import own, say


def head(title: str, sentence: str) -> None:
    """The page's title and the one sentence that says what one sees here."""
    st.title(own(title), anchor=False)
    st.markdown(own(sentence))


def said_of_encoder(model: LatentModel) -> None:
    """Where a model's codes of examples are shown: that its encoder was made here, if it was."""
    if not model.encodes:
        st.caption(own(ENCODER_MADE_HERE))


def explain(text: str) -> None:
    """'What am I looking at?': words and formulas for those who want them."""
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(own(text))


def guarded(function: Callable) -> Callable:
    """For fragments: an AecoreError becomes its sentence in place, as the router does for pages."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AecoreError as error:
            say(error)
            return None

    return run


def figure(value: float | None, digits: int = 4, unit: str = "") -> str:
    """A number as people read it, with its unit; a dash for none."""
    if value is None:
        return "–"
    text = shown(value) if digits == 4 else f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit else text


def band_text(band: tuple[float, float] | None, digits: int = 4) -> str | None:
    """'expected .. to ..' for an expected band, or None."""
    return None if band is None else f"expected {band[0]:.{digits}f} to {band[1]:.{digits}f}"


def tighten() -> None:
    """Less empty space above the title, so that the result is in view on a projector."""
    st.html(
        "<style>[data-testid=stMainBlockContainer]{padding-top:3.25rem;padding-bottom:2rem}"
        "h1{padding-top:0!important;font-size:2.1rem!important}"
        "@media(max-width:640px){[data-testid=stMainBlockContainer]{padding-left:1rem;"
        "padding-right:1rem}}</style>"
    )
