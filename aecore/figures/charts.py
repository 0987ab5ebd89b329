"""Plotly figures that stand still. Colours of text and background are left to the page's theme."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from aecore.figures import palette

MARGIN = {"l": 10, "r": 10, "t": 34, "b": 10}


def latent_pair(
    left: np.ndarray,
    right: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    titles: tuple[str, str],
    axes: tuple[tuple[str, ...], tuple[str, ...]],
    chosen: np.ndarray | None = None,
    height: int = 560,
) -> go.Figure:
    """Two scatter plots of the same examples, (n, 2) or (n, 3) each, side by side.

    The same colours and marker shapes; `chosen` (indices) stand out in both: the others turn
    faint, or, in 3-D, the chosen get a large mark. customdata of every point is the example's
    index.
    """
    three = left.shape[1] == 3
    kind = "scene" if three else "xy"
    fig = make_subplots(1, 2, specs=[[{"type": kind}, {"type": kind}]], subplot_titles=titles,
                        horizontal_spacing=0.03 if three else 0.08)  # fmt: skip
    n = len(left)
    groups = [(None, np.arange(n))] if labels is None else [
        (c, np.flatnonzero(labels == c)) for c in np.unique(labels)
    ]  # fmt: skip
    in_choice = None
    if chosen is not None and len(chosen):
        in_choice = np.zeros(n, bool)
        in_choice[chosen[chosen < n]] = True
    for column, points in ((1, left), (2, right)):
        for c, rows in groups:
            trace = _points_3d if three else _points_2d
            index = 0 if c is None else int(c)
            name = "" if c is None else class_names[index] if index < len(class_names) else str(c)
            picked = None if in_choice is None else np.flatnonzero(in_choice[rows])
            fig.add_trace(
                trace(points, rows, index, name, column == 1 and c is not None, picked), 1, column
            )
        if three and in_choice is not None:
            fig.add_trace(_marked_3d(points[in_choice]), 1, column)
    fig.update_layout(
        height=height, margin=MARGIN, dragmode="orbit" if three else "lasso", uirevision="latent",
        legend={"orientation": "h", "y": -0.02 if three else -0.16, "itemsizing": "constant",
                "title": ""},
        hovermode="closest",
    )  # fmt: skip
    for column, names in ((1, axes[0]), (2, axes[1])):
        if three:
            scene = {f"{a}axis": {"title": t} for a, t in zip("xyz", names, strict=True)}
            scene |= {"camera": {"eye": {"x": 1.6, "y": 1.6, "z": 1.1}}, "aspectmode": "cube"}
            fig.update_layout({f"scene{column if column > 1 else ''}": scene})
        else:
            fig.update_xaxes(title=names[0], zeroline=False, row=1, col=column)
            fig.update_yaxes(title=names[1], zeroline=False, row=1, col=column)
    return fig


def _points_2d(points, rows, index, name, legend, picked) -> go.Scattergl:
    return go.Scattergl(
        x=points[rows, 0], y=points[rows, 1], mode="markers", name=name, legendgroup=name,
        showlegend=legend, customdata=rows.astype(np.int32), selectedpoints=picked,
        marker={"color": palette.class_color(index), "size": 5, "opacity": 0.75,
                "symbol": palette.SYMBOLS[index % len(palette.SYMBOLS)]},
        unselected={"marker": {"opacity": 0.08}},
        hovertemplate=f"{name or 'example'} · no. %{{customdata}}<extra></extra>",
    )  # fmt: skip


def _points_3d(points, rows, index, name, legend, picked) -> go.Scatter3d:
    return go.Scatter3d(
        x=points[rows, 0], y=points[rows, 1], z=points[rows, 2], mode="markers", name=name,
        legendgroup=name, showlegend=legend, customdata=rows.astype(np.int32),
        marker={"color": palette.class_color(index), "size": 2.2, "opacity": 0.8,
                "symbol": palette.SYMBOLS_3D[index % len(palette.SYMBOLS_3D)]},
        hovertemplate=f"{name or 'example'} · no. %{{customdata}}<extra></extra>",
    )  # fmt: skip


def _marked_3d(points: np.ndarray) -> go.Scatter3d:
    return go.Scatter3d(
        x=points[:, 0], y=points[:, 1], z=points[:, 2], mode="markers", showlegend=False,
        marker={"color": palette.PCA, "size": 9, "symbol": "diamond",
                "line": {"color": "white", "width": 2}},
        hoverinfo="skip",
    )  # fmt: skip


def error_histogram(
    model: np.ndarray, pca: np.ndarray, height: int = 300, unit: str = "MSE per pixel"
) -> go.Figure:
    """Distribution of a figure over held-out examples, the model's beside PCA's."""
    top = float(np.quantile(np.concatenate([model, pca]), 0.995))
    low = float(min(model.min(), pca.min()))
    edges = np.linspace(low, max(top, low + 1e-9), 61)
    fig = go.Figure()
    pairs = (("this model", model, palette.MODEL), ("PCA", pca, palette.PCA))
    for name, values, color in pairs:
        counts, _ = np.histogram(values.clip(low, top), edges)
        fig.add_scatter(
            x=edges[:-1], y=counts, name=name, line={"shape": "hv", "color": color, "width": 2},
            fill="tozeroy", fillcolor=_faint(color),
            hovertemplate=f"{name}: %{{y}} images at %{{x:.4f}}<extra></extra>",
        )  # fmt: skip
        fig.add_vline(x=float(values.mean()), line={"color": color, "dash": "dash", "width": 1.5})
    fig.update_layout(
        height=height, margin=MARGIN, legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": unit}, yaxis={"title": "held-out images"},
    )  # fmt: skip
    return fig


def histories(runs: list[tuple[str, list[dict]]], height: int = 380) -> go.Figure:
    """Held-out error by epoch of some runs, each solid, its training error dotted."""
    fig = go.Figure()
    for i, (name, rows) in enumerate(runs):
        color = palette.class_color(i)
        for key, dash, what in (
            ("test_mse", "solid", "held out"),
            ("train_mse", "dot", "training"),
        ):
            points = [(r["epoch"], r[key]) for r in rows if key in r and "epoch" in r]
            if points:
                x, y = zip(*points, strict=True)
                fig.add_scatter(
                    x=x, y=y, name=f"{name}, {what}", mode="lines+markers",
                    line={"color": color, "dash": dash},
                )  # fmt: skip
        pca = [r["pca_mse"] for r in rows if "pca_mse" in r]
        if pca:
            fig.add_hline(y=pca[-1], line={"color": color, "dash": "dash", "width": 1},
                          annotation_text=f"PCA, k of {name}")  # fmt: skip
    fig.update_layout(
        height=height, margin=MARGIN, xaxis={"title": "epoch"},
        yaxis={"title": "MSE per pixel", "type": "log"}, legend={"orientation": "h", "y": -0.2},
    )  # fmt: skip
    return fig


def scale_bar(colors: list, low: float, high: float, title: str) -> go.Figure:
    """A flat colour bar on its own."""
    fig = go.Figure(
        go.Scatter(
            x=[None], y=[None], mode="markers", showlegend=False,
            marker={"cmin": low, "cmax": high, "color": [0], "colorscale": colors,
                    "colorbar": {"orientation": "h", "thickness": 10, "len": 1, "y": 0.5,
                                 "title": {"text": title, "side": "top"}}},
        )
    )  # fmt: skip
    fig.update_layout(height=80, margin={"l": 0, "r": 0, "t": 0, "b": 0},
                      xaxis={"visible": False}, yaxis={"visible": False})  # fmt: skip
    return fig


def _faint(color: str) -> str:
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},0.15)"
