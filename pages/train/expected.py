"""What a training would take and what is to be feared of it, said before it is started."""

from __future__ import annotations

import json
import math

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore import datasets
from aecore.figures.examples import thing_of
from aecore.figures.network import compression_factor
from aecore.jobs import views
from aecore.models import LatentModel
from aecore.training.measuring import TRAIN_SAMPLE
from aecore.types import TrainConfig
from aecore.wording import count
from pages.shell import session
from pages.shell.computing import RETURN, apart, prepared, when_prepared
from pages.shell.kept import kept
from pages.shell.plain_text import own

REMEMBERS = 3  # weights per number in the training data, from which it can learn them by heart


def examples(dataset: str, config: TrainConfig) -> int:
    """How many examples are trained on."""
    whole = len(datasets.load(dataset).train)
    return min(config.limit, whole) if config.limit else whole


def figures(model: LatentModel, dataset: str, config: TrainConfig) -> None:
    """Weights, compression, steps and time, in a row that keeps its size."""
    row = st.container(horizontal=True)
    row.metric("Weights to learn", f"{model.parameter_count():,}")
    factor = compression_factor(model)
    row.metric(
        "Compression",
        f"{factor:,.0f} to 1" if factor >= 2 else f"{factor:.2g} to 1",
        help="Numbers in an example per number in its code. Below 1 the code is larger than the "
        "data: something else must keep it from copying.",
    )
    n = examples(dataset, config)
    if model.closed_form:
        row.metric("Steps", "none", help="It is computed at once, without steps of training.")
        return
    steps = config.epochs * math.ceil(n / min(config.batch_size, n))
    row.metric(
        "Steps",
        f"{steps:,}",
        help=own(
            f"{count(config.epochs, 'epoch')} of {n:,} examples, {config.batch_size} at a time."
        ),
    )
    with row:
        _time(model, dataset, config, n)


def _time(model: LatentModel, dataset: str, config: TrainConfig, n: int) -> None:
    asked = (
        json.dumps(model.spec.to_json(), sort_keys=True),
        json.dumps(config.to_json(), sort_keys=True),
        dataset,
    )
    if not (_pace.known(*asked) or prepared(views.pace, *asked)):
        st.metric("Expected time", "…", help="A few of its steps are being timed.")
        when_prepared(RETURN, views.pace, *asked)
        return
    pace = _pace(*asked)
    if pace is None:
        st.metric("Expected time", "–")
        return
    # Each epoch ends with a look at the held-out examples, which goes one way where a step goes
    # there and back twice.
    looked = (len(datasets.load(dataset).test) + TRAIN_SAMPLE) / 3
    seconds = config.epochs * (n + looked) / pace
    live = sum(r.recording.status == "training" for r in session.jobs().store.all())
    beside = f" {count(live, 'run')} under way may make it longer." if live else ""
    st.metric(
        "Expected time",
        own(f"about {in_words(seconds)}"),
        help=own(
            f"A few of its steps were timed: {pace:,.0f} training {thing_of(model.spec.data)}s a "
            f"second on one of this machine's cores.{beside}"
        ),
    )


@kept()
def _pace(spec: str, config: str, dataset: str) -> float | None:
    """Training examples a second, timed once for all who choose the same."""
    return apart(views.pace, spec, config, dataset)


def in_words(seconds: float) -> str:
    """A time as people say it: '6 s', '3 min', '2 h'."""
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def caution(model: LatentModel, dataset: str, config: TrainConfig, place: DeltaGenerator) -> None:
    """Say it where a network has so many weights that it can learn its examples by heart."""
    n, weights = examples(dataset, config), model.parameter_count()
    values = n * model.spec.data.size
    if model.closed_form or weights <= REMEMBERS * values:
        return
    thing = thing_of(model.spec.data)
    place.warning(
        f"{n:,} training {own(thing)}s ({values:,} values) meet {weights:,} weights: it can learn "
        "them by heart. Watch the held-out error rise while the training error falls.",
        icon=":material/warning:",
    )
