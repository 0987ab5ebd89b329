"""What the page of the dial of beta shows: planes, codes and figures as they were measured."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aecore.evaluation.metrics import shown
from aecore.figures.chart import Axis, Chart, Line
from aecore.lab import beta_dial
from aecore.lab.beta_dial import BetaDial
from pages.components.beta_dial import beta_dial as dial_view
from pages.shell.plain_text import own

START = 3  # the VAE as it was invented
_CIRCLE = np.linspace(0, 2 * np.pi, 61)
_ROOM = 1.05  # around the codes
_LEAST = 2.2  # from the middle to an edge: two deviations of N(0, I) are seen


def show(dial: BetaDial) -> None:
    """The dial, and what a higher price does."""
    dial_view(
        dial.planes,
        [f"beta {stop.beta:g}" for stop in dial.stops],
        [_codes(dial, i) for i in range(len(dial.stops))],
        [
            [
                (f"Squared error per value, {dial.held_out:,} held-out digits", shown(stop.mse)),
                (f"Price paid, KL, {dial.held_out:,} held-out digits", f"{stop.kl:.1f} nats"),
                ("Empty part of the box around all training codes", f"{stop.empty:.0f} %"),
            ]
            for stop in dial.stops
        ],
        captions=(
            "The box around all training codes, decoded",
            f"Codes of {len(dial.labels):,} held-out digits, a colour a class; circles: one and "
            "two deviations of N(0, I)",
        ),
        start=START,
        key="beta_dial",
    )
    st.markdown(own(beta_dial.says(dial)))


def _codes(dial: BetaDial, stop: int) -> Chart:
    codes = dial.codes[stop]
    lines = [
        Line("", *_across(codes[dial.labels == c]), int(c), joined=False)
        for c in np.unique(dial.labels)
    ]
    for radius in (1, 2):
        circle = radius * np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE)], 1)
        lines.append(Line("", *_across(circle), "expected", marked=False))
    reach = max(_LEAST, _ROOM * float(np.abs(codes).max()))
    axis = Axis("", span=(-reach, reach))
    beta = f"{dial.stops[stop].beta:g}"
    said = f"Where codes of held-out digits lie at beta {beta}"
    return Chart("codes", said, axis, axis, tuple(lines), "plane", summary=said)


def _across(points: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, points[:, 0])), tuple(map(float, points[:, 1]))
