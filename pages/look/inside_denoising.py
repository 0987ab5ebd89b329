"""Noise: what the model in hand makes of it, beside the simplest ways to remove it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from aecore.evaluation.batches import parts
from aecore.evaluation.beside import pca_reconstruction, pca_title
from aecore.evaluation.metrics import damaged, shown
from aecore.figures import charts, images
from pages.components.beside_pca import beside
from pages.components.figure_data import CAMERA, csv_button
from pages.shell.kept import kept
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

SHOWN = 10
MOST_VALUES = 20_000_000  # of the held-out examples that are looked at: 25,000 of MNIST's size
OURS, AS_IT_IS = "this model", "left as it is"


@dataclass(frozen=True)
class Compared:
    """Error per value against the clean example of each way, the best of the simple ways, the
    first examples in each version, and how many were measured."""

    errors: dict[str, float]
    best: str
    rows: list[np.ndarray]
    measured: int


@kept()
@torch.inference_mode()
def _compared(held: Hand) -> Compared:
    size = held.data.spec.size
    split = held.data.test.first(max(SHOWN, MOST_VALUES // size))
    some = sorted({min(n, len(held.basis.components)) for n in (32, 64, beside(held).k)})
    errors: dict[str, float] = {}
    first: dict[str, np.ndarray] = {}
    for x, seen in damaged(held.model, split, held.card.config.seed):
        ways = _ways(held, seen, some)
        first = first or {"clean": x.numpy()[:SHOWN]} | {n: v[:SHOWN] for n, v in ways.items()}
        for name, values in ways.items():
            errors[name] = errors.get(name, 0.0) + float(np.square(values - x.numpy()).sum())
    errors = {name: error / (len(split) * size) for name, error in errors.items()}
    best = min((n for n in errors if n != OURS), key=lambda n: errors[n])
    rows = [first[name] for name in ("clean", AS_IT_IS, best, OURS)]
    return Compared(errors, best, rows, len(split))


def _ways(held: Hand, seen: torch.Tensor, some: list[int]) -> dict[str, np.ndarray]:
    """What each way makes of damaged examples, (n, *shape), none clipped."""
    ways = {AS_IT_IS: seen.numpy()}
    if held.data.spec.kind == "image":
        from scipy.ndimage import median_filter

        ways["median of 3 x 3"] = median_filter(seen.numpy(), size=(1, 1, 3, 3))
    for k in some:
        ways[pca_title(k)] = pca_reconstruction(held.basis, seen, k).numpy()
    pieces = [held.model.reconstruct(seen[part]) for part in parts(len(seen))]
    return ways | {OURS: torch.cat(pieces).numpy()}


def show(held: Hand) -> None:
    """Errors of each way as bars, and examples."""
    st.subheader("Removing noise", anchor=False)
    found = _compared(held)
    errors, best = found.errors, found.best
    left, right = st.columns([2, 3])
    fig = charts.bars(
        np.array(list(errors.values())), "", "MSE against the clean example", list(errors)
    )
    left.plotly_chart(fig, config=CAMERA, key="denoising_ways")
    with left:
        csv_button(
            lambda: {"way": list(errors), "mse (squared error per value)": list(errors.values())},
            f"{held.stem}-noise",
            "noise",
        )
    won = errors[OURS] < errors[best]
    every = found.measured == len(held.data.test)
    of = f"all {found.measured:,}" if every else f"the first {found.measured:,}"
    left.markdown(
        f"Against the clean example, {own(of)} held out, not clipped: this model "
        f"**{shown(errors[OURS])}**, the best simple way ({plain(best)}) "
        f"**{shown(errors[best])}**. "
        + ("The model is worth its training." if won else "The simple way wins.")
        + f" Noise: {plain(held.model.damage_in_words)}."
    )
    if held.data.spec.kind != "image":
        return
    titles = ("Clean", "Damaged", best[0].upper() + best[1:], "This model")
    for title, row in zip(titles, found.rows, strict=True):
        label, picture = right.columns([1, 6], vertical_alignment="center")
        label.markdown(f"**{plain(title)}**")
        pictures = [images.as_image(v) for v in row]
        enlarge = images.enlargement((row.shape[-1] + 1) * len(row), 900)
        picture.image(images.grid(pictures, len(pictures), enlarge=enlarge), width="stretch")
