"""What is said of a run while others train: calmly, and in plain words."""

from __future__ import annotations

import pytest

from aecore.jobs.outlook import Outlook
from aecore.runs.store import Run
from aecore.training.events import StepDone
from aecore.types import DataSpec, ModelSpec, TrainConfig
from pages.components import run_figures
from pages.components.run_figures import Ending, about, told_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "a few seconds"),
        (12.0, "about 10 s"),
        (52.0, "about 50 s"),
        (88.0, "about 90 s"),
        (100.0, "about 2 min"),
        (3000.0, "about 50 min"),
        (9000.0, "about 2 h"),
    ],
)
def test_a_time_to_come_is_as_exact_as_it_is_known(seconds: float, words: str):
    assert about(seconds) == words


def test_one_wild_estimate_does_not_move_what_is_said():
    ending = Ending()
    assert ending.seconds(None) is None
    assert ending.seconds(50.0) == pytest.approx(50, abs=1)
    assert ending.seconds(200.0) < 100
    for _ in range(30):
        said = ending.seconds(200.0)
    assert said == pytest.approx(200, abs=5)
    assert ending.seconds(1.0) == pytest.approx(1, abs=0.5)  # the end itself is near


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Outlook(12, 14, 1 / 6, 52.0), "12 people train; yours ends in about 50 s"),
        (Outlook(12, 14, 1 / 6, None), "12 people train"),
        (Outlook(1, 2, 0.5, 52.0), "2 runs train; this one ends in about 50 s"),
        (Outlook(1, 1, 1.0, 52.0), ""),
    ],
)
def test_who_trains_beside_it_and_when_it_ends_is_said(monkeypatch, seen: Outlook, words: str):
    monkeypatch.setattr(run_figures, "outlook", lambda run, runs: seen)
    spec = ModelSpec("dense-vae", DataSpec((1, 4, 4)), 2, {"hidden": (8,)})
    run = Run("r" + "1" * 12, "anna", "", spec, TrainConfig(epochs=9), "mnist")
    run.recording.status = "training"
    told = told_of(run, [run], 0, Ending())
    assert told["words"] == words
    assert told["figures"][-1] == {"label": "Time left", "value": "52 s" if seen.ends_in else "–"}


def test_a_step_asked_for_alone_and_the_best_epoch_are_said():
    spec = ModelSpec("dense-ae", DataSpec((1, 4, 4)), 2, {"hidden": (8,)})
    run = Run("r" + "1" * 12, "anna", "", spec, TrainConfig(epochs=9), "mnist")
    rows = [{"epoch": e, "images_seen": 100 * e, "test_mse": m} for e, m in ((1, 0.3), (2, 0.1))]
    run.recording.history = [*rows, {"epoch": 3, "images_seen": 300, "test_mse": 0.2}]
    run.recording.last_step = StepDone(7, 3, 310, 1.0, 1.0, 2.5, after=2.25)
    told = told_of(run, [run], 0, Ending(), kept={1: "", 2: ""})
    assert told["alone"] == [7, 2.5, 2.25]
    assert told["best"] == [200, 0.1, 2]
    assert told["back"] is True
    assert told_of(run, [run], 0, Ending(), kept={1: ""})["back"] is False  # it is not kept
    run.recording.history = rows
    assert told_of(run, [run], 0, Ending(), kept={2: ""})["back"] is False  # it is there already
    run.recording.last_step = StepDone(8, 3, 320, 1.0, 1.0, 2.5)
    assert told_of(run, [run], 0, Ending())["alone"] is None
