"""What the Latent space page draws: how many points, along which axes, flat or in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from aecore.jobs import views
from pages.look.latent_pool import pool_of
from pages.look.latent_tsne import TSNE_POINTS, tsne
from pages.shell import session
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.session import Hand

SIZES = (2000, 10_000, 70_000)
MOST_NUMBERS = 20_000_000  # of the codes that are drawn, where more than held-out ones are
AXES, PCA_OF_CODES, TSNE = "latent numbers", "PCA of the codes", "t-SNE of the codes"


@dataclass(frozen=True)
class View:
    """What is drawn: points (size, 2 or 3) of the model and of PCA, the names of the model's axes,
    and the kind of its axes."""

    points: np.ndarray
    pca: np.ndarray
    axes: tuple[str, ...]
    size: int
    way: str


def choose_view(held: Hand) -> View:
    """Widgets: how many points, which dimensions, 2-D or 3-D."""
    k = held.card.spec.latent_dim
    size = _choose_size(held)
    three = (
        k >= 3
        and st.segmented_control(
            "Drawn in", ["2-D", "3-D"], default="3-D" if k == 3 else "2-D", key="drawn_in"
        )
        == "3-D"
    )
    n_axes = 3 if three else 2
    pool = pool_of(held, size)
    codes, scores = pool.codes[:size], pool.scores[:size]
    if k <= n_axes:
        names = tuple(f"z{i + 1}" for i in range(n_axes))
        pad = ((0, 0), (0, n_axes - k))
        return View(np.pad(codes, pad), scores[:, :n_axes], names, size, AXES)
    way = st.selectbox("Axes", [AXES, PCA_OF_CODES, TSNE], key="axes")
    pca = scores[:, :n_axes]
    if way == AXES:
        picked = _choose_axes(held, n_axes)
        return View(codes[:, picked], pca, tuple(f"z{d + 1}" for d in picked), size, way)
    if way == PCA_OF_CODES:
        names = tuple(f"direction {i + 1}" for i in range(n_axes))
        return View(_directions(held, n_axes, size), pca, names, size, way)
    size = min(size, TSNE_POINTS)
    st.caption(f"Of the first {size:,} points.")
    names = tuple(f"t-SNE {i + 1}" for i in range(n_axes))
    return View(tsne(held, n_axes, size), pca[:size], names, size, way)


def _choose_size(held: Hand) -> int:
    total = len(held.data.test) + len(held.data.train)
    # Codes of all sessions are kept within one bound: of wide ones fewer are drawn.
    most = max(len(held.data.test), MOST_NUMBERS // held.card.spec.latent_dim)
    sizes = sorted({s for s in SIZES if s < total} | ({total} if total <= SIZES[-1] else set()))
    sizes = [s for s in sizes if s <= most]
    return st.selectbox(
        "Points",
        sizes,
        index=sizes.index(10_000) if 10_000 in sizes else len(sizes) - 1,
        format_func=lambda n: f"{n:,}",
        key="points",
        help="Above the held-out examples the training examples join.",
    )


def _choose_axes(held: Hand, n_axes: int) -> list[int]:
    """Which latent numbers are drawn; where fewer are chosen, the most informative join."""
    order = [int(d) for d in session.codes(held).order()]
    picked = st.multiselect(
        "Which, most informative first",
        order,
        order[:n_axes],
        max_selections=n_axes,
        format_func=lambda d: f"z{d + 1}",
        key=f"dims_{held.ref}_{n_axes}",
    )
    return [*picked, *(d for d in order if d not in picked)][:n_axes]


@kept()
def _directions(held: Hand, n: int, size: int) -> np.ndarray:
    return in_time(views.directions, held.in_hand, n, size)
