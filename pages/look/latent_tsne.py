"""t-SNE of a model's codes, in parts, so that its progress shows and it can be left."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st

from pages.look.latent_pool import shared_pool

TSNE_POINTS, TSNE_PARTS, TSNE_STEPS = 2000, 4, 250
KEPT = 16  # results that the sessions share, the longest unused given up first

# Not st.cache_resource: what it keeps cannot show its progress while it is made.
_kept: OrderedDict[tuple, np.ndarray] = OrderedDict()
_lock = Lock()


def tsne(key: tuple[str, int], n_axes: int, size: int) -> np.ndarray:
    """The first `size` codes of a model, by its key, as points (size, n_axes).

    Leaving the page or another choice stops it, and nothing is kept.
    """
    asked = (key, n_axes, size)
    with _lock:
        if asked in _kept:
            _kept.move_to_end(asked)
            return _kept[asked]
    points = _arranged(shared_pool(key, False).codes[:size], n_axes)
    with _lock:
        _kept[asked] = points
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return points


def _arranged(codes: np.ndarray, n_axes: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    bar = st.progress(0.0, "t-SNE: arranging neighbours; another choice stops it.")
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
        start = method.fit_transform(codes)
        bar.progress((part + 1) / TSNE_PARTS, "t-SNE: arranging neighbours …")
    bar.empty()
    return np.asarray(start, np.float32)
