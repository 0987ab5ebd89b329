"""The live decoder: one component that maps the latent space and decodes under the pointer.

Everything runs in the browser (aecore/pad/assets); Python sends a `PadBundle` once, its large
arrays beside the page's connection (parts.py). Thirty people
who drag cost the server nothing. What a pad asks for afterwards, a past epoch or a decoding, comes
as a small answer beside it, in one rerun of the pad alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.pad import PackedFrame, PadBundle, export_explorer
from aecore.pad.browser_code import joined, pad_markup, pad_script, pad_style
from pages.components import parts
from pages.shell.layout import guarded

_pad = component("latent_pad", html=pad_markup(), css=pad_style(), js=parts.code(pad_script()))
_answer = component("latent_pad_answer", js=joined(Path(__file__).with_name("pad_answer.js")))

#: What lies under the map, by the kind of page. A panel without data (time travel without epochs,
#: drawing where x is no image) hides itself.
PANELS = {
    "home": (),
    "decode": ("sliders", "draw", "journey", "time"),
    "train": ("time",),
}

#: z (k,), epoch -> x_hat (*shape), of a model that does not run in the browser.
Decode = Callable[[np.ndarray, int | None], np.ndarray]
#: epoch -> the model as it was then, or None where that is not kept.
Travel = Callable[[int], PackedFrame | None]


def latent_pad(
    bundle: PadBundle,
    *,
    key: str,
    mode: str = "decode",
    panels: Sequence[str] | None = None,
    height: int = 440,
    start: Sequence[float] | None = None,
    walk: Sequence[str] = (),
    decode: Decode | None = None,
    travel: Travel | None = None,
) -> None:
    """Show the pad, in a fragment of its own.

    mode: "home" (a map of pictures over the decoded plane, and the decoded image), "decode"
    (everything) or "train" (map and epochs).
    panels: instead of the mode's: any of "sliders", "draw", "journey", "time".
    height: of the map, in CSS pixels.
    start: (k,) a point to go to; going there again takes another in between.
    walk: names of classes between which the point walks by itself until somebody touches the pad.
    decode: called on release only. Its epoch is None for the newest weights.
    travel: called when a hand goes to an epoch that the pad lacks; the pad remembers it.
    """
    options: dict[str, Any] = {
        "name": key,
        "panels": list(PANELS[mode] if panels is None else panels),
        "height": height,
    }
    if mode == "decode":
        options["beside"] = True
    if mode == "home":
        options |= {"pictures": True, "walk": list(walk)}
    if start is not None:
        options["start"] = [float(v) for v in start]
    st.fragment(guarded(_show))(bundle, key, options, decode, travel)


def _show(
    bundle: PadBundle,
    key: str,
    options: dict[str, Any],
    decode: Decode | None,
    travel: Travel | None,
) -> None:
    with st.container(gap=None):  # the answer takes no place
        asked = _pad(
            key=key,
            data={"meta": bundle.meta, **parts.offered(bundle.arrays), "options": options},
            on_epoch_change=_nothing,
            on_decode_change=_nothing,
            on_lost_change=_nothing,  # a part: this very rerun offers it again
        )
        about: dict[str, Any] = {"pad": key}
        arrays: dict[str, np.ndarray] = {}
        if isinstance(asked.epoch, Mapping):
            _answer_epoch(asked.epoch, travel, about, arrays)
        if isinstance(asked.decode, Mapping):
            _answer_decode(asked.decode, bundle.meta["latent_dim"], decode, about, arrays)
        # An answer stays until the next one: a rerun for another reason must not take it away
        # before the browser has seen it.
        slot = f"{key}_answer"
        if len(about) > 1:
            st.session_state[slot] = {"meta": about, **arrays}
        _answer(key=f"{key}_answers", data=st.session_state.get(slot, {"meta": about}))


def _answer_epoch(
    request: Mapping[str, Any],
    travel: Travel | None,
    about: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    epoch = _epoch(request.get("epoch"))
    frame = travel(epoch) if travel is not None and epoch is not None else None
    # The token makes each answer another one, so that it arrives though the epoch be the same.
    about |= {"frame": None if frame is None else frame.meta, "token": str(request.get("token"))}
    arrays |= {} if frame is None else frame.arrays


def _answer_decode(
    request: Mapping[str, Any],
    k: int,
    decode: Decode | None,
    about: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    wanted = _point(request.get("z"), k)
    if decode is None or wanted is None:
        return
    x_hat = decode(np.array(wanted, np.float32), _epoch(request.get("epoch")))
    about["decoded_for"] = str(request.get("token"))
    arrays["decoded"] = np.asarray(x_hat, np.float32).ravel()


def explorer_html(bundle: PadBundle, *, title: str = "Latent space explorer") -> str:
    """The bundle and the pad as one HTML file that works offline; at most 3 MB as shipped."""
    return export_explorer(bundle, title=title)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""


def _epoch(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _point(value: Any, k: int) -> tuple[float, ...] | None:
    """k finite numbers as they came from a browser, or None for anything else."""
    if not isinstance(value, list) or len(value) != k:
        return None
    if not all(isinstance(v, int | float) and np.isfinite(v) for v in value):
        return None
    return tuple(float(v) for v in value)
