"""Plotly figures that stand still. Colours of text and background are left to the page's theme."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import plotly.graph_objects as go

from aecore.figures import palette

MARGIN = {"l": 10, "r": 10, "t": 34, "b": 10}


def as_text(name: str) -> str:
    """A name for a figure: Plotly reads tags, links among them, and %{...} in what it is given."""
    return escape(name, quote=False).replace("%{", "%\N{WORD JOINER}{")


def latent_map(
    points: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    axes: tuple[str, ...],
    chosen: np.ndarray | None = None,
    height: int = 540,
) -> go.Figure:
    """A scatter plot of examples, points (n, 2) or (n, 3), in class colours and marker shapes.

    `chosen` (indices) stand out: the others turn faint, or, in 3-D, the chosen get a large mark.
    customdata of every point is the example's index.
    """
    three, n = points.shape[1] == 3, len(points)
    groups = [(None, np.arange(n))]
    if labels is not None:
        groups = [(int(c), np.flatnonzero(labels == c)) for c in np.unique(labels)]
    in_choice = None
    if chosen is not None and len(chosen):
        in_choice = np.zeros(n, bool)
        in_choice[chosen[chosen < n]] = True
    fig = go.Figure()
    for c, rows in groups:
        index = c or 0
        name = "" if c is None else class_names[c] if c < len(class_names) else str(c)
        name = as_text(name)
        if three:
            fig.add_trace(_points_3d(points, rows, index, name, in_choice is not None))
        else:
            picked = None if in_choice is None else np.flatnonzero(in_choice[rows])
            fig.add_trace(_points_2d(points, rows, index, name, picked))
    if three and labels is not None:
        fig.add_trace(_names_3d(points, labels, class_names))
    if three and in_choice is not None:
        fig.add_trace(_marked_3d(points[in_choice]))
    fig.update_layout(
        height=height,
        margin=MARGIN,
        dragmode="orbit" if three else "lasso",
        uirevision="latent",
        hovermode="closest",
        showlegend=labels is not None,
        legend={
            "orientation": "h",
            "y": -0.02 if three else -0.14,
            "itemsizing": "constant",
            "title": "",
        },
    )
    if three:
        scene = {f"{a}axis": {"title": t} for a, t in zip("xyz", axes, strict=True)}
        scene |= {"camera": {"eye": {"x": 1.6, "y": 1.6, "z": 1.1}}, "aspectmode": "cube"}
        fig.update_layout(scene=scene)
    else:
        fig.update_xaxes(title=axes[0], zeroline=False)
        fig.update_yaxes(title=axes[1], zeroline=False)
    return fig


def _points_2d(points, rows, index, name, picked) -> go.Scattergl:
    return go.Scattergl(
        x=points[rows, 0],
        y=points[rows, 1],
        mode="markers",
        name=name,
        customdata=rows.astype(np.int32),
        selectedpoints=picked,
        marker={
            "color": palette.class_color(index),
            "size": 5,
            "opacity": 0.75,
            "symbol": palette.SYMBOLS[index % len(palette.SYMBOLS)],
        },
        unselected={"marker": {"opacity": 0.08}},
        hovertemplate=f"{name or 'example'} · no. %{{customdata}}<extra></extra>",
    )


def _points_3d(points, rows, index, name, faint) -> go.Scatter3d:
    return go.Scatter3d(
        x=points[rows, 0],
        y=points[rows, 1],
        z=points[rows, 2],
        mode="markers",
        name=name,
        customdata=rows.astype(np.int32),
        marker={
            "color": palette.class_color(index),
            # Plotly has eight marks in space: from the ninth class on they come again, larger.
            "size": 2.2 if index < len(palette.SYMBOLS_3D) else 4.4,
            "opacity": 0.25 if faint else 0.8,
            "symbol": palette.SYMBOLS_3D[index % len(palette.SYMBOLS_3D)],
        },
        hovertemplate=f"{name or 'example'} · no. %{{customdata}}<extra></extra>",
    )


def _names_3d(points, labels, class_names) -> go.Scatter3d:
    """Each class's name in the middle of its points."""
    classes = [int(c) for c in np.unique(labels) if 0 <= c < len(class_names)]
    middles = np.array([np.median(points[labels == c], 0) for c in classes]).reshape(-1, 3)
    return go.Scatter3d(
        x=middles[:, 0],
        y=middles[:, 1],
        z=middles[:, 2],
        mode="text",
        text=[f"<b>{as_text(class_names[c])}</b>" for c in classes],
        textfont={"size": 15},
        showlegend=False,
        hoverinfo="skip",
    )


def _marked_3d(points: np.ndarray) -> go.Scatter3d:
    return go.Scatter3d(
        x=points[:, 0],
        y=points[:, 1],
        z=points[:, 2],
        mode="markers",
        showlegend=False,
        marker={
            "color": palette.PCA,
            "size": 9,
            "symbol": "diamond",
            "line": {"color": "white", "width": 2},
        },
        hoverinfo="skip",
    )


