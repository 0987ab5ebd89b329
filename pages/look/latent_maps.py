"""The map of the Latent space page, from PCA's layout to the model's, and what is chosen in it.

In space there are two charts, the model's beside PCA's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from aecore.evaluation.latent import neighbours_of, turned, unturned
from aecore.export.csv_tables import Columns
from aecore.figures import charts, palette
from aecore.figures.examples import frame_of
from aecore.jobs.views import KNOWN, NEIGHBOURS
from aecore.pad import pad_meta
from pages.components.beside_pca import title_of_pca
from pages.components.figure_data import csv_button
from pages.components.latent_point_3d import latent_point_3d
from pages.components.point_map import Chosen, Pictures, Points, point_map, points_of
from pages.look.latent_pool import Pool, class_of, pool_of
from pages.look.latent_view import TSNE, View
from pages.shell.computing import still_there
from pages.shell.kept import SHARED, kept
from pages.shell.plain_text import plain
from pages.shell.session import Hand

MAP_HEIGHT, CHART_HEIGHT = 466, 480  # CSS pixels
ATLAS = 1_200_000  # bytes of pictures that travel with a map
NOTHING = Chosen(np.array([], dtype=int), 0)


def maps(held: Hand, view: View) -> Chosen:
    """Draw the map, or in space both charts; return the chosen examples' positions."""
    # No spaces: the key becomes a CSS class, by which 3-D clicks find their chart.
    way = view.way.replace(" ", "-")
    key = f"map_{held.ref}_{held.version}_{view.size}_{way}_{len(view.axes)}"
    if len(view.axes) == 3:
        _charts(held, view, key)
    else:
        _map(held, view, key)
    return _chosen(key)


def said_of_map(held: Hand, view: View) -> None:
    """Beneath the stage: which points these are, and their numbers to take along."""
    n = len(held.data.test)
    st.caption(
        f"{view.size:,} {frame_of(held.data).thing}s, "
        f"{'held out' if view.size <= n else 'held-out and training ones'}. "
        + (
            "What is chosen in one map is marked in both; a click in the legend hides a class."
            if len(view.axes) == 3
            else "Under the pointer: lines to the nearest examples by the model's code."
        )
    )
    csv_button(
        lambda: _map_columns(held, view, pool_of(held, view.size)), f"{held.stem}-map", "map"
    )


def _map(held: Hand, view: View, key: str) -> None:
    found, names = _points(held, view)
    pictures = _pictures(held, view.size)
    chosen = point_map(
        found,
        pictures,
        key="latent_map",
        what=f"{key}_{'_'.join(view.axes)}",
        titles=(title_of_pca(held), "This model"),
        axes=(names, view.axes),
        classes=[
            (plain(name), palette.class_color(i)) for i, name in enumerate(held.data.class_names)
        ],
        thing=frame_of(held.data).thing,
        held_out=len(held.data.test),
        height=MAP_HEIGHT,
    )
    if chosen is not None:
        st.session_state[f"{key}_chosen"] = chosen


def _points(held: Hand, view: View) -> tuple[Points, list[str]]:
    """Both layouts as they travel, one brought near the other, and the names of PCA's axes."""

    def make() -> tuple[Points, list[str]]:
        model, pca, names = view.points, view.pca, ["component 1", "component 2"]
        if view.way == TSNE:
            model = turned(model, pca)
        else:
            pca, order = unturned(pca, model)
            names = [names[i] for i in order]
        pool = pool_of(held, view.size)
        labels = None if pool.labels is None else pool.labels[: view.size]
        return points_of(model, pca, labels, _pictures(held, view.size)), names

    return SHARED.get(("map", held.key, view.way, view.axes, view.size), make, still_there)


@kept()
def _pictures(held: Hand, size: int) -> Pictures:
    """What a map of so many points knows of the first of them."""
    data, pool = held.data, pool_of(held, size)
    known = max(1, min(KNOWN, size, len(data.test), ATLAS // data.spec.size))
    near = pool.neighbours
    if size < len(pool.codes):  # of those that are drawn
        near = neighbours_of(pool.codes[:size], known, NEIGHBOURS)
    low, high = data.value_range
    x = data.test.batch(slice(0, known)).flatten(1).numpy()
    images = np.rint(np.clip((x - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    columns = [{"name": c.name, "mean": float(c.mean), "std": float(c.std)} for c in data.columns]
    layout = pad_meta.layout(data.spec.shape, data.spec.kind, data.value_range, columns)
    return Pictures(images, near[:known], layout, data.value_range)


def _charts(held: Hand, view: View, key: str) -> None:
    pool = pool_of(held, view.size)
    labels = None if pool.labels is None else pool.labels[: view.size]
    pca_axes = tuple(f"component {i + 1}" for i in range(3))
    sides = (
        ("model", view.points, f"{held.card.name}: codes", view.axes),
        ("pca", view.pca, f"{title_of_pca(held)}: scores", pca_axes),
    )
    chosen = _chosen(key).indices
    for place, (side, points, title, axes) in zip(st.columns(2), sides, strict=True):
        chart = f"{key}_{side}"
        names = held.data.class_names
        fig = charts.latent_map(points, labels, names, axes, chosen, CHART_HEIGHT)
        with place:
            st.markdown(f"**{plain(title)}**")
            st.plotly_chart(fig, key=chart, config={"displaylogo": False, "scrollZoom": True})
            # Streamlit hears of no click on a 3-D chart; this component listens.
            clicked = latent_point_3d(chart, key=f"{chart}_click")
        if clicked is not None and [clicked] != chosen.tolist():
            st.session_state[f"{key}_chosen"] = Chosen(np.array([clicked]), 1)
            st.rerun()


def _map_columns(held: Hand, view: View, pool: Pool) -> Columns:
    """The points of both layouts, held-out examples first."""
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


def _chosen(key: str) -> Chosen:
    return st.session_state.get(f"{key}_chosen", NOTHING)
