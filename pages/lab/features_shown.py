"""Which result's features a page shows, on which model, and what a person chose of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.errors import JobError
from aecore.export.explorer_file import AS_MNIST
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.experiment import Experiment, Values
from aecore.lab.features_told import FEATURES
from aecore.lab.layer_activity import mark_of
from aecore.lab.record import Record
from aecore.pad import pad_meta
from pages.components.feature_stage import Looks
from pages.lab import first_run
from pages.lab.choosing import LAB, RESULT, Shown
from pages.lab.experiment_cards import about_time
from pages.shell import session
from pages.shell.kept import kept
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

_CHOSEN = "features_chosen"  # in the session


@dataclass(frozen=True)
class Features:
    """A result with features. name: tells it from others. values: of the task that found them."""

    name: str
    record: Record
    values: Values

    @property
    def layer(self) -> int:
        """The number of the layer that they are of."""
        return int(self.record.options["layer"])

    def of_class(self, feature: int) -> str:
        """Which class its strongest examples are of, in words; "" where nobody can say."""
        kind, purity = int(self.values["kind"][feature]), float(self.values["purity"][feature])
        classes = self.record.about.classes
        return f"{purity:.0f} % class {classes[kind]}" if 0 <= kind < len(classes) else ""


@dataclass(frozen=True)
class Choice:
    """entered: a held-out example, or what was drawn. feature: -1 for the strongest. bring: chosen
    among the cards, further down."""

    entered: int | bytes
    feature: int
    bring: bool = False


def features_of(shown: Shown) -> Features:
    """The features of a result. Raises JobError where there are none in it."""
    values = shown.record.done.get(FEATURES, {})
    if "drawn" not in values:
        raise JobError("This result was stopped before its features were found; run it again.")
    return Features(f"{shown.result}{shown.record.created}", shown.record, values)


@kept()
def _mark(held: Hand) -> str:
    return mark_of(held.model)


def fits(found: Features, held: Hand) -> bool:
    """Whether the features are of the model in hand as it is."""
    return found.values["mark"] == _mark(held)


def looks_of(held: Hand) -> Looks:
    """How examples of the data in hand are drawn."""
    data = held.data
    columns = [{"name": c.name, "mean": c.mean, "std": c.std} for c in data.columns]
    layout = pad_meta.layout(data.spec.shape, data.spec.kind, data.value_range, columns)
    draws = kind_of(data.spec) == "image" and not layout["graph"]
    return Looks(layout, data.value_range, draws, data.name in AS_MNIST)


# What is chosen ------------------------------------------------------------------------------


def choice(found: Features) -> Choice:
    """What was chosen last; at first the feature with the purest examples, where it is
    strongest."""
    known = st.session_state.get(_CHOSEN)
    if known is None or known[0] != found.name:
        best = np.asarray(found.values["best"])
        return _at_its_strongest(found, int(best[0])) if len(best) else Choice(0, -1)
    return known[1]


def _at_its_strongest(found: Features, feature: int, bring: bool = False) -> Choice:
    return Choice(max(0, int(found.values["top"][feature, 0])), feature, bring)


def _choose(found: Features, what: Choice) -> None:
    st.session_state[_CHOSEN] = found.name, what


def choose_example(found: Features, entered: int | bytes) -> None:
    """Put an example in; its strongest feature is the one to turn."""
    _choose(found, Choice(entered, -1))


def choose_feature(found: Features, feature: int) -> None:
    """Turn another feature of the same example; nothing happens for one that there is not."""
    if 0 <= feature < len(found.values["density"]):
        _choose(found, Choice(choice(found).entered, feature))


def choose_card(found: Features, feature: int) -> None:
    """Turn a feature at the example where it is strongest."""
    if 0 <= feature < len(found.values["density"]):
        _choose(found, _at_its_strongest(found, feature, bring=True))


# Where there is nothing to show --------------------------------------------------------------


def nothing_yet(one: Experiment, held: Hand) -> None:
    """What to do first: look for the features of the model in hand."""
    about = _about(held)
    options = one.Options()
    row = first_run.nothing_yet(
        one,
        options,
        about,
        held.in_hand,
        words="**No features yet.** The experiment takes the first layer of the model in hand, "
        f"**{plain(held.card.name)}**, apart into many features of which few are active at a time. "
        f"It runs for {about_time(one.seconds(options))}; then you draw here, and turn what it "
        "found.",
        label="Find its features",
        key="features",
    )
    if row is not None:
        row.page_link(
            file_of("experiment"),
            label="Another layer, other options",
            icon=":material/tune:",
            query_params={LAB: one.name},
        )


def _about(held: Hand) -> About:
    subject = LabSubject(held.data, held.model, held.card)
    return About.of(subject, session.data_title(held.data.name))


def other_model(one: Experiment, found: Features, held: Hand) -> None:
    """The features are of another model: take that one in hand, or look for this one's."""
    name = found.record.about.model
    st.info(
        f"These features are of **{plain(name)}**, and the model in hand is "
        f"**{plain(held.card.name)}**, or has changed since.",
        icon=":material/info:",
    )
    ref = next((r for r in session.own_refs() if session.title_of(r) == name), None)
    if ref is not None and ref != held.ref:
        st.button(
            own(f"Take {plain(name)} in hand"),
            on_click=session.take_in_hand,
            args=(ref,),
            icon=":material/back_hand:",
            key="features_take",
        )
    nothing_yet(one, held)


def link_to_result(place: DeltaGenerator, found: Features, shown: Shown) -> None:
    """The way to the figures and charts of the same result."""
    if not shown.mine:
        return
    query: dict[str, Any] = {LAB: found.record.experiment, RESULT: shown.result}
    place.page_link(
        file_of("experiment"),
        label="Figures and charts of this result",
        icon=":material/show_chart:",
        query_params=query,
    )


def thing(held: Hand) -> str:
    """What a person calls one example."""
    return thing_of(held.data.spec)
