"""The pieces of the Latent space page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import labels_for
from aecore.evaluation.latent import encode_split, nearest
from aecore.evaluation.metrics import CodeQuality, code_quality
from aecore.export.csv_tables import Columns
from aecore.figures import charts, images, palette
from aecore.figures.examples import INK, Version, frame_of, gallery, legend, panel, panel_width
from pages.components import pad_data, pad_travel
from pages.components.drawing import drawing
from pages.components.figure_data import csv_button
from pages.components.latent_point_3d import latent_point_3d
from pages.components.pad import latent_pad
from pages.shell import session
from pages.shell.session import Hand

SIZES = (2000, 10_000, 70_000)
TSNE_POINTS, TSNE_CHUNKS, TSNE_STEPS = 2000, 4, 250
AXES, PCA_OF_CODES, TSNE = "latent numbers", "PCA of the codes", "t-SNE of the codes"
SHOWN, SHOWN_PLOTS = 24, 12
EXAMINED = {"image": 230, "lines": 300, "bars": 430}  # height in CSS pixels, by kind of drawing


@dataclass(frozen=True)
class View:
    """What is drawn: rows of the pool, points (n, 2 or 3) of the model and of PCA, axis names."""

    points: np.ndarray
    pca: np.ndarray
    axes: tuple[str, ...]
    size: int
    way: str


@dataclass(frozen=True)
class Pool:
    """Codes and PCA scores (n, k) of held-out examples, then of training examples if asked."""

    codes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray | None


@st.cache_resource(max_entries=8, show_spinner=False)
def _pool(key: tuple[str, int], everything: bool) -> Pool:
    held = session.hand_of(key[0])
    codes, k = session.codes(held).mu, held.card.spec.latent_dim
    splits = [held.data.test]
    if everything:
        splits.append(held.data.train)
        codes = np.concatenate([codes, encode_split(held.model, held.data.train).mu])
    scores = np.concatenate(
        [held.basis.encode(s.batch(slice(None)).flatten(1).numpy(), k) for s in splits]
    )
    # Data with fewer values than the code has numbers have fewer components too.
    scores = np.pad(scores, ((0, 0), (0, k - scores.shape[1])))
    labels = None
    if splits[0].labels is not None:
        labels = np.concatenate([s.labels.numpy() for s in splits])
    return Pool(codes.astype(np.float32), scores.astype(np.float32), labels)


def choose_view(held: Hand) -> View:
    """Widgets: how many points, which dimensions, 2-D or 3-D."""
    k = held.card.spec.latent_dim
    places = st.columns([1.4, 1.1, 2, 2.6], vertical_alignment="bottom")
    total = len(held.data.test) + len(held.data.train)
    sizes = [s for s in SIZES if s < total] + ([total] if total <= SIZES[-1] else [])
    sizes = sorted(set(sizes))
    default = sizes.index(10_000) if 10_000 in sizes else len(sizes) - 1
    size = places[0].selectbox(
        "Points",
        sizes,
        index=default,
        format_func=lambda n: f"{n:,}",
        key="points",
        help="Above the held-out examples the training examples join.",
    )
    three = (
        k >= 3
        and places[1].segmented_control(
            "Drawn in", ["2-D", "3-D"], default="3-D" if k == 3 else "2-D", key="drawn_in"
        )
        == "3-D"
    )
    n_axes = min(3 if three else 2, max(k, 2))
    pool = _pool(held.key, size > len(held.data.test))
    codes, scores = pool.codes[:size], pool.scores[:size]
    if k <= n_axes:
        names = tuple(f"z{i + 1}" for i in range(n_axes))
        pad = ((0, 0), (0, n_axes - k))
        return View(np.pad(codes, pad), np.pad(scores, pad), names, size, AXES)
    way = places[2].selectbox("Axes", [AXES, PCA_OF_CODES, TSNE], key="axes")
    pca = scores[:, :n_axes]
    if way == AXES:
        order = session.codes(held).order()
        with places[3]:
            picked = st.multiselect(
                "Which, most informative first",
                [int(d) for d in order],
                [int(d) for d in order[:n_axes]],
                max_selections=n_axes,
                format_func=lambda d: f"z{d + 1}",
                key=f"dims_{held.ref}_{n_axes}",
            )
        if len(picked) < n_axes:
            picked = [*picked, *(int(d) for d in order if d not in picked)][:n_axes]
        names = tuple(f"z{d + 1}" for d in picked)
        return View(codes[:, picked], pca, names, size, way)
    if way == PCA_OF_CODES:
        return View(
            _turn(codes, n_axes), pca, tuple(f"direction {i + 1}" for i in range(n_axes)), size, way
        )
    size = min(size, TSNE_POINTS)
    places[3].caption(f"t-SNE is shown for the first {size:,} points.")
    points = _tsne(held.key, n_axes, size)
    names = tuple(f"t-SNE {i + 1}" for i in range(n_axes))
    return View(points, scores[:size, :n_axes], names, size, way)


def _turn(codes: np.ndarray, n: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(n, svd_solver="covariance_eigh").fit_transform(codes).astype(np.float32)


@st.cache_resource(max_entries=16, show_spinner=False)
def _tsne_result(key: tuple[str, int], n_axes: int, size: int) -> dict[str, np.ndarray]:
    return {}


def _tsne(key: tuple[str, int], n_axes: int, size: int) -> np.ndarray:
    """t-SNE in parts, so that progress shows; leaving the page or a new choice stops it."""
    from sklearn.manifold import TSNE

    kept = _tsne_result(key, n_axes, size)
    if "points" not in kept:
        codes = _pool(key, False).codes[:size]
        bar = st.progress(0.0, "t-SNE: arranging neighbours; another choice stops it.")
        points = None
        for part in range(TSNE_CHUNKS):
            first = part == 0
            method = TSNE(
                n_axes,
                init="pca" if first else points,
                max_iter=TSNE_STEPS,
                random_state=0,
                early_exaggeration=12.0 if first else 1.0,
                perplexity=min(30, (size - 1) / 3),
            )
            points = method.fit_transform(codes)
            bar.progress((part + 1) / TSNE_CHUNKS, "t-SNE: arranging neighbours …")
        bar.empty()
        kept["points"] = points.astype(np.float32)
    return kept["points"]


def figure_of(held: Hand, view: View) -> np.ndarray:
    """Draw both maps; return the chosen examples' positions, the same in both."""
    # No spaces: the key becomes a CSS class, by which 3-D clicks find their chart.
    way = view.way.replace(" ", "-")
    key = f"map_{held.ref}_{held.version}_{view.size}_{way}_{len(view.axes)}"
    chosen = _chosen(key)
    pool = _pool(held.key, view.size > len(held.data.test))
    labels = None if pool.labels is None else pool.labels[: view.size]
    k, three = held.card.spec.latent_dim, len(view.axes) == 3
    pca_axes = tuple(f"component {i + 1}" for i in range(len(view.axes)))
    maps = (
        ("model", view.points, f"{held.card.name}: codes", view.axes),
        ("pca", view.pca, f"PCA, k = {k}: scores", pca_axes),
    )
    for place, (side, points, title, axes) in zip(st.columns(2), maps, strict=True):
        chart = f"{key}_{side}"
        fig = charts.latent_map(points, labels, held.data.class_names, axes, chosen)
        with place:
            st.markdown(f"**{title}**")
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
    csv_button(lambda: _map_columns(held, view, pool), f"{held.ref}-map", "map")
    return chosen


