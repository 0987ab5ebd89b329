"""A model at a glance: a small map of its codes, and a few examples as it redraws them.

Pictures are PNG or SVG files, whole; they look right on light and on dark.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw

from aecore.datasets import Dataset
from aecore.evaluation.batches import labels_for
from aecore.evaluation.latent import encode_split, plane_of
from aecore.figures import palette
from aecore.figures.examples import Frame, frame_of, kind_of
from aecore.figures.images import as_image
from aecore.models import LatentModel
from aecore.training.events import Probe, Started
from aecore.types import DataSpec

POINTS, SHOWN = 500, 3  # examples of the map, and redrawn
MAP, CELL = 128, 112  # sides in pixels
_FINE = 2  # times as large, then made smaller: smooth dots
_GREY = "#8a9099"


@dataclass(frozen=True)
class Preview:
    """map: a picture, empty where codes are no numbers. pictures: of SHOWN examples as redrawn,
    always the same of one dataset. named: what they are, for who cannot see."""

    map: bytes
    pictures: tuple[bytes, ...]
    named: str = ""


@torch.inference_mode()
def preview(model: LatentModel, data: Dataset) -> Preview:
    """A model in evaluation mode on some held-out examples, codes by class."""
    split = data.test.first(POINTS)
    codes = encode_split(model, split).mu
    rows = torch.from_numpy(rows_of(data))
    labels = labels_for(model, data.test, rows)
    x_hat = model.decode(model.encode(data.test.batch(rows), labels).mu, labels)
    classes = None if split.labels is None else split.labels.numpy()
    return Preview(
        map_picture(plane_of(codes, None), classes) if np.isfinite(codes).all() else b"",
        pictures_of(frame_of(data), x_hat.numpy()),
        _named(data),
    )


def rows_of(data: Dataset, n: int = SHOWN) -> np.ndarray:
    """Indices of n held-out examples that stand for all: as different classes as there are."""
    labels = data.test.labels
    if labels is None:
        return np.arange(min(n, len(data.test)))
    _, first = np.unique(labels.numpy(), return_index=True)
    if len(first) < n:
        return data.test.some_rows(n)
    return first[np.linspace(0, len(first) - 1, n).round().astype(int)]


def preview_of_look(started: Started, look: Probe, spec: DataSpec) -> Preview:
    """The same from a look at a run that trains, whose sample has one of each class first."""
    n = min(POINTS, len(look.latent_map))
    frame = Frame(kind_of(spec), started.low, started.high)
    some = np.linspace(0, len(look.reconstructions) - 1, SHOWN).round().astype(int)
    x_hat = started.low + look.reconstructions[some] / 255 * (started.high - started.low)
    return Preview(
        map_picture(look.latent_map[:n], started.map_labels[:n]),
        pictures_of(frame, x_hat.reshape(len(some), *spec.shape)),
    )


def _named(data: Dataset) -> str:
    labels = data.test.labels
    if labels is None or not data.class_names:
        return ""
    return ", ".join(data.class_names[int(labels[i])] for i in rows_of(data))


def map_picture(points: np.ndarray, labels: np.ndarray | None, side: int = MAP) -> bytes:
    """Points (n, 2) as dots in their classes' colours, on nothing."""
    fine = side * _FINE
    canvas = Image.new("RGBA", (fine, fine))
    draw, radius = ImageDraw.Draw(canvas), _FINE * min(2.0, 0.35 * side / len(points) ** 0.5)
    # The few farthest do not press all others together.
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    span = float(np.maximum(high - low, 1e-9).max())
    at = ((points - (low + high) / 2) / span * 0.9 + 0.5).clip(0.02, 0.98) * fine
    for i, (x, y) in enumerate(at):
        color = _GREY if labels is None or not len(labels) else palette.class_color(int(labels[i]))
        draw.ellipse((x - radius, fine - y - radius, x + radius, fine - y + radius), fill=color)
    return png(canvas.resize((side, side), Image.Resampling.BOX))


def pictures_of(frame: Frame, x: np.ndarray) -> tuple[bytes, ...]:
    """Examples (n, *shape), each as a small picture: pixels, a line, or bars from the mean."""
    if frame.kind == "image":
        return tuple(png(Image.fromarray(as_image(one))) for one in x)
    draw = _bars if frame.kind == "bars" else _line
    return tuple(draw(frame, np.ravel(one)).encode() for one in x)


def in_address(picture: bytes) -> str:
    """A picture as an address that holds it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def png(picture: Image.Image) -> bytes:
    """A picture as a PNG file."""
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _shares(frame: Frame, values: np.ndarray) -> np.ndarray:
    return ((np.nan_to_num(values) - frame.low) / (frame.high - frame.low)).clip(0, 1)


def _line(frame: Frame, values: np.ndarray) -> str:
    some = values[np.unique(np.linspace(0, len(values) - 1, min(len(values), CELL)).astype(int))]
    x = np.linspace(3, CELL - 3, len(some))
    y = CELL - 8 - _shares(frame, some) * (CELL - 16)
    points = " ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))
    return _svg(
        f'<polyline points="{points}" fill="none" stroke="{palette.MODEL}" stroke-width="5" '
        'stroke-linejoin="round"/>'
    )


def _bars(frame: Frame, values: np.ndarray) -> str:
    some = values[:14]
    zero, tall = float(_shares(frame, np.zeros(1))[0]) * CELL, CELL / len(some)
    bars = "".join(
        f'<rect x="{min(zero, end):.1f}" y="{i * tall + 1:.1f}" width="{abs(end - zero) + 1:.1f}" '
        f'height="{max(tall - 2, 1):.1f}" fill="{palette.MODEL}"/>'
        for i, end in enumerate(_shares(frame, some) * CELL)
    )
    middle = f'<path d="M{zero:.1f} 0V{CELL}" stroke="{_GREY}" stroke-width="2"/>'
    return _svg(bars + middle)


def _svg(inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CELL} {CELL}" width="{CELL}" '
        f'height="{CELL}">{inside}</svg>'
    )
