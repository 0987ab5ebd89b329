"""t-SNE of a model's codes, in parts, so that its progress shows and it can be left."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.machine import one_blas_thread
from pages.look.latent_pool import shared_pool
from pages.shell.kept import SHARED
from pages.shell.session import Hand

TSNE_POINTS, TSNE_PARTS, TSNE_STEPS = 2000, 4, 250


def tsne(held: Hand, n_axes: int, size: int) -> np.ndarray:
    """The first `size` codes of a model as points (size, n_axes).

    Leaving the page or another choice stops it, and nothing is kept. Somebody who asks for the same
    meanwhile waits for it.
    """
    bar = st.empty()
    wait = "t-SNE: somebody else has these very codes arranged; another choice leaves them to it."
    points = SHARED.get(
        ("tsne", held.key, n_axes, size),
        lambda: _arranged(shared_pool(held, False).codes[:size], n_axes, bar),
        lambda: bar.progress(0.0, wait),
    )
    bar.empty()
    return points


def _arranged(codes: np.ndarray, n_axes: int, place: DeltaGenerator) -> np.ndarray:
    from sklearn.manifold import TSNE

    bar = place.progress(0.0, "t-SNE: arranging neighbours; another choice stops it.")
    start: Any = "pca"  # then the points of the part before
    for part in range(TSNE_PARTS):
        method = TSNE(
            n_axes,
            init=start,
            max_iter=TSNE_STEPS,
            random_state=0,
            early_exaggeration=1.0 if part else 12.0,
            perplexity=min(30, (len(codes) - 1) / 3),
        )
        with one_blas_thread():
            start = method.fit_transform(codes)
        bar.progress((part + 1) / TSNE_PARTS, "t-SNE: arranging neighbours …")
    return np.asarray(start, np.float32)
