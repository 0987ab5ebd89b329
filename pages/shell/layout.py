"""What every page has: a title, one sentence, its stage, an explanation on demand, and safe
fragments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.errors import AecoreError
from aecore.evaluation.metrics import shown
from aecore.models import LatentModel
from aecore.models.base import ENCODER_MADE_HERE
from pages.shell.plain_text import own, say

SIDEBAR = 220  # pixels


def head(title: str, sentence: str) -> None:
    """The page's title and the one sentence that says what one sees here."""
    with st.container(key="head"):
        st.title(own(title), anchor=False)
        st.markdown(own(sentence))


def stage() -> DeltaGenerator:
    """The page's stage, for `with`: what one came for, complete above the fold of 1280×720.

    On the left what goes in, in the middle the code, on the right what comes out, the controls
    beneath or beside; everything else of a page comes after it. A browser test holds all pages to
    it. There is one on a page.
    """
    return st.container(key="stage")


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


def figure_against(
    place: DeltaGenerator,
    label: str,
    value: str,
    difference: str,
    against: str,
    *,
    less: bool = False,
    help: str | None = None,
) -> None:
    """A figure and, beneath it, how far it is from another, green where it is the better one.

    difference: signed, with its unit. less: whether less is better.
    """
    difference = difference.replace("-", "−")
    below = difference.startswith("−")
    place.metric(
        own(label),
        own(value),
        own(f"{difference} {against}"),
        delta_arrow="down" if below else "up",
        delta_color="green" if below == less else "red",
        help=None if help is None else own(help),
    )


def band_text(band: tuple[float, float] | None, digits: int = 4) -> str | None:
    """'expected .. to ..' for an expected band, or None."""
    return None if band is None else f"expected {band[0]:.{digits}f} to {band[1]:.{digits}f}"
