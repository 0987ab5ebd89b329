"""A held-out example to damage by hand, and what networks and filters make of it at once.

Networks run in the browser; filters that take milliseconds are asked on the server when the hand
lets go, in a rerun of this part of the page alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined, styled
from aecore.pad.network import BrowserNetwork
from pages.components import parts
from pages.components.feature_stage import content_name, in_bytes
from pages.shell.layout import guarded

_HERE = Path(__file__).parent
_scribble = component(
    "scribble",
    html=(_HERE / "scribble.html").read_text("utf-8"),
    css=styled(_HERE / "scribble.css"),
    js=parts.code(joined(_HERE / "scribble.js")),
)
_answer = component("scribble_answer", js=(_HERE / "scribble_answer.js").read_text("utf-8"))
#: What was damaged, a byte a value, and where values are missing, as many or b"" -> (later, *shape)
Later = Callable[[bytes, bytes], np.ndarray]
_MOST_TOKEN = 64  # characters


@dataclass(frozen=True)
class Shown:
    """Who mends, in the place where its picture stands. learnt: it is a network. network: None for
    what is no network; later: its place among the server's answers, None for the median, which the
    browser has."""

    title: str
    learnt: bool
    network: BrowserNetwork | None = None
    later: int | None = None


def scribble(
    x: np.ndarray,
    captions: Sequence[str],
    menders: Sequence[Shown],
    later: Later,
    *,
    rounds: int,
    layout: dict[str, Any],
    note: str,
    key: str,
) -> None:
    """Show it, in a fragment of its own.

    x: (n, *shape) with values in [0, 1]; captions: of each. later: called when a hand lets go.
    rounds: in which holes are filled. layout: as aecore.pad.pad_meta.layout says it.
    """
    arrays = {"x": in_bytes(x, (0.0, 1.0))}
    told = []
    for i, one in enumerate(menders):
        about: dict[str, Any] = {"title": one.title, "learnt": one.learnt}
        if one.network is not None:
            arrays[f"w{i}"] = one.network.weights
            about["network"] = {k: v for k, v in one.network.meta.items() if k != "stages"}
        elif one.later is not None:
            about["later"] = one.later
        told.append(about)
    meta: dict[str, Any] = {
        "layout": layout,
        "size": int(x[0].size),
        "captions": list(captions),
        "menders": told,
        "rounds": rounds,
        "note": note,
    }
    meta["id"] = content_name(meta, arrays)
    st.fragment(guarded(_show))(meta, arrays, later, key)


def _show(meta: dict[str, Any], arrays: dict[str, np.ndarray], later: Later, key: str) -> None:
    slot = f"{key}_answer"  # it stays until the next: another rerun must not take it away
    with st.container(gap=None):  # the answer takes no place
        # Shown before it is answered: what waits for the server would be faded under the hand.
        found = _scribble(
            key=key,
            data={"meta": meta, **parts.offered(arrays)},
            on_released_change=_nothing,
            on_lost_change=_nothing,  # a part: this very rerun offers it again
        )
        asked = asked_in(found.released, meta["size"])
        if asked is not None:
            token, seen, hole = asked
            answers = np.asarray(later(seen, hole), np.float32).ravel()
            st.session_state[slot] = {"token": token, "answers": answers}
        _answer(key=f"{key}_answers", data=st.session_state.get(slot, {"token": ""}))


def asked_in(value: Any, size: int) -> tuple[str, bytes, bytes] | None:
    """What a browser says was damaged: a token, a byte a value, and where values are missing (b""
    for nowhere); None for anything else."""
    if not isinstance(value, Mapping):
        return None
    token = value.get("token")
    seen, hole = (_bytes_in(value.get(name), size) for name in ("pixels", "hole"))
    if not isinstance(token, str) or not 0 < len(token) <= _MOST_TOKEN:
        return None
    if seen is None or hole is None or len(seen) != size or len(hole) not in (0, size):
        return None
    return token, seen, hole


def _bytes_in(text: Any, size: int) -> bytes | None:
    if not isinstance(text, str) or len(text) > 4 * size:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
