"""Examples in several versions, one large under a handle that is dragged, and a dial for PCA.

What it shows comes at once: the versions of a few examples, and PCA's with every number of
components that the dial has, so that a hand on it asks nothing of the server.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined, styled
from pages.components import parts

_HERE = Path(__file__).parent
_wipe = component(
    "wipe",
    html=(_HERE / "wipe.html").read_text("utf-8"),
    css=styled(_HERE / "wipe.css"),
    js=parts.code(joined(_HERE / "wipe.js")),
)


@dataclass(frozen=True)
class Dial:
    """PCA of n examples with different numbers of components.

    stops: (s,) numbers, ascending. x_hat: (s, n, *shape). errors: (s, n) squared error per value.
    held_out: of each stop the mean error of all held-out examples, in words. same, match: the
    positions of the model's own number, and of the first that is as good, None where none is.
    needs: the sentence about that.
    """

    stops: Sequence[int]
    x_hat: np.ndarray
    errors: np.ndarray
    held_out: Sequence[str]
    same: int
    match: int | None
    needs: str


def wipe(
    versions: Sequence[tuple[str, np.ndarray]],
    dial: Dial,
    *,
    captions: Sequence[str],
    errors: np.ndarray,
    held_out: str,
    layout: dict[str, Any],
    key: str,
) -> None:
    """Show it.

    versions: (name, images (n, *shape) with values in [0, 1]): the original, the model's, and of a
    denoising model what it sees and what it makes of that. captions: of the n examples. errors: the
    model's, (n,) squared error per value. held_out: its mean over all held-out examples, in words.
    layout: how an image is drawn, as aecore.pad.pad_meta.layout says it.
    """
    arrays = {
        "versions": np.concatenate([_as_bytes(x) for _, x in versions]),
        "pca": _as_bytes(dial.x_hat),
    }
    meta: dict[str, Any] = {
        "examples": len(captions),
        "size": versions[0][1][0].size,
        "layout": layout,
        "captions": list(captions),
        "versions": [name for name, _ in versions],
        "modelErrors": [float(v) for v in errors],
        "stops": [int(k) for k in dial.stops],
        "pcaErrors": [[float(v) for v in row] for row in dial.errors],
        "pcaAll": list(dial.held_out),
        "modelAll": held_out,
        "same": dial.same,
        "match": -1 if dial.match is None else dial.match,
        "needs": dial.needs,
    }
    digest = hashlib.blake2b(json.dumps(meta).encode(), digest_size=12)
    for array in arrays.values():
        digest.update(array.data)
    meta["id"] = digest.hexdigest()
    _wipe(key=key, data={"meta": meta, **parts.offered(arrays)}, on_lost_change=_nothing)


def _as_bytes(x: np.ndarray) -> np.ndarray:
    return (np.nan_to_num(x).clip(0, 1) * 255 + 0.5).astype(np.uint8).ravel()


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
