"""Examples as pictures: arrays in, uint8 pixels out, unsmoothed, one grey scale for all."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

from aecore.figures import palette

_LOW, _HIGH = ImageColor.getrgb(palette.BELOW), ImageColor.getrgb(palette.ABOVE)


def as_image(x: np.ndarray) -> np.ndarray:
    """Values (C, H, W) in [0, 1] -> uint8 (H, W, 3), clipped; one channel becomes grey."""
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        raise ValueError(f"an image has shape (1 or 3, H, W), not {x.shape}")
    pixels = (np.nan_to_num(x).clip(0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels


def error_image(x_hat: np.ndarray, x: np.ndarray, reach: float = 1.0) -> np.ndarray:
    """x_hat - x as uint8 (H, W, 4): blue too dark, orange too bright, faint if small.

    What is right shows the page behind, white on a light one and dark on a dark one. reach is the
    difference that gets the full colour; channels are averaged.
    """
    difference = ((x_hat - x).mean(0) / reach).clip(-1, 1)[..., None]
    color = np.where(difference < 0, np.array(_LOW, float), np.array(_HIGH, float))
    return np.concatenate([color, 255 * np.abs(difference)], 2).round().astype(np.uint8)


def error_scale(steps: int = 101) -> list[tuple[float, str]]:
    """The clear error map's colours as a Plotly colour scale."""
    values = np.linspace(-1, 1, steps)
    colors = error_image(values[None, None, :], np.zeros((1, 1, steps)))[0]
    return [
        ((v + 1) / 2, f"rgba({r},{g},{b},{a / 255:.3f})")
        for v, (r, g, b, a) in zip(values, colors, strict=True)
    ]


def grid(images: list[np.ndarray], columns: int, gap: int = 1, enlarge: int = 1) -> np.ndarray:
    """Pictures (h, w, 3 or 4 each) of one size side by side: uint8 (H, W, 4), gaps transparent."""
    h, w, _ = images[0].shape
    rows = -(-len(images) // columns)
    canvas = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, 4), np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[top : top + h, left : left + w, 3] = 255
        canvas[top : top + h, left : left + w, : image.shape[2]] = image
    return canvas.repeat(enlarge, 0).repeat(enlarge, 1)


def enlargement(pixels: int, target: int = 900) -> int:
    """Whole-number factor that brings a picture near a target width, so pixels stay square."""
    return max(1, round(target / max(pixels, 1)))
