"""The page of sparse features: one example whose features are turned, and all features as cards."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aecore.jobs import feature_views
from aecore.jobs.feature_views import FeatureLook
from aecore.lab.features import JUDGED, TOP, order_of
from aecore.lab.sparse_coder import coder_from
from pages.components.feature_cards import FeatureCard, feature_cards
from pages.components.feature_stage import ActiveFeature, Turning, feature_stage
from pages.lab import features_shown
from pages.lab.choosing import Shown
from pages.lab.features_shown import Features
from pages.shell.computing import apart
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

PER_PAGE = 12
MOST_LISTED = 64
PUREST, COMMONEST = "Purest", "Most often active"


def turned(found: Features, held: Hand) -> None:
    """An example, its active features, and what comes out while one of them is turned."""
    chosen = features_shown.choice(found)
    coder, high = coder_from(found.values), np.asarray(found.values["high"])
    look = apart(
        feature_views.look,
        held.in_hand,
        coder,
        found.layer,
        chosen.entered,
        chosen.feature,
        high,
    )
    listed = _listed(found, look)
    many = f"{int((look.code > 0).sum())} of {coder.width} features are active"
    feature_stage(
        look.x,
        "drawn" if isinstance(chosen.entered, bytes) else str(chosen.entered),
        _said(held, chosen.entered),
        many,
        listed,
        Turning(look.feature, look.strengths, look.outs, look.now),
        features_shown.looks_of(held),
        key="feature_stage",
        bring=chosen.bring,
        drawn=lambda content: features_shown.choose_example(found, content),
        chosen=lambda feature: features_shown.choose_feature(found, feature),
    )


def _listed(found: Features, look: FeatureLook) -> list[ActiveFeature]:
    """The active features, the strongest first; the turned one with them, if it is not active."""
    order = [int(f) for f in np.argsort(-look.code)[:MOST_LISTED] if look.code[f] > 0]
    if look.feature >= 0 and look.feature not in order:
        order.append(look.feature)
    most = max(float(look.code.max()), 1e-12)
    drawn = np.asarray(found.values["drawn"])
    return [
        ActiveFeature(
            f,
            f"Feature {f + 1}",
            found.of_class(f) or f"on {100 * float(found.values['density'][f]):.1f} %",
            float(look.code[f]) / most,
            drawn[f],
        )
        for f in order
    ]


def _said(held: Hand, entered: int | bytes) -> str:
    if isinstance(entered, bytes):
        return "Your drawing."
    labels, names = held.data.test.labels, held.data.class_names
    label = "" if labels is None or not names else f", class {names[int(labels[entered])]}"
    return f"Held-out {features_shown.thing(held)} {entered:,}{label}."


def controls(found: Features, shown: Shown, held: Hand) -> None:
    """Beneath the stage: which example goes in, and the way to the figures."""
    chosen = features_shown.choice(found)
    now = chosen.entered if isinstance(chosen.entered, int) else None
    key = f"features_example_{now}"
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.number_input(
        own(f"Held-out {features_shown.thing(held)}"),
        0,
        len(held.data.test) - 1,
        now,
        key=key,
        width=180,
        on_change=lambda: _entered(found, st.session_state[key]),
    )
    features_shown.link_to_result(row, found, shown)


def _entered(found: Features, value: int | None) -> None:
    if value is not None:
        features_shown.choose_example(found, int(value))


# Cards ---------------------------------------------------------------------------------------


def cards(found: Features, held: Hand) -> None:
    """All features that are ever active, as cards, some at a time."""
    order = order_of(dict(found.values))
    density = np.asarray(found.values["density"])
    st.subheader("All features", anchor=False)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    by = row.segmented_control("Order", [PUREST, COMMONEST], default=PUREST, key="features_by")
    if by == COMMONEST:
        order = order[np.argsort(-density[order], kind="stable")]
    kinds = np.asarray(found.values["kind"])
    classes = found.record.about.classes
    there = [k for k in range(len(classes)) if (kinds[order] == k).any()]
    if there:
        kind = row.selectbox(
            "Class",
            there,
            index=None,
            format_func=lambda k: plain(classes[k]),
            placeholder="all",
            key="features_class",
            width=160,
        )
        if kind is not None:
            order = order[kinds[order] == kind]
    pages = max(1, -(-len(order) // PER_PAGE))
    page = int(row.number_input(own(f"Page of {pages}"), 1, pages, 1, width=120, key=f"pp{pages}"))
    some = order[(page - 1) * PER_PAGE : page * PER_PAGE]
    if len(some):
        feature_cards(
            [_card(found, held, int(f)) for f in some],
            features_shown.looks_of(held),
            TOP,
            key="feature_cards",
            chosen=lambda feature: features_shown.choose_card(found, feature),
        )
    st.caption(own(_said_of_cards(len(order_of(dict(found.values))), len(density), held)))


def _said_of_cards(alive: int, every: int, held: Hand) -> str:
    thing = features_shown.thing(held)
    return (
        f"{alive} of {every} features are active for at least one held-out {thing}. A card shows "
        "what the feature draws (orange adds, blue takes away), the weights with which it reads "
        "the input where the layer lies right behind it (specks at the edge: weights of values "
        f"that never vary, as they were drawn), the nine held-out {thing}s on which it is "
        f"strongest, and how often it is how strong. Class: the commonest among its {JUDGED} "
        "strongest, with its share. Press a card to turn the feature."
    )


def _card(found: Features, held: Hand, feature: int) -> FeatureCard:
    values = found.values
    rows = [int(r) for r in values["top"][feature] if r >= 0]
    often = f"active on {100 * float(values['density'][feature]):.1f} %"
    reads = values.get("reads")
    return FeatureCard(
        feature,
        f"Feature {feature + 1}",
        found.of_class(feature) or often,
        f"{often}, up to {float(values['high'][feature]):.2f}",
        values["drawn"][feature],
        None if reads is None else reads[feature],
        np.concatenate([held.data.test.batch(slice(r, r + 1)).numpy() for r in rows]),
        values["counts"][feature].tolist(),
    )
