"""The live decoder: one component that maps the latent space and decodes under the pointer.

Everything runs in the browser (latent_pad.js); Python sends a `PadBundle` once and hears of the
pinned point. Thirty people who drag cost the server nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from aecore.export import PadBundle, export_explorer

_HERE = Path(__file__).parent
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


@dataclass(frozen=True)
class PadState:
    """What the person did on the pad; every field is None until then.

    z: (k,) the pinned point. index: the chosen example's position among the bundle's codes.
    wanted_epoch: an epoch that time travel lacks; answer by `with_frames` on the rerun.
    decode_request: (k,) a point to decode here, because the browser cannot; answer it through
        `decode=` or on the rerun.
    """

    z: tuple[float, ...] | None = None
    index: int | None = None
    wanted_epoch: int | None = None
    decode_request: tuple[float, ...] | None = None


def latent_pad(
    bundle: PadBundle,
    *,
    key: str,
    mode: str = "decode",
    panels: Sequence[str] | None = None,
    height: int = 440,
    report: bool = False,
    decode: Callable[[np.ndarray, int | None], np.ndarray] | None = None,
) -> PadState:
    """Show the pad and return what was done on it.

    mode: "home" (map and decoded image), "decode" (everything) or "train" (map and epochs).
    panels: instead of the mode's: any of "sliders", "draw", "journey", "time".
    height: of the map, in CSS pixels.
    report: whether a pinned point reruns the page, so that `z` and `index` arrive here.
    decode: z (k,), epoch -> x_hat (*shape), for a model that does not run in the browser; called
        on release only. epoch: None for the newest weights.
    """
    previous = st.session_state.get(key) or {}
    request = previous.get("decode")
    options: dict[str, Any] = {
        "panels": list(PANELS[mode] if panels is None else panels),
        "height": height,
        "report": report,
    }
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
        on_pin_change=_nothing,
        on_epoch_change=_nothing,
        on_decode_change=_nothing,
    )
    pin = result.pin if isinstance(result.pin, dict) else {}
    of_this_model = pin.get("model") == bundle.meta["model"]["id"]
    z = _point(pin.get("z"), k) if of_this_model else None
    index = pin.get("index") if z is not None else None
    known = isinstance(index, int) and 0 <= index < bundle.meta["points"]
    return PadState(
        z=z,
        index=index if known else None,
        wanted_epoch=_epoch(result.epoch),
        decode_request=wanted,
    )


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
