"""Cards and recordings of whatever values: kept as they are, or refused in a sentence."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecore.errors import AecoreError
from aecore.models import build
from aecore.runs import checkpoints
from aecore.runs.card import MAX_ORIGIN_BYTES, Card
from aecore.runs.recording import Recording
from aecore.runs.store import Run, RunStore
from aecore.training.events import (
    Changed,
    EpochDone,
    Failed,
    Finished,
    Paused,
    Probe,
    StepDone,
    Stopped,
)
from aecore.types import DataSpec, ModelSpec, TrainConfig

SPEC = ModelSpec("dense-vae", DataSpec((1, 2, 2)), 2, {"hidden": (3,)})
MODEL = build(SPEC, seed=0)

names = st.text(max_size=40)
figures = st.floats(-1e14, 1e14) | st.integers(-(10**14), 10**14)
rows = st.dictionaries(names, figures, max_size=8)
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
finite_json = json_values.map(lambda v: json.loads(json.dumps(v).replace("NaN", "0"))).filter(
    lambda v: "Infinity" not in json.dumps(v)
)
configs = st.builds(
    TrainConfig,
    epochs=st.integers(1, 1000),
    learning_rate=st.floats(1e-6, 1.0),
    beta=st.floats(0, 1000),
    schedule=st.sampled_from(["constant", "cosine", "one-cycle"]),
)
amounts = st.floats(0, 1e14)
changes = st.builds(
    Changed,
    name=st.text(max_size=40),
    before=amounts,
    after=amounts,
    epoch=st.integers(0, 10**9),
    images_seen=st.integers(0, 10**9),
)
cards = st.builds(
    Card,
    name=st.text(max_size=200),
    spec=st.just(SPEC),
    config=configs,
    dataset=names,
    fingerprint=names,
    epochs_done=st.integers(0, 10**9),
    images_seen=st.integers(0, 10**9),
    seconds=amounts,
    seconds_to_beat_pca=st.none() | amounts,
    metrics=rows,
    history=st.lists(rows, max_size=5),
    versions=st.dictionaries(names, names, max_size=5),
    note=st.text(max_size=500),
    origin=st.dictionaries(names, finite_json, max_size=4),
    changes=st.lists(changes, max_size=3),
)


def from_card(value) -> Card:
    """A card's JSON value read again as a file of ours holds it."""
    return Card.from_json(json.loads(json.dumps(value)))


def read(value) -> tuple[Card | None, str]:
    """The card, or None and what it is refused with."""
    try:
        return from_card(value), ""
    except AecoreError as error:
        return None, str(error)


@given(cards)
@settings(max_examples=100, deadline=None)
def test_any_card_is_read_as_it_was_written(card):
    content = checkpoints.to_bytes(MODEL, card)
    assert checkpoints.read_header(content)[0] == card
    # Without opening the file another card takes its place, and the first may come back.
    other = dataclasses.replace(card, name="another", history=[], origin={})
    assert checkpoints.with_card(checkpoints.with_card(content, other), card) == content


@given(st.sampled_from([f.name for f in dataclasses.fields(Card)]), json_values)
@settings(max_examples=300, deadline=None)
def test_any_value_in_a_card_is_read_or_refused_in_a_sentence(field, value):
    whole = Card("A", SPEC, TrainConfig(), "digits", "abc", metrics={"test_mse": 0.1}).to_json()
    card, sentence = read(whole | {field: value})
    if card is None:
        assert 10 < len(sentence) < 400
        assert "\n" not in sentence
    else:
        assert from_card(json.loads(card.to_text())).to_text() == card.to_text()


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_any_value_in_place_of_a_card(value):
    with pytest.raises(AecoreError):
        from_card(value)


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origin", {"deep": nested(900)}),
        ("origin", {"long": "x" * MAX_ORIGIN_BYTES}),
        ("versions", {"deep": nested(900)}),
        ("metrics", {"deep": nested(900)}),
        ("spec", nested(900)),
        ("name", "\ud800"),
        ("note", "half \udc00"),
        ("metrics", {"\ud800": 1.0}),
        ("versions", {"torch": "\ud800"}),
        ("history", [[1.0]]),
        ("history", [{}] * 10_001),
        ("epochs_done", 10**400),
        ("seconds", math.nan),
        ("seconds_to_beat_pca", -1),
        ("metrics", {"test_mse": math.inf}),
        ("metrics", {"test_mse": True}),
        ("format", 2),
    ],
    ids=lambda value: str(value)[:24].encode("ascii", "replace").decode(),
)
def test_hostile_values_are_refused_in_a_sentence(field, value):
    whole = Card("A", SPEC, TrainConfig(), "digits", "abc").to_json()
    with pytest.raises(AecoreError) as caught:
        Card.from_json(whole | {field: value})
    assert 10 < len(str(caught.value)) < 400


# Recordings


def probe(mse: float) -> Probe:
    return Probe(mse, 0.1, np.zeros((1, 2), np.float32), np.zeros((1, 4), np.uint8))


measured = st.floats(width=32)  # infinities and what is no number among them
errors = st.floats(0, 1e6)
epochs_done = st.lists(st.tuples(measured, errors), max_size=6)


def played(epochs: list[tuple[float, float]], end) -> Recording:
    """A recording of epochs with these training and held-out errors, and this end."""
    recording = Recording()
    for number, (train_mse, test_mse) in enumerate(epochs, 1):
        recording.add(StepDone(number * 2, number - 1, number * 32, number * 0.5, 64.0, 1.0))
        assert recording.status == "training"
        recording.add(
            EpochDone(
                number,
                number * 2,
                number * 32,
                number * 0.5,
                64.0,
                {"mse": test_mse, "odd": math.nan},
                train_mse,
                0.05,
                None,
                probe(test_mse),
            )
        )
    recording.add(end)
    return recording


@given(epochs_done, st.sampled_from([Finished({}), Stopped({}), Failed("No.", {}), Paused(1, 1.0)]))
@settings(max_examples=60, deadline=None)
def test_a_recording_comes_back_from_its_card(digits, tmp_path_factory, epochs, end):
    recording = played(epochs, end)
    assert recording.live == isinstance(end, Paused)
    assert recording.status == end.kind
    card = recording.card("A", SPEC, TrainConfig(), digits)
    root: Path = tmp_path_factory.mktemp("runs")
    run = Run("r" + "0" * 12, "me", "A", SPEC, TrainConfig(), "digits", recording=recording)
    store = RunStore(root)
    store.add(run)
    store.take_in(run, checkpoints.to_bytes(MODEL, card), len(epochs))
    found = RunStore(root).get(run.run_id)
    assert found.recording.history == recording.history
    assert [row["epoch"] for row in found.recording.history] == list(range(1, len(epochs) + 1))
    assert found.recording.probes == recording.probes
    assert found.recording.newest == recording.newest
    assert found.saved_epoch == len(epochs)
    if not recording.live:
        assert (found.recording.status, found.recording.message) == (
            recording.status,
            recording.message,
        )
    assert all(math.isfinite(v) for row in found.recording.history for v in row.values())
