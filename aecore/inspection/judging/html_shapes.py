"""Pieces of the report as HTML: pictures, bars, curves and maps that need no script.

Shapes stretch with the page; the words beside them are text, so that they stay legible at any
width. Everything that may come from a file is escaped here.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from aecore.figures import palette
from aecore.figures.examples import INK, Frame, Version, course, gallery, panel, panel_width
from aecore.figures.images import as_image, enlargement, grid
from aecore.inspection.judging.findings import amount

LARGEST = 96  # pixels of a picture's side in the file; above it every second, third ... is kept
MOST_BARS = 64


def picture(images: np.ndarray, columns: int, alt: str) -> str:
    """Images (n, C, H, W) in rows of `columns`, as one PNG in the page."""
    step = -(-max(images.shape[-2:]) // LARGEST)
    drawn = [as_image(x[:, ::step, ::step]) for x in images]
    pixels = grid(drawn, columns, gap=max(1, drawn[0].shape[1] // 14))
    times = enlargement(pixels.shape[1], 800)
    pixels = pixels.repeat(times, 0).repeat(times, 1)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<img class="px" alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def strips(rows: Sequence[tuple[str, np.ndarray]], notes: Sequence[str] = ()) -> str:
    """Rows of images with a name each, (name, (n, C, H, W)); notes stand under the columns."""
    parts = [
        f"<div class=strip><span>{escape(name)}</span>{picture(x, len(x), name)}</div>"
        for name, x in rows
    ]
    if notes:
        cells = "".join(f"<i>{escape(note)}</i>" for note in notes)
        parts.append(f"<div class=strip><span>MSE</span><div class=under>{cells}</div></div>")
    return f"<div class=strips>{''.join(parts)}</div>"


def examples(
    frame: Frame, versions: Sequence[tuple[str, np.ndarray]], titles: Sequence[str]
) -> str:
    """Examples in some versions, (name, (n, *shape)): images in rows, others drawn over each other.

    titles: one an example, which say its error.
    """
    if frame.kind == "image":
        return strips(versions, titles)
    colors = (INK, palette.MODEL, palette.PCA)
    panels = [
        panel(
            frame,
            [Version(name, x[i], c) for (name, x), c in zip(versions, colors, strict=False)],
            f"MSE {title}",
        )
        for i, title in enumerate(titles)
    ]
    keys = "".join(key(name, c) for (name, _), c in zip(versions, colors, strict=False))
    return f"<p class=keys>{keys}</p>{gallery(panels, panel_width(frame))}"


def collection(frame: Frame, x: np.ndarray, alt: str) -> str:
    """Single examples (n, *shape) side by side."""
    if frame.kind == "image":
        return picture(x, 10 if len(x) >= 10 else max(len(x), 1), alt)
    panels = [panel(frame, [Version("sample", one, palette.MODEL)]) for one in x[:12]]
    return gallery(panels, panel_width(frame))


def walks(frame: Frame, x: np.ndarray, names: Sequence[str]) -> str:
    """Traversals (dimensions, steps, *shape), a row each."""
    if frame.kind == "image":
        return strips([(name, row) for name, row in zip(names, x, strict=True)])
    panels = [panel(frame, course(frame, row), name) for name, row in zip(names, x, strict=True)]
    return gallery(panels, panel_width(frame))


def key(name: str, color: str) -> str:
    """An entry of a legend."""
    return f'<span class=key><i style="background:{color}"></i>{escape(name)}</span>'


def level_bars(rows: Sequence[tuple[str, float, str]], unit: str) -> str:
    """Lying bars from 0, (name, value, colour), each with its number."""
    top = max((value for _, value, _ in rows), default=1.0) or 1.0
    lines = "".join(
        f"<div class=bar><span>{escape(name)}</span><b><i style='width:{100 * value / top:.1f}%;"
        f"background:{color}'></i></b><em>{amount(value)}</em></div>"
        for name, value, color in rows
    )
    return f"<div class=bars>{lines}<p class=unit>{escape(unit)}</p></div>"


def columns(values: Sequence[float], names: Sequence[str], unit: str, color: str) -> str:
    """Standing bars from 0, at most 64 of them; names below, and the number under the pointer."""
    top = max(max(values, default=0.0), 1e-12)
    few = len(values) <= 24
    cells = "".join(
        f'<div title="{escape(name)}: {amount(value)}"><b><i style="height:'
        f'{100 * max(value, 0) / top:.1f}%;background:{color}"></i></b>'
        f"{f'<span>{escape(name)}</span>' if few else ''}</div>"
        for name, value in list(zip(names, values, strict=True))[:MOST_BARS]
    )
    left = len(values) - MOST_BARS
    note = f" · the first {MOST_BARS} of {len(values)}" if left > 0 else ""
    ends = "" if few else f"<p class=axis><span>{escape(names[0])}</span></p>"
    return (
        f"<div class='columns{' many' if len(values) > 12 else ''}'><p class=unit>{escape(unit)}; "
        f"the tallest is {amount(top)}{note}</p><div>{cells}</div>{ends}</div>"
    )


def spread(rows: Sequence[tuple[str, float, float]]) -> str:
    """Mean and deviation of each dimension as a line from -3 to 3, the prior's behind it."""
    lines = []
    for name, mean, std in rows[:32]:
        low, high = (float(np.clip((v + 3) / 6, 0, 1)) for v in (mean - std, mean + std))
        at = float(np.clip((mean + 3) / 6, 0, 1))
        lines.append(
            f'<div class=spread title="{escape(name)}: mean {amount(mean)}, deviation '
            f'{amount(std)}"><span>{escape(name)}</span><b><u></u><i style="left:{100 * low:.1f}%;'
            f'width:{100 * (high - low):.1f}%"></i><s style="left:{100 * at:.1f}%"></s></b>'
            f"<em>{mean:+.2f} ± {std:.2f}</em></div>"
        )
    return f"<div class=spreads>{''.join(lines)}</div>"


