"""What the page of the dial shows: its digits from a worker, and charts of what was measured."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.metrics import shown
from aecore.evaluation.neighbours import NEIGHBOURS
from aecore.figures.chart import Axis, Chart, Line
from aecore.lab import k_dial
from aecore.lab.k_dial import Facts, Redrawn
from aecore.pad import pad_meta
from pages.components.k_dial import Drawn
from pages.components.k_dial import k_dial as dial_view
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.plain_text import own

START = 8  # numbers at first: where one sees most of what both do
_TURN = "k_dial_turn"
_AE, _PCA = "autoencoder", "PCA"


@kept()
def _redrawn(turn: int) -> Redrawn:
    """All stops of one digit of each class."""
    return in_time(k_dial.redrawn, turn)


def show(said: Facts) -> None:
    """The dial, its digits and charts; and where more stops to help."""
    stops = said.stops
    found = _redrawn(st.session_state.get(_TURN, 0))
    ks = [stop.k for stop in stops]
    named = zip(found.names, found.rows, strict=True)
    dial_view(
        found.x,
        [f"{name}, held-out digit no. {row}" for name, row in named],
        ks,
        Drawn(
            found.ae,
            found.ae_errors,
            [shown(stop.mse) for stop in stops],
            [f"{stop.knn:.1f} %" for stop in stops],
        ),
        Drawn(
            found.pca,
            found.pca_errors,
            [shown(stop.pca_mse) for stop in stops],
            [f"{stop.pca_knn:.1f} %" for stop in stops],
        ),
        charts=_charts(said),
        heads=(f"Error, {said.held_out:,} held out", f"Classes found, {said.judged:,} held out"),
        note="Error: mean squared, per value; lower is better.",
        start=ks.index(START),
        layout=pad_meta.layout(found.x.shape[1:], "image", (0.0, 1.0), ()),
        key="k_dial",
    )
    words, button = st.columns([4, 1], vertical_alignment="center")
    words.markdown(own(k_dial.says(said)))
    button.button(
        "Other digits",
        icon=":material/casino:",
        on_click=_other_digits,
        width="stretch",
        key="k_dial_other",
    )


def _other_digits() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _charts(said: Facts) -> tuple[Chart, Chart]:
    stops = said.stops
    x = tuple(float(stop.k) for stop in stops)
    across = Axis("numbers in the code, k", log=True, ticks=x)
    error = Chart(
        "error",
        "Error by numbers in the code",
        across,
        Axis("squared error", f"{said.held_out:,} held out", log=True),
        (
            Line(_AE, x, tuple(stop.mse for stop in stops)),
            Line(_PCA, x, tuple(stop.pca_mse for stop in stops), "pca"),
        ),
        summary="Held-out error of the autoencoder and of PCA by the numbers in the code.",
    )
    meaning = Chart(
        "meaning",
        "Classes found by the numbers in the code",
        across,
        Axis("classes found", f"%, {said.judged:,} held out"),
        (
            Line(_AE, x, tuple(stop.knn for stop in stops)),
            Line(_PCA, x, tuple(stop.pca_knn for stop in stops), "pca"),
        ),
        summary="How often neighbours among codes have the same class, by the numbers in the code.",
    )
    return error, meaning


def explained(said: Facts) -> str:
    """What stands under 'What am I looking at?'."""
    return (
        f"**{len(said.stops)} autoencoders**, the same but for the size of their code: 784 pixels, "
        "128 units, k numbers, 128 units, 784 pixels. Each was trained before, for "
        f"{said.epochs} epochs on all training digits of MNIST, and ships with the project; its "
        "weights are kept in sixteen bits each, and the errors were measured with them so.\n\n"
        "**PCA** is the best that a linear code of k numbers can do: the mean digit and k "
        "components.\n\n"
        f"**Classes found**: a held-out digit takes the class that most of its {NEIGHBOURS} "
        f"nearest neighbours have among the codes of {said.voters:,} training digits. The network "
        "never saw a class; how often this is right says how much of what a digit is lies in its "
        "code.\n\n"
        "A lower error is a sharper picture; the second chart shows whether it also knows better "
        "which digit it is."
    )