def _map_columns(held: Hand, view: View, pool: Pool) -> Columns:
    """The points of both maps, held-out examples first."""
    rows = range(len(view.points))
    columns: dict[str, Any] = {"example": rows}
    if pool.labels is not None:
        columns["class"] = [_class_of(held, pool, i) for i in rows]
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


def _place(held: Hand, index: int) -> tuple[Split, torch.Tensor]:
    """Where an example of the pool is: its split, and its position there as (1,)."""
    n = len(held.data.test)
    split, at = (held.data.test, index) if index < n else (held.data.train, index - n)
    return split, torch.tensor([at])


def _example(held: Hand, index: int) -> torch.Tensor:
    split, at = _place(held, index)
    return split.batch(at)


@torch.inference_mode()
def _reconstruction(held: Hand, index: int) -> np.ndarray:
    split, at = _place(held, index)
    return held.model.reconstruct(split.batch(at), labels_for(held.model, split, at)).numpy()[0]


def _class_of(held: Hand, pool: Pool, index: int) -> str:
    label, names = -1 if pool.labels is None else int(pool.labels[index]), held.data.class_names
    return names[label] if 0 <= label < len(names) else ""


def examine(held: Hand, view: View, chosen: np.ndarray) -> None:
    """The chosen examples: one with its reconstruction and neighbours, or many at a glance."""
    frame = frame_of(held.data)
    image = frame.kind == "image"
    with st.container(height=EXAMINED[frame.kind], border=True):
        if not len(chosen):
            st.markdown(
                f"Nothing is chosen yet. Click a point to see its {frame.thing}, what the model "
                "makes of it and its nearest neighbours."
            )
        elif len(chosen) == 1:
            (_one if image else _one_plot)(held, int(chosen[0]), view)
        else:
            (_many if image else _many_plots)(held, chosen)


