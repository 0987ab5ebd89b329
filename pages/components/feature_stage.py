"""One example as sparse features: it goes in or is drawn, few features are active, one is turned.

All steps of the turning come with it: the drawing runs in the browser, and what was drawn or
chosen comes back to the page when a hand lets go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined
from pages.components import parts

_HERE = Path(__file__).parent
_stage = component(
    "feature_stage",
    html=(_HERE / "feature_stage.html").read_text("utf-8"),
    css=(_HERE / "feature_stage.css").read_text("utf-8"),
    js=joined(_HERE / "feature_stage.js"),
)


@dataclass(frozen=True)
class ActiveFeature:
    """A feature in the list. feature: its number from 0. share: of the strongest's strength. drawn:
    what it draws, (*shape) int8."""

    feature: int
    name: str
    about: str
    share: float
    drawn: np.ndarray


@dataclass(frozen=True)
class Turning:
    """A feature, -1 for none, at each of its strengths (s,), and what comes out, (s, *shape). now:
    the step at which it is as it is."""

    feature: int
    strengths: np.ndarray
    outs: np.ndarray
    now: int


@dataclass(frozen=True)
class Looks:
    """How examples are drawn. layout: as aecore.pad.pad_meta.layout says it. range: of the data.
    draws: whether one can draw such an example; centred: and has it put in the middle."""

    layout: dict[str, Any]
    range: tuple[float, float]
    draws: bool
    centred: bool


def feature_stage(
    x: np.ndarray,
    entered: str,
    said: str,
    many: str,
    active: Sequence[ActiveFeature],
    turning: Turning,
    looks: Looks,
    *,
    key: str,
    bring: bool,
    drawn: Callable[[bytes], None],
    chosen: Callable[[int], None],
) -> None:
    """Show it.

    x: (*shape). entered: changes with the example, "drawn" for what somebody drew. said: of the
    example, many: of the list, in words. drawn: called with what was drawn, a byte a value; chosen:
    with the number of a feature, whatever it is. Both before the page runs again. bring: into view,
    where it was chosen further down.
    """
    arrays = {
        "x": in_bytes(x, looks.range),
        "drawn": signed_bytes([one.drawn for one in active]),
        "outs": in_bytes(turning.outs, looks.range),
    }
    meta: dict[str, Any] = {
        "entered": entered,
        "layout": looks.layout,
        "size": int(x.size),
        "range": list(looks.range),
        "draws": looks.draws,
        "centred": looks.centred,
        "said": said,
        "many": many,
        "active": [
            {"feature": one.feature, "name": one.name, "about": one.about, "share": one.share}
            for one in active
        ],
        "chosen": turning.feature,
        "strengths": [float(v) for v in turning.strengths],
        "now": turning.now,
        "bring": bring,
    }
    meta["id"] = content_name(meta, arrays)

    def on_drawn() -> None:
        content = drawn_in(st.session_state[key].drawn, int(x.size), looks)
        if content is not None:
            drawn(content)

    def on_chosen() -> None:
        feature = feature_in(st.session_state[key].chosen)
        if feature is not None:
            chosen(feature)

    _stage(
        key=key,
        data={"meta": meta, **parts.offered(arrays)},
        on_drawn_change=on_drawn,
        on_chosen_change=on_chosen,
        on_lost_change=_nothing,  # a part: this very rerun offers it again
    )


def drawn_in(asked: Any, size: int, looks: Looks) -> bytes | None:
    """What a browser says was drawn, a byte a value; None for anything else."""
    pixels = asked.get("pixels") if isinstance(asked, Mapping) else None
    if not looks.draws or not isinstance(pixels, str) or len(pixels) > 4 * size:
        return None
    try:
        content = base64.b64decode(pixels, validate=True)
    except (binascii.Error, ValueError):
        return None
    channels = int(looks.layout["C"])
    return content * channels if len(content) * channels == size else None


def feature_in(asked: Any) -> int | None:
    """The number of a feature that a browser names, which need not be one; None for no number."""
    feature = asked.get("feature") if isinstance(asked, Mapping) else None
    return feature if isinstance(feature, int) and not isinstance(feature, bool) else None


def in_bytes(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Examples as bytes over the range of the data, flat."""
    low, high = span
    share = (np.nan_to_num(np.asarray(x, np.float32)) - low) / (high - low)
    return (share.clip(0, 1) * 255 + 0.5).astype(np.uint8).ravel()


def signed_bytes(drawn: Sequence[np.ndarray]) -> np.ndarray:
    """Signed drawings, int8 each, as bytes about 128, flat."""
    if not len(drawn):
        return np.zeros(1, np.uint8)
    return (np.stack(drawn).astype(np.int16) + 128).astype(np.uint8).ravel()


def content_name(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """A name that changes with what is shown."""
    digest = hashlib.blake2b(json.dumps(meta, sort_keys=True).encode(), digest_size=12)
    for array in arrays.values():
        digest.update(array.data)
    return digest.hexdigest()


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
