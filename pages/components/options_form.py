"""A frozen dataclass's fields as widgets: label, range and help come from each field's metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from aecore.options import Option, options_in
from pages.shell.plain_text import own

WORDS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mse": "squared error (MSE)",
    "bce": "cross-entropy (BCE)",
    "cuda": "CUDA",
    "mps": "MPS",
    "cpu": "CPU",
    "small_normal": "small normal",
}


def options_form(
    cls: type, values: dict[str, Any], key: str, skip: Iterable[str] = (), columns: int = 2
) -> dict[str, Any]:
    """Widgets for the fields of cls, starting at `values`; returns the values chosen.

    A text that is no list of widths raises ConfigError with a sentence.
    """
    skip = set(skip)
    options = [option for option in options_in(cls) if option.name not in skip]
    chosen = {}
    for start in range(0, len(options), columns):
        # A row of its own keeps the boxes in line, however many lines their labels take.
        places = st.columns(columns, vertical_alignment="bottom")
        for place, option in zip(places, options[start : start + columns], strict=False):
            with place:
                value = values.get(option.name, option.default)
                chosen[option.name] = _widget(option, value, f"{key}_{option.name}")
    return chosen


def _widget(option: Option, value: Any, key: str) -> Any:
    label, about, meta = own(option.label), own(option.help), option.metadata
    if option.kind == "choice":
        return st.selectbox(
            label,
            option.choices,
            index=option.choices.index(value),
            format_func=in_words,
            help=about,
            key=key,
        )
    if option.kind == "flag":
        return st.toggle(label, value, help=about, key=key)
    if option.kind == "text":
        return st.text_input(label, value, help=about, key=key)
    if option.kind == "widths":
        return option.read(st.text_input(label, ", ".join(map(str, value)), help=about, key=key))
    if option.kind == "lines":
        return option.read(st.text_area(label, "\n".join(value), height=240, help=about, key=key))
    low, high = option.span
    if option.kind == "whole":
        return int(st.number_input(label, int(low), int(high), int(value), help=about, key=key))
    number = st.number_input(
        label,
        float(low),
        float(high),
        float(value),
        format=meta.get("format", "%.2f"),
        step=meta.get("step") or max(float(value) / 2, 10.0 ** -int(meta.get("digits", 2))),
        help=about,
        key=key,
    )
    return float(number)


def in_words(value: Any) -> str:
    """A value as people read it: 'squared error (MSE)', '256, 128', 'yes'."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return WORDS.get(value, str(value))
