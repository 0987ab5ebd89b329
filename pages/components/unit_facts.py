"""What the units of a layer do on held-out examples, as the drawing of the network takes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.errors import AecoreError
from aecore.evaluation.unit_facts import BINS, MOST_EXCITING, LayerFacts
from aecore.jobs import views
from pages.components.pad_data import model_of_z
from pages.shell.computing import apart
from pages.shell.session import Hand

Packed = tuple[dict[str, Any], dict[str, np.ndarray]]


def facts_at(held: Hand, part: str, leaf: int, shape: tuple[int, ...], pictures: int) -> Packed:
    """Facts of one layer: see `packed`, or {"why": a sentence} where there are none.

    part, leaf, shape: the layer, as aecore/pad counts them. pictures: of how many of the first
    held-out examples the browser has one; the most exciting are of these.
    """
    maps = shape[0] if len(shape) == 3 else 0
    one = model_of_z(held).in_hand
    try:
        return packed(apart(views.unit_facts, one, part, leaf, maps, pictures))
    except AecoreError as error:
        return {"why": str(error)}, {}


def packed(facts: LayerFacts) -> Packed:
    """Facts as a browser gets them, at most 100 kB.

    The first: rule (when a unit counts as silent, in words), by ("max" where units are feature
    maps), examples, among, bins. The second, unit by unit: top int16, nine each, -1 for none;
    hist uint8, `bins` each, the largest of a unit 255; low, high, silent
    float32.
    """
    meta = {
        "rule": facts.rule,
        "by": "max" if facts.maps else "",
        "examples": facts.examples,
        "among": facts.among,
        "bins": BINS,
    }
    missing = ((0, 0), (0, MOST_EXCITING - facts.top.shape[1]))
    largest = facts.counts.max(1, keepdims=True)
    arrays = {
        "top": np.pad(facts.top, missing, constant_values=-1).astype(np.int16).ravel(),
        "hist": np.ceil(facts.counts * 255 / largest).astype(np.uint8).ravel(),
        "low": facts.low,
        "high": facts.high,
        "silent": facts.silent,
    }
    return meta, arrays
