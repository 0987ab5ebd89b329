"""The live decoder: one component that maps the latent space and decodes under the pointer.

Everything runs in the browser (latent_pad.js); Python sends a `PadBundle` once. Thirty people who
drag cost the server nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from aecore.pad import PadBundle, export_explorer
from aecore.places import PACKAGE

_HERE = PACKAGE / "pad" / "assets"
_HTML, _CSS, _JS = (
    (_HERE / f"latent_pad.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
)
_component = st.components.v2.component("latent_pad", html=_HTML, css=_CSS, js=_JS)

#: What lies under the map, by the kind of page. A panel without data (time travel without epochs,
#: drawing where x is no image) hides itself.
PANELS = {
    "home": (),
    "decode": ("sliders", "draw", "journey", "time"),
    "train": ("time",),
}


def latent_pad(
    bundle: PadBundle,
    *,
    key: str,
    mode: str = "decode",
    panels: Sequence[str] | None = None,
    height: int = 440,
    start: Sequence[float] | None = None,
    decode: Callable[[np.ndarray, int | None], np.ndarray] | None = None,
) -> int | None:
    """Show the pad; returns an epoch that a hand travelled to and that the pad lacks, or None.

    It is answered by `with_frames` on the rerun.

    mode: "home" (map and decoded image), "decode" (everything) or "train" (map and epochs).
    panels: instead of the mode's: any of "sliders", "draw", "journey", "time".
    height: of the map, in CSS pixels.
    start: (k,) a point to go to; going there again takes another in between.
    decode: z (k,), epoch -> x_hat (*shape), for a model that does not run in the browser; called
        on release only. epoch: None for the newest weights.
    """
    previous = st.session_state.get(key) or {}
    request = previous.get("decode")
    options: dict[str, Any] = {
        "panels": list(PANELS[mode] if panels is None else panels),
        "height": height,
    }
    if start is not None:
        options["start"] = [float(v) for v in start]
    data = {**bundle.payload, "options": options}
    k = bundle.meta["latent_dim"]
    wanted = _point(request.get("z"), k) if isinstance(request, dict) else None
    if decode is not None and wanted is not None:
        epoch = _epoch(request.get("epoch"))
        x_hat = np.asarray(decode(np.array(wanted, np.float32), epoch), np.float32)
        data["decoded"] = x_hat.ravel()
        options["decoded_for"] = str(request.get("token"))
    result = _component(
        key=key,
        data=data,
        on_epoch_change=_nothing,
        on_decode_change=_nothing,
    )
    return _epoch(result.epoch)


def explorer_html(bundle: PadBundle, *, title: str = "Latent space explorer") -> str:
    """The bundle and the pad as one HTML file that works offline; at most 3 MB as shipped."""
    return export_explorer(bundle, js=_JS, css=_CSS, html=_HTML, title=title)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""


def _epoch(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _point(value: Any, k: int) -> tuple[float, ...] | None:
    """k finite numbers as they came from a browser, or None for anything else."""
    if not isinstance(value, list) or len(value) != k:
        return None
    if not all(isinstance(v, int | float) and np.isfinite(v) for v in value):
        return None
    return tuple(float(v) for v in value)
