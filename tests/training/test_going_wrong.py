"""What a training says and keeps when it goes wrong, and what it says before it can start."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from aecore.datasets import Dataset, Split
from aecore.models.families import pca
from aecore.runs.recording import Recording
from aecore.training.control import TrainControl
from aecore.training.events import (
    Changed,
    EpochDone,
    Failed,
    Finished,
    Preparing,
    Started,
    StepDone,
    Stopped,
)
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

CONFIG = TrainConfig(epochs=12, batch_size=32, learning_rate=3e-3, seed=1, device="cpu")


def held_out_mse(model, data: Dataset) -> float:
    with torch.inference_mode():
        x = data.test.batch()
        return float((model.reconstruct(x) - x).square().mean())


@pytest.fixture(scope="module")
def spec(digits) -> ModelSpec:
    return ModelSpec("dense-ae", digits.spec, 3, {"hidden": (32, 32), "output": "linear"})


@pytest.fixture(scope="module")
def diverged(spec, digits) -> tuple[list, TrainState, Recording]:
    """Two epochs go well; then somebody raises the learning rate as far as it goes."""
    control, state, recording = TrainControl(), TrainState.fresh(spec, 1), Recording()
    events = []
    for event in train(spec, CONFIG, digits, control, state):
        events.append(event)
        recording.add(event)
        if isinstance(event, EpochDone) and event.epoch == 2:
            control.change(learning_rate=0.3)
        if isinstance(event, Changed):
            control.change(learning_rate=1.0)
    return events, state, recording


def test_changes_are_told_with_their_place(diverged):
    events, _, recording = diverged
    first, second = (e for e in events if isinstance(e, Changed))
    assert first == Changed("learning_rate", 3e-3, 0.3, epoch=2, images_seen=3000)
    assert second == Changed("learning_rate", 0.3, 1.0, epoch=2, images_seen=3032)
    assert recording.changes == [first, second]


def test_what_is_kept_is_the_best_epoch_with_its_own_figures(diverged, spec, digits):
    events, state, recording = diverged
    failed, done = events[-1], [e for e in events if isinstance(e, EpochDone)]
    assert isinstance(failed, Failed)
    best = min(done, key=lambda e: e.metrics["mse"])
    assert failed.kept is best
    assert state.epochs_done == best.epoch == 2
    assert held_out_mse(state.model, digits) == pytest.approx(best.metrics["mse"], rel=1e-4)
    assert state.optimizer is None  # it holds what went wrong
    card = recording.card("Mine", spec, CONFIG, digits)
    assert card.metrics["test_mse"] == recording.newest["test_mse"] == best.metrics["mse"]
    assert (card.epochs_done, card.images_seen) == (2, 3000)
    assert [row["epoch"] for row in card.history] == [1, 2]
    assert failed.summary["metrics"]["mse"] == best.metrics["mse"]


def test_the_words_are_of_what_happened(diverged):
    failed = diverged[0][-1]
    mse = failed.kept.metrics["mse"]
    assert "the learning rate was changed from 0.3 to 1 in epoch 3" in failed.message
    assert f"those after epoch 2, the best so far: held-out MSE {mse:.4f}. " in failed.message
    assert failed.message.endswith("Try a learning rate of 0.003, or a sigmoid output.")


def test_it_can_go_on_from_there(diverged, spec, digits):
    _, state, _ = diverged
    config = dataclasses.replace(CONFIG, epochs=3)
    done = list(train(spec, config, digits, state=state))
    assert isinstance(done[-1], Finished)
    assert [e.epoch for e in done if isinstance(e, EpochDone)] == [3]


def test_a_resumed_run_that_goes_wrong_at_once_keeps_what_it_went_on_from(spec, digits):
    state = TrainState.fresh(spec, 1)
    list(train(spec, dataclasses.replace(CONFIG, epochs=1), digits, state=state))
    before = {k: v.clone() for k, v in state.model.state_dict().items()}
    state.images_seen = 1500
    *_, last = train(spec, dataclasses.replace(CONFIG, learning_rate=1.0), digits, state=state)
    assert isinstance(last, Failed)
    assert last.kept is None
    assert "those that it went on from, after epoch 1." in last.message
    assert all(torch.equal(v, before[k]) for k, v in state.model.state_dict().items())
    assert (state.epochs_done, state.images_seen) == (1, 1500)


# Before it starts


@pytest.fixture
def fresh_data(digits) -> Dataset:
    """Data whose PCA nobody has fitted."""
    x = digits.train.x.flip(-1)
    return Dataset("mirrored digits", digits.spec, Split(x), Split(digits.test.x.flip(-1)))


def test_what_must_be_prepared_is_said_once(fresh_data, tiny_ae):
    config = dataclasses.replace(CONFIG, epochs=1)
    first = [e for e in train(tiny_ae, config, fresh_data) if not isinstance(e, StepDone)]
    assert [type(e) for e in first] == [Preparing, Started, EpochDone, Finished]
    assert first[0].what == "PCA of the training examples"
    assert (first[1].examples, first[1].probed, first[1].held_out) == (1500, 297, 297)
    assert isinstance(next(train(tiny_ae, config, fresh_data)), Started)  # it is there now


def test_a_stop_while_it_is_prepared_ends_it(fresh_data, tiny_ae):
    """The fit itself asks, as it does between blocks of a large one."""
    control, recording = TrainControl(), Recording()
    data = dataclasses.replace(fresh_data, name="mirrored again")
    events = []
    for event in train(tiny_ae, CONFIG, data, control):
        events.append(event)
        recording.add(event)
        control.stop()
    assert [type(e) for e in events] == [Preparing, Stopped]
    assert recording.status == "stopped"
    assert not pca.is_ready(data)
