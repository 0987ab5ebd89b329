"""Noise: what the model in hand makes of it, beside the simplest ways to remove it."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from aecore.figures import charts, images
from pages.components.figure_data import CAMERA, csv_button
from pages.shell import session
from pages.shell.plain_text import plain
from pages.shell.session import Hand

SAMPLE, SHOWN = 1000, 10


@st.cache_resource(max_entries=16, show_spinner=False)
def _compared(key: tuple[str, int]) -> tuple[dict[str, float], str, list[np.ndarray]]:
    """Error against the clean example of each way, the best of the simple ways, and the first
    examples in each version."""
    held = session.hand_of(key[0])
    x = held.data.test.first(SAMPLE).batch(slice(None))
    with torch.inference_mode():
        damaged = held.model.damage(x, torch.Generator().manual_seed(0))
        ours = held.model.reconstruct(damaged)
    low, high = (0.0, 1.0) if held.data.spec.bounded else (-np.inf, np.inf)
    flat, ways = damaged.flatten(1).numpy(), {"left as it is": damaged.numpy()}
    if held.data.spec.kind == "image":
        from scipy.ndimage import median_filter

        ways["median of 3 x 3"] = median_filter(damaged.numpy(), size=(1, 1, 3, 3))
    for k in sorted({min(n, len(held.basis.components)) for n in (32, 64)}):
        pca = held.basis.reconstruct(flat, k).clip(low, high)
        ways[f"PCA, k = {k}"] = pca.reshape(x.shape)
    ways["this model"] = ours.numpy().clip(low, high)
    errors = {name: float(np.square(v - x.numpy()).mean()) for name, v in ways.items()}
    best = min((n for n in errors if n != "this model"), key=lambda n: errors[n])
    rows = [x.numpy(), damaged.numpy(), ways[best], ways["this model"]]
    return errors, best, [row[:SHOWN] for row in rows]


def show(held: Hand) -> None:
    """Errors of each way as bars, and examples."""
    st.subheader("Removing noise", anchor=False)
    errors, best, rows = _compared(held.key)
    left, right = st.columns([2, 3])
    fig = charts.bars(
        np.array(list(errors.values())), "", "MSE against the clean example", list(errors)
    )
    left.plotly_chart(fig, config=CAMERA, key="denoising_ways")
    with left:
        csv_button(
            lambda: {"way": list(errors), "mse (squared error per value)": list(errors.values())},
            f"{held.ref}-noise",
            "noise",
        )
    won = errors["this model"] < errors[best]
    left.markdown(
        f"Against the clean example, {SAMPLE:,} held out, clipped to the data's range: this model "
        f"**{errors['this model']:.4f}**, the best simple way ({plain(best)}) "
        f"**{errors[best]:.4f}**. "
        + ("The model is worth its training." if won else "The simple way wins: train longer.")
        + f" Noise: {plain(held.model.damage_in_words)}."
    )
    if held.data.spec.kind != "image":
        return
    titles = ("Clean", "Damaged", best[0].upper() + best[1:], "This model")
    for title, row in zip(titles, rows, strict=True):
        label, picture = right.columns([1, 6], vertical_alignment="center")
        label.markdown(f"**{plain(title)}**")
        pictures = [images.as_image(v) for v in row]
        enlarge = images.enlargement((row.shape[-1] + 1) * len(row), 900)
        picture.image(images.grid(pictures, len(pictures), enlarge=enlarge), width="stretch")
