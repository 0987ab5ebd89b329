"""A frozen dataclass's fields as widgets: label, range and help come from each field's metadata."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import streamlit as st

from aecore.errors import ConfigError

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
    fields = [f for f in dataclasses.fields(cls) if f.name not in skip and f.metadata]
    chosen = {}
    for start in range(0, len(fields), columns):
        # A row of its own keeps the boxes in line, however many lines their labels take.
        places = st.columns(columns, vertical_alignment="bottom")
        for place, f in zip(places, fields[start : start + columns], strict=False):
            with place:
                value = values.get(f.name, f.default)
                chosen[f.name] = _widget(f, value, f"{key}_{f.name}")
    return chosen


def _widget(f: dataclasses.Field, value: Any, key: str) -> Any:
    meta = f.metadata
    label, about = meta["label"], meta["help"]
    if "choices" in meta:
        choices = list(meta["choices"])
        return st.selectbox(
            label,
            choices,
            index=choices.index(value),
            format_func=lambda c: WORDS.get(c, c),
            help=about,
            key=key,
        )
    if meta.get("widths"):
        return _widths(st.text_input(label, ", ".join(map(str, value)), help=about, key=key))
    if meta.get("lines"):
        text = st.text_area(label, "\n".join(value), height=240, help=about, key=key)
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    low, high = meta["range"]
    if f.type == "int":
        return int(st.number_input(label, low, high, int(value), help=about, key=key))
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


def _widths(text: str) -> tuple[int, ...]:
    # 784-128-32, as the lessons write layers, works as well as commas do.
    parts = [p for p in re.split(r"[,;\s]+|(?<=\d)-(?=\d)", text) if p]
    if not all(p.isdecimal() for p in parts):
        raise ConfigError(
            f"Hidden widths must be whole numbers with commas between, like 256, 128; "
            f"the text was {text[:40]!r}."
        )
    return tuple(int(p) for p in parts)
