"""A map of many examples that goes from PCA's layout to the model's and back, in the browser.

Python sends the points once, as whole steps of a 32,768th of the map; hiding, pointing, catching
with a lasso and the way between the layouts stay in the browser (point_map.js), by the graphics
card, or pixel by pixel where there is none. What is chosen comes back as a few numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined, styled
from pages.components import parts

STEPS = 16384  # from the middle of the map to the edge of what is seen at first
TOLD = 24  # examples of those that a lasso caught, that come back

_HERE = Path(__file__).parent
_map = component(
    "point_map",
    html=(_HERE / "point_map.html").read_text("utf-8"),
    css=styled(_HERE / "point_map.css"),
    js=parts.code(joined(_HERE / "point_map.js")),
)


@dataclass(frozen=True)
class Pictures:
    """What the map knows of its first examples.

    images: uint8 (m, size), over `value_range`. neighbours: int32 (m, j), each one's nearest by
    code. layout: how an example is drawn, as aecore.pad.pad_meta.layout says it.
    """

    images: np.ndarray
    neighbours: np.ndarray
    layout: dict[str, Any]
    value_range: tuple[float, float]


@dataclass(frozen=True)
class Chosen:
    """Examples that were chosen: at most TOLD of `count`."""

    indices: np.ndarray
    count: int


def steps_of(points: np.ndarray) -> np.ndarray:
    """Points (n, 2) as int16 (n, 2): all but the outermost 0.4 % of each axis within +- STEPS."""
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    margin = 0.04 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    shares = 2 * (points - low) / (high - low) - 1
    # Who lies further out than half of the map's size is put there.
    return np.rint(np.clip(STEPS * shares, -2 * STEPS, 2 * STEPS - 1)).astype(np.int16)


@dataclass(frozen=True)
class Points:
    """What travels to a map once: its arrays, flat and by name, and a name for their content."""

    n: int
    arrays: dict[str, np.ndarray]
    name: str

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        return sum(array.nbytes for array in self.arrays.values())


def points_of(
    model: np.ndarray, pca: np.ndarray, labels: np.ndarray | None, pictures: Pictures
) -> Points:
    """Two layouts of the same examples, model and pca (n, 2), and labels (n,), as they travel."""
    arrays = {"model": steps_of(model).ravel(), "pca": steps_of(pca).ravel()}
    if labels is not None:
        arrays["labels"] = labels.astype(np.int16)
    m = min(len(pictures.images), len(model))
    arrays["images"] = pictures.images[:m].ravel()
    # Whole numbers, as parts.js knows them.
    arrays["neighbours"] = pictures.neighbours[:m].astype(np.float32).ravel()
    digest = hashlib.blake2b(digest_size=12)
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].data)
    return Points(len(model), arrays, digest.hexdigest())


def point_map(
    points: Points,
    pictures: Pictures,
    *,
    key: str,
    what: str,
    titles: tuple[str, str],
    axes: tuple[Sequence[str], Sequence[str]],
    classes: Sequence[tuple[str, str]],
    thing: str,
    held_out: int,
    height: int = 440,
    renderer: str = "",
) -> Chosen | None:
    """Show a map; what was chosen in the press of a hand that caused this run, else None.

    what: names model and layout, and when it changes the view begins anew. titles: of PCA and the
    model. axes: across and up, of PCA and the model. classes: (name, colour) each. held_out: how
    many of the first points are. renderer: "raster" or "gl", for measurements.
    """
    meta = {
        "key": what,
        "points": points.n,
        "titles": list(titles),
        "axes": [list(pair) for pair in axes],
        "classes": [{"name": name, "color": color} for name, color in classes],
        "thing": thing,
        "heldOut": held_out,
        "layout": pictures.layout,
        "range": [float(v) for v in pictures.value_range],
        "size": pictures.images.shape[1],
        "images": min(len(pictures.images), points.n),
        "neighbours": pictures.neighbours.shape[1],
        "height": height,
        "renderer": renderer,
    }
    said = json.dumps([meta, points.name], sort_keys=True).encode()
    meta["id"] = hashlib.blake2b(said, digest_size=12).hexdigest()
    chosen = _map(
        key=key,
        data={"meta": meta, **parts.offered(points.arrays)},
        on_chosen_change=_nothing,
        on_lost_change=_nothing,
    ).chosen
    return None if chosen is None else _checked(chosen, points.n)


def _checked(chosen: Any, n: int) -> Chosen | None:
    """The browser's answer, checked like any other input: it may be anything."""
    if not isinstance(chosen, Mapping) or not isinstance(chosen.get("indices"), list):
        return None
    found = [i for i in chosen["indices"][:TOLD] if type(i) is int and 0 <= i < n]
    count = chosen.get("count")
    count = count if type(count) is int and len(found) <= count <= n else len(found)
    return Chosen(np.array(found, dtype=int), count)


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