def error_histogram(
    model: np.ndarray, pca: np.ndarray, height: int = 300, *, unit: str, thing: str
) -> go.Figure:
    """Distribution of a figure over held-out examples, the model's beside PCA's. unit: of the
    figure, in words. thing: what one example is called."""
    top = float(np.quantile(np.concatenate([model, pca]), 0.995))
    low = float(min(model.min(), pca.min()))
    edges = np.linspace(low, max(top, low + 1e-9), 61)
    fig = go.Figure()
    pairs = (("this model", model, palette.MODEL), ("PCA", pca, palette.PCA))
    for name, values, color in pairs:
        counts, _ = np.histogram(values.clip(low, top), edges)
        fig.add_scatter(
            x=edges[:-1],
            y=counts,
            name=name,
            line={"shape": "hv", "color": color, "width": 2},
            fill="tozeroy",
            fillcolor=_faint(color),
            hovertemplate=f"{name}: %{{y}} {thing}s at %{{x:.4f}}<extra></extra>",
        )
        fig.add_vline(x=float(values.mean()), line={"color": color, "dash": "dash", "width": 1.5})
    fig.update_layout(
        height=height,
        margin=MARGIN,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": unit},
        yaxis={"title": f"held-out {thing}s"},
    )
    return fig


def histories(runs: list[tuple[str, list[dict]]], height: int = 380) -> go.Figure:
    """Held-out error by epoch of some runs, each solid, its training error dotted."""
    fig = go.Figure()
    for i, (title, rows) in enumerate(runs):
        name = as_text(title)
        color = palette.class_color(i)
        for key, dash, what in (
            ("test_mse", "solid", "held out"),
            ("train_mse", "dot", "training"),
        ):
            points = [(r["epoch"], r[key]) for r in rows if key in r and "epoch" in r]
            if points:
                x, y = zip(*points, strict=True)
                fig.add_scatter(
                    x=x,
                    y=y,
                    name=f"{name}, {what}",
                    mode="lines+markers",
                    line={"color": color, "dash": dash},
                )
        pca = [r["pca_mse"] for r in rows if "pca_mse" in r]
        if pca:
            fig.add_hline(y=pca[-1], line={"color": color, "dash": "dash", "width": 1})
            # An annotation's place on a logarithmic axis is the logarithm.
            fig.add_annotation(
                x=1 - i % 2,
                xref="paper",
                y=math.log10(max(pca[-1], 1e-12)),
                showarrow=False,
                yshift=-9 if i % 2 else 9,
                xanchor="left" if i % 2 else "right",
                text=f"PCA, k of {name}",
                font={"color": color},
            )
    ticks = [m * 10.0**e for e in range(-8, 6) for m in (1, 2, 3, 5, 7)]
    fig.update_layout(
        height=height,
        margin=MARGIN,
        xaxis={"title": "epoch"},
        yaxis={
            "title": "MSE per value",
            "type": "log",
            "tickvals": ticks,
            "ticktext": [f"{t:g}" for t in ticks],
        },
        legend={"orientation": "h", "y": -0.2},
    )
    return fig


def scale_bar(colors: list, low: float, high: float, title: str) -> go.Figure:
    """A flat colour bar on its own."""
    fig = go.Figure(
        go.Scatter(
            x=[None],
            y=[None],
            mode="markers",
            showlegend=False,
            marker={
                "cmin": low,
                "cmax": high,
                "color": [0],
                "colorscale": colors,
                "colorbar": {
                    "orientation": "h",
                    "thickness": 10,
                    "len": 1,
                    "y": 0.5,
                    "title": {"text": title, "side": "top"},
                },
            },
        )
    )
    fig.update_layout(
        height=80,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"visible": False},
        yaxis={"visible": False},
    )
    return fig


def _faint(color: str) -> str:
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},0.15)"


def bars(
    values: np.ndarray, axis: str, unit: str, names: list[str] | None = None, height: int = 260
) -> go.Figure:
    """One bar a value, (n,); names stand below them, else their numbers from 1."""
    names = [as_text(n) for n in names or map(str, range(1, len(values) + 1))]
    fig = go.Figure(
        go.Bar(
            x=names,
            y=values,
            marker_color=palette.MODEL,
            hovertemplate="%{x}: %{y:.4g}<extra></extra>",
        )
    )
    fig.update_layout(height=height, margin=MARGIN)
    fig.update_xaxes(title=axis, type="category")
    fig.update_yaxes(title=unit, rangemode="tozero")
    return fig


def heat_map(
    values: np.ndarray,
    columns: list[str],
    rows: list[str],
    unit: str,
    span: tuple[float, float],
    height: int = 380,
    colors: str | list[tuple[float, str]] = "Blues",
) -> go.Figure:
    """values (rows, columns) as coloured cells with their numbers written in."""
    fig = go.Figure(
        go.Heatmap(
            z=values,
            x=[as_text(name) for name in columns],
            y=[as_text(name) for name in rows],
            zmin=span[0],
            zmax=span[1],
            colorscale=colors,
            texttemplate="%{z:.2f}",
            colorbar={"title": unit},
            hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
        )
    )
    fig.update_layout(height=height, margin=MARGIN)
    fig.update_yaxes(autorange="reversed")
    return fig
