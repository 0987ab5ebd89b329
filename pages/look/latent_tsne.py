"""t-SNE of a model's codes, in parts, so that its progress shows and it can be left."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.jobs import views
from pages.shell.computing import apart
from pages.shell.kept import SHARED
from pages.shell.session import Hand

TSNE_POINTS, TSNE_PARTS = 2000, 4


def tsne(held: Hand, n_axes: int, size: int) -> np.ndarray:
    """The first `size` codes of a model as points (size, n_axes).

    Leaving the page or another choice stops it, and nothing is kept. Somebody who asks for the same
    meanwhile waits for it.
    """
    bar = st.empty()
    wait = "t-SNE: somebody else has these very codes arranged; another choice leaves them to it."
    points = SHARED.get(
        ("tsne", held.key, n_axes, size),
        lambda: _arranged(held, n_axes, size, bar),
        lambda: bar.progress(0.0, wait),
    )
    bar.empty()
    return points


def _arranged(held: Hand, n_axes: int, size: int, place: DeltaGenerator) -> np.ndarray:
    bar = place.progress(0.0, "t-SNE: arranging neighbours; another choice stops it.")
    points: np.ndarray | None = None
    for part in range(TSNE_PARTS):
        points = apart(views.tsne_part, held.in_hand, n_axes, size, points)
        bar.progress((part + 1) / TSNE_PARTS, "t-SNE: arranging neighbours …")
    assert points is not None
    return points