def _picture(x: np.ndarray) -> np.ndarray:
    return images.grid([images.as_image(x)], 1, enlarge=images.enlargement(x.shape[-1], 130))


def _versions(held: Hand, index: int) -> list[Version]:
    """An example as it is, as the model draws it, and as PCA does."""
    x, k = _example(held, index), held.card.spec.latent_dim
    pca = held.basis.reconstruct(x.flatten(1).numpy(), k).reshape(x.shape[1:])
    return [
        Version("original", x.numpy()[0], INK),
        Version("reconstruction", _reconstruction(held, index), palette.MODEL),
        Version(f"PCA, k = {k}", pca, palette.PCA),
    ]


def _one(held: Hand, index: int, view: View) -> None:
    pool = _pool(held.key, view.size > len(held.data.test))
    places = st.columns([1, 1, 1, 4])
    for place, version in zip(places, _versions(held, index), strict=False):
        place.caption(version.name.capitalize() if version.name[0].islower() else version.name)
        place.image(_picture(version.values), width=130)
    near = nearest(pool.codes, pool.codes[index], 8, skip=index)
    pictures = [images.as_image(_example(held, int(i)).numpy()[0]) for i in near]
    label = _class_of(held, pool, index)
    places[3].caption(
        f"No. {index}{f', class {label}' if label else ''}: its nearest neighbours by code"
    )
    places[3].image(images.grid(pictures, 8, enlarge=images.enlargement(8 * 29, 560)))
    if pool.labels is not None:
        places[3].caption(
            "Their classes: " + ", ".join(_class_of(held, pool, int(i)) for i in near)
        )


def _one_plot(held: Hand, index: int, view: View) -> None:
    """Lines or bars: the example in three versions, beside its three nearest neighbours."""
    frame, pool = frame_of(held.data), _pool(held.key, view.size > len(held.data.test))
    versions = _versions(held, index)

    def title(text: str, i: int) -> str:
        label = _class_of(held, pool, i)
        return f"{text}, no. {i}" + (f" · {label}" if label else "")

    panels = [panel(frame, versions, title("The chosen", index), between=True)]
    for i in nearest(pool.codes, pool.codes[index], 3, skip=index):
        other = Version("neighbour", _example(held, int(i)).numpy()[0], palette.TRAIN)
        panels.append(panel(frame, [versions[0], other], title("Neighbour", int(i))))
    about = [(v.name, v.color) for v in versions] + [("nearest neighbours", palette.TRAIN)]
    drawing(legend(about) + gallery(panels, panel_width(frame)), key="examined")


