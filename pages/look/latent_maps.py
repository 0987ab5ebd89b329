"""The two maps of the Latent space page, the model's beside PCA's, and what is chosen in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from aecore.export.csv_tables import Columns
from aecore.figures import charts
from aecore.figures.examples import frame_of
from pages.components.beside_pca import title_of_pca
from pages.components.figure_data import csv_button
from pages.components.latent_point_3d import latent_point_3d
from pages.look.latent_pool import Pool, class_of, pool_of
from pages.look.latent_view import TSNE, View
from pages.shell.plain_text import plain
from pages.shell.session import Hand


def maps(held: Hand, view: View) -> np.ndarray:
    """Draw both maps; return the chosen examples' positions, the same in both."""
    # No spaces: the key becomes a CSS class, by which 3-D clicks find their chart.
    way = view.way.replace(" ", "-")
    key = f"map_{held.ref}_{held.version}_{view.size}_{way}_{len(view.axes)}"
    chosen = _chosen(key)
    pool = pool_of(held, view.size)
    labels = None if pool.labels is None else pool.labels[: view.size]
    three = len(view.axes) == 3
    pca_axes = tuple(f"component {i + 1}" for i in range(len(view.axes)))
    sides = (
        ("model", view.points, f"{held.card.name}: codes", view.axes),
        ("pca", view.pca, f"{title_of_pca(held)}: scores", pca_axes),
    )
    for place, (side, points, title, axes) in zip(st.columns(2), sides, strict=True):
        chart = f"{key}_{side}"
        fig = charts.latent_map(points, labels, held.data.class_names, axes, chosen)
        with place:
            st.markdown(f"**{plain(title)}**")
            st.plotly_chart(
                fig,
                key=chart,
                # A 3-D chart would only report that nothing is selected.
                on_select="ignore" if three else lambda side=side: _remember(key, side),
                selection_mode=("points", "lasso", "box"),
                config={"displaylogo": False, "scrollZoom": True},
            )
            # Streamlit hears of no click on a 3-D chart, nor on a 2-D one that has its lasso out
            # (it then turns off Plotly's selecting by click); this component listens.
            clicked = latent_point_3d(chart, key=f"{chart}_click")
        if clicked is not None and [clicked] != chosen.tolist():
            st.session_state[f"{key}_point"] = clicked
            st.rerun()
    n = len(held.data.test)
    st.caption(
        f"{view.size:,} {frame_of(held.data).thing}s, "
        f"{'held out' if view.size <= n else 'held-out and training ones'}. "
        "What is chosen in one map is marked in both. Double click clears it; a click in the "
        "legend hides a class."
    )
    csv_button(lambda: _map_columns(held, view, pool), f"{held.stem}-map", "map")
    return chosen


def _map_columns(held: Hand, view: View, pool: Pool) -> Columns:
    """The points of both maps, held-out examples first."""
    rows = range(len(view.points))
    columns: dict[str, Any] = {"example": rows}
    if pool.labels is not None:
        columns["class"] = [class_of(held, pool, i) for i in rows]
    for i, axis in enumerate(view.axes):
        unit = "no unit" if view.way == TSNE else "latent unit"
        columns[f"{axis} ({unit})"] = view.points[:, i]
    for i in range(len(view.axes)):
        columns[f"pca score {i + 1} (data unit)"] = view.pca[:, i]
    return columns


def _remember(key: str, side: str) -> None:
    """The map that was clicked last says what is chosen."""
    st.session_state[f"{key}_side"] = side
    st.session_state.pop(f"{key}_point", None)


def _chosen(key: str) -> np.ndarray:
    if f"{key}_point" in st.session_state:
        return np.array([st.session_state[f"{key}_point"]])
    state = st.session_state.get(f"{key}_{st.session_state.get(f'{key}_side', 'model')}")
    points = state["selection"]["points"] if state else []
    found = [int(np.ravel(p["customdata"])[0]) for p in points if p.get("customdata") is not None]
    return np.unique(np.array(found, dtype=int))
