"""Noise: what the model in hand makes of it, beside the simplest ways to remove it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aecore.evaluation.metrics import shown
from aecore.evaluation.noise_removed import OURS, Compared
from aecore.figures import charts, images
from aecore.jobs import views
from aecore.wording import capitalised
from pages.components.figure_data import CAMERA, csv_button
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand


@kept()
def _compared(held: Hand) -> Compared:
    return in_time(views.noise, held.in_hand)


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
    titles = ("Clean", "Damaged", capitalised(best), "This model")
    for title, row in zip(titles, found.rows, strict=True):
        right.markdown(f"**{plain(title)}**")
        pictures = [images.as_image(v) for v in row]
        enlarge = images.enlargement((row.shape[-1] + 1) * len(row), 900)
        strip = images.grid(pictures, len(pictures), enlarge=enlarge)
        right.image(strip, width="stretch", alt=plain(title))