def move_on(held: Hand, view: View, chosen: np.ndarray) -> None:
    """The live decoder, at the code of the one chosen example, for who asks for it."""
    wanted = st.toggle(
        "Move on from the chosen point, under your hand",
        key="move_on",
        disabled=len(chosen) != 1,
        help="Shows the decoder live at this point, once a single one is chosen.",
    )
    if not wanted or len(chosen) != 1:
        return
    pool = _pool(held.key, view.size > len(held.data.test))
    if held.model.conditional:
        held = pad_data.told(held, int(pool.labels[chosen[0]]))
    latent_pad(
        pad_data.bundle_for(held, small=True),
        key="pad_latent",
        mode="home",
        start=pool.codes[chosen[0]],
        decode=pad_travel.decoder_for(held),
    )


def _some(chosen: np.ndarray, most: int) -> np.ndarray:
    return chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)]


def _say_how_many(chosen: np.ndarray, shown: np.ndarray, thing: str) -> None:
    st.caption(
        f"{len(chosen):,} {thing}s chosen"
        + (f", {len(shown)} of them shown" if len(shown) < len(chosen) else "")
        + (
            ", each with its reconstruction"
            if thing != "image"
            else "; below each its reconstruction"
        )
    )


def _many(held: Hand, chosen: np.ndarray) -> None:
    shown = _some(chosen, SHOWN)
    _say_how_many(chosen, shown, "image")
    x = [_example(held, int(i)).numpy()[0] for i in shown]
    pictures = [images.as_image(v) for v in (*x, *(_reconstruction(held, int(i)) for i in shown))]
    enlarge = images.enlargement(29 * len(shown), 1000)
    st.image(images.grid(pictures, len(shown), enlarge=enlarge), width="content")


def _many_plots(held: Hand, chosen: np.ndarray) -> None:
    frame, shown = frame_of(held.data), _some(chosen, SHOWN_PLOTS)
    _say_how_many(chosen, shown, frame.thing)
    panels = [panel(frame, _versions(held, int(i))[:2], f"No. {i}", between=True) for i in shown]
    drawing(gallery(panels, panel_width(frame)), key="examined_many")


@st.cache_resource(max_entries=32, show_spinner=False)
def _quality(key: tuple[str, int]) -> tuple[CodeQuality, CodeQuality]:
    held, pool = session.hand_of(key[0]), _pool(key, False)
    x = held.data.test.batch(slice(0, 2000)).flatten(1).numpy()
    return code_quality(pool.codes, x, pool.labels), code_quality(pool.scores, x, pool.labels)


def quality(held: Hand) -> None:
    """Three figures of the codes, each beside PCA's; measured once per model."""
    st.subheader("How well the codes keep what matters", anchor=False)
    with st.spinner("Measuring neighbours …"):
        ours, pca = _quality(held.key)
    k = held.card.spec.latent_dim
    row = st.container(horizontal=True)
    figures = (
        ("kNN accuracy", ours.knn_accuracy, pca.knn_accuracy, "{:.1%}"),
        ("Trustworthiness", ours.trustworthiness, pca.trustworthiness, "{:.3f}"),
        ("Silhouette", ours.silhouette, pca.silhouette, "{:.3f}"),
    )
    for name, mine, theirs, form in figures:
        if mine is None:
            row.metric(name, "–", "needs class labels", delta_color="off", delta_arrow="off")
        else:
            row.metric(
                name,
                form.format(mine),
                f"PCA, k = {k}: {form.format(theirs)}",
                delta_color="off",
                delta_arrow="off",
            )
    st.caption(
        f"Held-out {frame_of(held.data).thing}s; trustworthiness and silhouette on the first "
        f"{ours.sample:,} of them."
    )
