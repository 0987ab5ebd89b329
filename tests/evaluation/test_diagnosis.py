"""Findings come from a run's own figures, and only where there is something to say."""

from __future__ import annotations

import dataclasses
import math

import pytest

from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.trouble import beside_the_mean, failure_in_words, trouble
from aecore.training.events import Changed
from aecore.types import DataSpec, ModelSpec

MEAN = 0.0675


def row(epoch, test, train=None, pca=0.0168, **more):
    figures = {"epoch": epoch, "test_mse": test, "train_mse": train or test, "pca_mse": pca}
    return figures | {f"test_{k}": v for k, v in more.items()}


def findings(history, family="dense-ae", kind="image", rate=None, changes=(), **options):
    data = DataSpec((1, 28, 28)) if kind == "image" else DataSpec((13,), kind)
    spec = ModelSpec(family, data, 8, options)
    return diagnose(spec, history, MEAN, rate=rate, changes=changes)


RAISED = Changed("learning_rate", 0.003, 0.1, epoch=3, images_seen=5000)


@pytest.mark.parametrize(
    ("history", "given", "words"),
    [
        ([row(1, 40.0)], {"loss": "bce", "output": "linear"}, "logits"),
        ([row(1, 0.09)], {"mistake": "loss on the code"}, "never trained"),
        ([row(1, 0.0675)], {"init": "zeros"}, "started at zero"),
        ([row(1, 0.067)], {}, "is that of drawing the mean for everything (0.0675). Try another"),
        (
            [row(1, 0.14)],
            {},
            "2.1 times that of drawing the mean for everything (0.0675). Try a small",
        ),
        ([row(1, 0.0700)], {}, "is 1.0 times that of drawing the mean"),
        ([row(3, 0.02), row(4, 0.09)], {}, "from 0.0200 to 0.0900. Go back to epoch 3"),
        (
            [row(3, 0.02) | {"images_seen": 4500}, row(4, 0.09)],
            {"changes": [RAISED]},
            "after the learning rate was changed from 0.003 to 0.1 in epoch 4. Go back to epoch 3",
        ),
        ([row(3, 0.02), row(4, 0.04)], {}, "below that of drawing the mean for everything"),
        ([row(1, 0.02, 0.019), row(9, 0.03, 0.005)], {}, "remembers"),
        ([row(1, 0.015, 0.005)], {}, "training examples better"),
        ([row(1, 0.03)], {}, "PCA still does better** at k = 8: 0.0168 against 0.0300. One epoch"),
        ([row(1, 0.05), row(2, 0.03)], {}, "It is learning still: train longer."),
        ([row(1, 0.05), row(2, 0.03)], {"rate": 1e-5}, "rate of 1e-05 is small: a larger one"),
        ([row(1, 0.0301), row(2, 0.03)], {}, "fell by 0.3% in the last epoch: it has learned"),
        ([row(1, 0.03), row(2, 0.031)], {}, "rose in the last epoch: train on with a smaller"),
        (
            [row(1, 0.01, denoised_mse=0.04) | {"pca_denoised_mse": 0.03}],
            {"family": "denoising-ae"},
            "0.0300 against 0.0400, both from the same damaged examples",
        ),
        ([row(1, 0.01, active_units=3)], {"family": "dense-vae"}, "5 of 8"),
        ([row(1, 0.02)], {"kind": "table", "output": "sigmoid"}, "standardised"),
    ],
)
def test_each_finding(history, given, words):
    found = findings(history, **given)
    assert any(words in text for text in found), found
    assert all(text.startswith("**") and text.endswith(".") for text in found)


@pytest.mark.parametrize("mse", [0.001, 0.02, 0.065, 0.0675, 0.07, 0.14, 2.0])
def test_the_mean_is_spoken_of_as_it_is(mse):
    """Worse is never called the same, and the same never worse."""
    words = beside_the_mean(mse, MEAN)
    assert ("below" in words) == (mse < 0.97 * MEAN)
    assert ("times" in words) == (mse > 1.03 * MEAN)
    if "times" in words:
        assert float(words.split()[0]) == pytest.approx(mse / MEAN, rel=0.06)


def test_a_larger_learning_rate_is_never_advised_to_who_raised_it():
    histories = [
        [row(1, a), row(2, b, c)]
        for a in (0.02, 0.05, 0.08)
        for b in (0.01, 0.03, 0.07, 0.2)
        for c in (0.005, 0.03, 0.2)
    ]
    for history in histories:
        for rate, changes in ((1e-5, [RAISED]), (1e-5, []), (3e-3, []), (None, [])):
            told = " ".join(findings(history, rate=rate, changes=changes))
            small = rate == 1e-5 and not changes
            assert small or "larger one" not in told
            assert "larger learning rate" not in told


# While it trains


def looks(*errors):
    return [(1600 * (i + 1), 0.1 * i, error) for i, error in enumerate(errors)]


def test_a_rise_is_said_at_the_first_look_that_shows_it():
    history = [row(1, 0.03), row(2, 0.021), row(3, 0.024)]
    assert trouble(looks(0.05, 0.03, 0.02, 0.022), history, MEAN) is None
    assert trouble(looks(0.05), [], MEAN) is None
    found = trouble(looks(0.05, 0.02, 0.08), history, MEAN, [RAISED])
    assert found.best["epoch"] == 2
    assert found.words == (
        "**The held-out error rises**: it was 0.0200 after 3,200 examples and is 0.0800 now, 1.2 "
        "times that of drawing the mean for everything (0.0675). Before it rose, the learning rate "
        "was changed from 0.003 to 0.1 in epoch 4."
    )
    early = dataclasses.replace(RAISED, images_seen=1600)
    assert "changed" not in trouble(looks(0.05, 0.02, 0.04), history, MEAN, [early]).words
    assert trouble(looks(0.02, 0.08), [], MEAN).best is None


@pytest.mark.parametrize(
    ("figure", "of", "changes", "linear", "expected"),
    [
        (
            math.nan,
            "loss",
            [],
            False,
            ["became infinite or not a number at step 9, with a learning"],
        ),
        (math.inf, "loss", [], False, ["became infinite or not a number"]),
        (4e9, "loss", [], True, ["exploded to 4e+09", "rate of 0.01, or a sigmoid output."]),
        (4e9, "loss", [], False, ["Try a learning rate of 0.01."]),
        (
            4e9,
            "loss",
            [RAISED],
            False,
            ["0.003 to 0.1 in epoch 4.", "Try a learning rate of 0.003."],
        ),
        (2.7, "held-out error", [], False, ["rose to 2.7, 40 times that of drawing the mean"]),
    ],
)
def test_the_words_after_a_failure(figure, of, changes, linear, expected):
    told = failure_in_words(
        figure,
        of,
        step=9,
        planned=0.003 if changes else 0.1,
        changes=changes,
        kept="Kept.",
        kept_images=4000,
        mean_mse=MEAN,
        linear_output=linear,
    )
    assert all(words in told for words in expected), told
    assert " Kept. Try a learning rate of " in told


def test_nothing_to_say():
    assert findings([row(1, 0.012, 0.0115), row(2, 0.009, 0.0087)]) == []
    assert findings([]) == []
    assert findings([row(1, 0.0169)], family="linear-ae") == []
