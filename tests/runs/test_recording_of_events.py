"""What a run keeps of its events: states, rows, and the card that is made of them."""

from __future__ import annotations

import dataclasses
import math

import pytest

from aecore.runs.recording import Recording
from aecore.training.loop import (
    EpochDone,
    Failed,
    Finished,
    Paused,
    Started,
    StepDone,
    Stopped,
    train,
)
from aecore.types import ModelSpec, TrainConfig

CONFIG = TrainConfig(epochs=2, batch_size=100, seed=1, device="cpu")


@pytest.fixture(scope="module")
def spec(digits) -> ModelSpec:
    return ModelSpec("dense-vae", digits.spec, 2, {"hidden": (8,)})


@pytest.fixture(scope="module")
def events(spec, digits) -> list:
    """A real run of two epochs."""
    return list(train(spec, CONFIG, digits))


def first(events: list, kind: type, **wanted):
    return next(
        e
        for e in events
        if isinstance(e, kind) and all(getattr(e, k) == v for k, v in wanted.items())
    )


@pytest.fixture
def started(events) -> Started:
    return first(events, Started)


@pytest.fixture
def step(events) -> StepDone:
    """A step without a look at the held-out sample."""
    return first(events, StepDone, probe=None)


@pytest.fixture
def epoch(events) -> EpochDone:
    """Of figures that differ from one another, one of them not a number."""
    done = first(events, EpochDone)
    return dataclasses.replace(
        done,
        epoch=3,
        images_seen=4500,
        seconds=6.5,
        metrics={"mse": 0.04, "nelbo": 150.0, "kl": math.nan, "dimensions_used": 2},
        train_mse=0.03,
        pca_test_mse=0.05,
        seconds_to_beat_pca=1.25,
        probe=dataclasses.replace(done.probe, heldout_mse=0.045),
    )


ROW = {
    "epoch": 3,
    "images_seen": 4500,
    "seconds": 6.5,
    "train_mse": 0.03,
    "pca_mse": 0.05,
    "pca_k": 2,
    "test_mse": 0.04,
    "test_nelbo": 150.0,
    "test_dimensions_used": 2,
}


def recorded(*events) -> Recording:
    recording = Recording()
    for event in events:
        recording.add(event)
    return recording


# States


def test_a_run_that_waits_is_live():
    recording = Recording()
    assert (recording.status, recording.message, recording.version) == ("waiting", "", 0)
    assert recording.live
    assert recording.newest == recording.summary == {}


def test_states_follow_the_events(started, step, epoch):
    summary = {"steps": 15}
    story = [
        (started, "training", True),
        (step, "training", True),
        (Paused(15, 1.0), "paused", True),
        (step, "training", True),
        (Paused(15, 1.0), "paused", True),
        (epoch, "training", True),  # an epoch of few steps ends with no other word
        (Finished(summary), "finished", False),
        (started, "training", True),  # trained on
        (Stopped(summary), "stopped", False),
        (Failed("It exploded.", summary), "failed", False),
    ]
    recording = Recording()
    for n, (event, status, live) in enumerate(story, 1):
        recording.add(event)
        assert (recording.status, recording.live) == (status, live), n
        assert recording.version == n  # views look at it to see that something is new


@pytest.mark.parametrize("kind", [Finished, Stopped])
def test_an_end_brings_its_summary(kind, started):
    recording = recorded(started, kind({"epochs_done": 4}))
    assert recording.summary == {"epochs_done": 4}
    assert recording.message == ""


def test_a_failure_says_why_until_the_run_starts_again(started):
    recording = recorded(started, Failed("Try a learning rate of 0.1.", {"steps": 9}))
    assert recording.message == "Try a learning rate of 0.1."
    assert recording.summary == {"steps": 9}
    recording.add(started)
    assert recording.message == ""


def test_a_failure_from_outside(started):
    recording = recorded(started)
    recording.fail("The worker died.")
    assert (recording.status, recording.message) == ("failed", "The worker died.")
    assert not recording.live
    assert recording.version == 2
    recording.add(Finished({}))  # it ended well after all: nothing is left of the failure
    assert (recording.status, recording.message) == ("finished", "")


# Rows


def test_the_newest_of_each_kind_is_kept(started, step, epoch):
    later = dataclasses.replace(step, step=step.step + 1)
    recording = recorded(started, step, later, epoch)
    assert recording.started is started
    assert recording.last_step is later
    assert recording.epoch is epoch
    assert recording.probe is epoch.probe


def test_a_row_an_epoch_without_what_is_no_number(started, epoch):
    again = dataclasses.replace(epoch, epoch=4)
    recording = recorded(started, epoch, again)
    assert recording.history == [ROW, ROW | {"epoch": 4}]
    assert recording.newest == ROW | {"epoch": 4}


def test_looks_at_the_sample_are_of_steps_and_of_epochs(started, step, epoch):
    probe = dataclasses.replace(epoch.probe, heldout_mse=0.09)
    looked = dataclasses.replace(step, images_seen=1600, seconds=2.0, probe=probe)
    recording = recorded(started, step, looked)
    assert recording.probes == [(1600, 2.0, 0.09)]
    assert recording.probe is probe
    recording.add(epoch)
    recording.add(step)  # a step without a look leaves the last one standing
    assert recording.probes == [(1600, 2.0, 0.09), (4500, 6.5, 0.045)]
    assert recording.probe is epoch.probe


def test_a_stop_within_an_epoch_has_figures_but_no_row(started, epoch):
    within = dataclasses.replace(epoch, images_seen=5000, train_mse=0.02)
    recording = recorded(started, epoch, Stopped({}, within))
    assert recording.history == [ROW]
    assert recording.newest == ROW | {"images_seen": 5000, "train_mse": 0.02}
    assert recording.epoch is within
    assert recording.probes[-1][0] == 5000


def test_a_stop_at_an_epochs_end_leaves_the_figures(started, epoch):
    recording = recorded(started, epoch, Stopped({}))
    assert recording.newest == ROW
    assert recording.epoch is epoch
    assert len(recording.probes) == 1


# The card


def test_the_card_of_what_has_been_reached(started, epoch, spec, digits):
    recording = recorded(started, epoch)
    card = recording.card("Mine", spec, CONFIG, digits)
    assert (card.name, card.spec, card.config) == ("Mine", spec, CONFIG)
    assert (card.dataset, card.fingerprint) == ("digits", digits.fingerprint)
    assert (card.epochs_done, card.images_seen, card.seconds) == (3, 4500, 6.5)
    assert card.seconds_to_beat_pca == 1.25
    assert math.isnan(card.metrics.pop("test_kl"))  # left out when it is written
    assert card.metrics == {
        "test_mse": 0.04,
        "test_nelbo": 150.0,
        "test_dimensions_used": 2,
        "train_mse": 0.03,
        "pca_test_mse": 0.05,
        "pca_k": 2,
    }
    assert card.history == [ROW]


def test_a_card_does_not_change_with_the_run(started, epoch, spec, digits):
    recording = recorded(started, epoch)
    card = recording.card("Mine", spec, CONFIG, digits)
    recording.add(dataclasses.replace(epoch, epoch=4))
    assert [row["epoch"] for row in card.history] == [3]


def test_the_card_before_the_first_epoch(started, step, spec, digits):
    card = recorded(started, step).card("Mine", spec, CONFIG, digits)
    assert (card.epochs_done, card.images_seen, card.seconds) == (0, 0, 0.0)
    assert card.seconds_to_beat_pca is None
    assert card.metrics == {}
    assert card.history == []