def curves(edges: np.ndarray, series: Sequence[tuple[str, np.ndarray, str]], unit: str) -> str:
    """Histograms over the same edges, (name, shares (n,), colour), as outlines."""
    top = max(float(values.max()) for _, values, _ in series) or 1.0
    paths = []
    for _, values, color in series:
        points = " ".join(
            f"{x:.2f},{100 - 96 * v / top:.2f}"
            for i, v in enumerate(values)
            for x in (100 * i / len(values), 100 * (i + 1) / len(values))
        )
        paths.append(
            f'<polyline points="0,100 {points} 100,100" fill="{color}" fill-opacity=".14" '
            f'stroke="{color}" stroke-width="1.6" vector-effect="non-scaling-stroke"/>'
        )
    keys = "".join(key(name, color) for name, _, color in series)
    return (
        f"<p class=keys>{keys}</p><svg class=curve viewBox='0 0 100 100' "
        f"preserveAspectRatio=none role=img aria-label='distribution of errors'>{''.join(paths)}"
        f"</svg><p class=axis><span>{amount(float(edges[0]))}</span><span>{escape(unit)}</span>"
        f"<span>{amount(float(edges[-1]))} or more</span></p>"
    )


def scatter(points: np.ndarray, labels: np.ndarray | None, names: Sequence[str]) -> str:
    """A map of points (n, 2) in class colours, with a legend.

    Short names (digits) also stand at the middle of their class.
    """
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    size = np.maximum(high - low, 1e-9)
    place = ((points - low) / size).clip(-0.03, 1.03) * 360 + 20
    place[:, 1] = 400 - place[:, 1]
    groups = [(0, np.arange(len(points)))]
    if labels is not None:
        groups = [(int(c), np.flatnonzero(labels == c)) for c in np.unique(labels)]
    dots, words, keys = [], [], []
    for c, rows in groups:
        # One path of round dots a class: a tenth of the bytes of as many circles.
        path = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in place[rows])
        dots.append(f'<path d="{path}" stroke="{palette.class_color(c)}"/>')
        name = names[c] if c < len(names) else str(c)
        if labels is not None and len(groups) <= 12:
            keys.append(key(name, palette.class_color(c)))
        if labels is not None and len(groups) <= 12 and len(name) <= 2:
            x, y = np.median(place[rows], 0)
            words.append(f'<text x="{x:.0f}" y="{y + 6:.0f}">{escape(name)}</text>')
    return (
        f"<svg class=map viewBox='0 0 400 400' role=img aria-label='map of the codes'><g "
        f"class=dots>{''.join(dots)}</g><g class=words>{''.join(words)}</g></svg>"
        f"<p class=keys>{''.join(keys)}</p>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of plain texts; the columns in `numbers` stand to the right."""
    side = ["class=n" if i in numbers else "" for i in range(len(head))]
    top = "".join(f"<th {s}>{escape(h)}</th>" for h, s in zip(head, side, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td {s}>{escape(cell)}</td>" for cell, s in zip(row, side, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )
