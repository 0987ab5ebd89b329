"""What the page of the dial of beta shows: its planes and digits, and charts of what was
measured."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.metrics import shown
from aecore.evaluation.neighbours import NEIGHBOURS
from aecore.figures.chart import Axis, Chart, Line
from aecore.lab import beta_dial
from aecore.lab.beta_dial import BEYOND_OF_PRIOR, Digits, Facts, Planes, plane_of
from aecore.lab.holes_told import HOLE_COLOR
from aecore.lab.plane import COMPONENTS, DRAWS
from pages.components.beta_dial import Chosen, OnPlane, Told
from pages.components.beta_dial import beta_dial as dial_view
from pages.shell.computing import in_time
from pages.shell.kept import kept

START = 1.0  # beta at first: the VAE as it was invented
_TURN = "beta_dial_turn"


@kept()
def _planes() -> Planes:
    """Codes and decoders of all stops."""
    return in_time(beta_dial.planes)


@kept()
def _digits(turn: int) -> Digits:
    """One digit of each class, at all stops."""
    return in_time(beta_dial.digits, turn)


def show(said: Facts) -> None:
    """The dial, its plane, its digits and charts."""
    stops = said.stops
    found, chosen = _planes(), _digits(st.session_state.get(_TURN, 0))
    named = zip(chosen.names, chosen.rows, strict=True)
    dial_view(
        OnPlane(
            found.mu,
            found.std,
            found.noise,
            found.labels,
            found.class_names,
            found.windows,
            found.holes,
            found.fed_holes,
        ),
        Chosen(
            chosen.x,
            [f"{name}, held-out digit no. {row}" for name, row in named],
            chosen.mu,
            chosen.std,
        ),
        found.decoder,
        found.weights,
        stops=[f"{stop.beta:g}" for stop in stops],
        charts=_charts(said),
        figures=_figures(said),
        says=(
            [beta_dial.says(said, stop, with_noise=False) for stop in stops],
            [beta_dial.says(said, stop, with_noise=True) for stop in stops],
        ),
        words=(
            f"Codes of {len(found.labels):,} held-out digits; circles: N(0, I)",
            "What is drawn there; orange: no code lies there",
        ),
        hole=HOLE_COLOR.tolist(),
        note="Redrawn: squared error, per value. Point at a plane: the third picture is drawn "
        "there.",
        start=[stop.beta for stop in stops].index(START),
        key="beta_dial",
    )
    st.button(
        "Other digits",
        icon=":material/casino:",
        on_click=_other_digits,
        key="beta_dial_other",
    )


def _other_digits() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _figures(said: Facts) -> list[Told]:
    stops = said.stops

    def same(name: str, values: list[str]) -> Told:
        return Told(name, values, values)

    return [
        same("Error, squared, per value", [shown(stop.mse) for stop in stops]),
        same("A code costs (KL)", [f"{stop.kl:.2f} nats" for stop in stops]),
        Told(
            f"Holes in their box (prior {said.prior_empty:.0f} %)",
            [f"{plane_of(stop.plane).empty:.0f} %" for stop in stops],
            [f"{plane_of(stop.fed_plane).empty:.0f} %" for stop in stops],
        ),
        Told(
            f"Beyond circle 2 (prior {BEYOND_OF_PRIOR:.0f} %)",
            [f"{stop.beyond:.0f} %" for stop in stops],
            [f"{stop.fed_beyond:.0f} %" for stop in stops],
        ),
        same(
            "All codes to N(0, I) (KL)",
            # A mean of draws, which can end a little below 0.
            [f"{round(stop.gap, 2) + 0:.2f} nats" for stop in stops],
        ),
        same("Classes found", [f"{stop.knn:.0f} %" for stop in stops]),
        same("Numbers in use", [str(stop.active) for stop in stops]),
    ]


def _charts(said: Facts) -> tuple[Chart, Chart]:
    stops, held_out = said.stops, f"{said.held_out:,} held out"
    places = tuple(map(float, range(len(stops))))
    names = tuple(f"{stop.beta:g}" for stop in stops)
    error = Chart(
        "error",
        "Error by beta",
        Axis("beta"),
        Axis("squared error"),
        (Line(f"error, {held_out}", places, tuple(stop.mse for stop in stops)),),
        categories=names,
        summary="Held-out error of decode(mean) by the price of information.",
    )
    rate = Chart(
        "rate",
        "KL by beta",
        Axis("beta"),
        Axis("KL", "nats", log=True),
        (Line(f"KL of a code, {held_out}", places, tuple(stop.kl for stop in stops), "pca"),),
        categories=names,
        summary="What a code costs, in nats, by the price of information.",
    )
    return error, rate


def explained(said: Facts) -> str:
    """What stands under 'What am I looking at?'."""
    first, second = beta_dial.HIDDEN
    side = plane_of(said.stops[0].plane).side
    return (
        f"**{len(said.stops)} VAEs on a plane**, the same but for beta: 784 pixels, layers of "
        f"{first} and {second}, a code of two numbers, and back. Each was trained before, for "
        f"{said.epochs} epochs on all {said.trained_on:,} training digits of MNIST, and ships with "
        "the project; its weights are kept in sixteen bits each, and all figures were measured "
        "with them so.\n\n"
        "**Beta** is the price of information. Training makes the sum of two costs of a digit "
        "small: what its drawing misses, in nats summed over all 784 pixels, and beta times the "
        "**KL**, in nats summed over the two numbers of its code, by which its place and its noise "
        "tell it apart from N(0, I). Both are sums over one digit, and then means over digits; "
        "where a program takes the mean over pixels instead, the same training has a beta 784 "
        "times smaller. Beta 0 is an autoencoder: nothing holds its codes together, and its noise "
        "may vanish. Beta 1 is the VAE as it was invented.\n\n"
        "**Codes with their noise** are what the decoder gets in training: one draw from each "
        "digit's own little Gaussian. Without it, their middles are shown. The ring is the chosen "
        "digit's middle, the ellipse around it one deviation of its noise. The circles are one and "
        "two deviations of the prior, N(0, I): 39 and 86 % of its draws lie within.\n\n"
        "**Holes**: the box around the codes of all training digits is cut into "
        f"{side} by {side} cells, as in the experiment Holes, and one without any code is a hole. "
        f"Draws from N(0, I), as many, leave {said.prior_empty:.0f} % of their own box empty: its "
        "corners.\n\n"
        "**All codes to N(0, I)** is the KL of the aggregate posterior, all digits' Gaussians "
        f"taken together, to the prior: an estimate from {DRAWS:,} draws with {COMPONENTS:,} "
        "digits, too high where beta is small and each Gaussian narrow. Of what a code costs, the "
        "rest tells which digit it is of.\n\n"
        f"**Classes found**: how often a held-out digit has the class of most of its {NEIGHBOURS} "
        f"nearest neighbours among the codes of {said.voters:,} training digits, on "
        f"{said.judged:,}. Neighbours compare differences however small, so some are found even "
        "where noise drowns them for the decoder. **Numbers in use**: those of the two whose "
        "middles vary from digit to "
        "digit (a variance above .01). Where none does, the decoder gets nothing but noise, and "
        "draws the mean digit everywhere: **posterior collapse**."
    )
