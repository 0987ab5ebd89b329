"""The judge's measures beside SciPy's and scikit-learn's; what it reads; that it is made once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.neighbors import NearestNeighbors

from aecore.datasets import Dataset, Split
from aecore.errors import Interrupted
from aecore.lab.control import LabControl
from aecore.lab.judge import (
    Judge,
    frechet_distance,
    judge_of,
    nearest_examples,
    precision_recall,
)
from aecore.lab.once import Once, end_of
from aecore.types import DataSpec


@pytest.fixture(scope="module")
def judge(digits) -> Judge:
    return end_of(judge_of(digits, 0, LabControl()))


def clouds(rng: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Features with many that never vary alone, as those behind a ReLU are."""
    turn = rng.normal(size=(6, 12))
    a = np.maximum(rng.normal(size=(n, 6)) @ turn, 0)
    return a.astype(np.float32), (rng.normal(1, 2, size=(m, 6)) @ turn).astype(np.float32)


def test_the_distance_is_scipys():
    a, b = clouds(np.random.default_rng(0), 500, 300)
    (m, s), (n, t) = ((x.mean(0), np.cov(x.astype(np.float64), rowvar=False)) for x in (a, b))
    expected = np.square(m - n).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-4)
    # Of shifted copies it is the squared shift.
    assert frechet_distance(a, a + np.float32(0.5)) == pytest.approx(12 * 0.25, rel=1e-3)


def test_precision_and_recall_are_counted_as_scikit_learn_finds_neighbours():
    rng = np.random.default_rng(1)
    real, made = clouds(rng, 400, 300)
    made[:150] = real[:150] + rng.normal(0, 0.3, (150, 12))

    def among(some: np.ndarray, others: np.ndarray) -> float:
        reach = NearestNeighbors(n_neighbors=4).fit(others).kneighbors(others)[0][:, 3]
        apart = np.linalg.norm(some[:, None].astype(np.float64) - others, axis=2)
        return 100 * float((apart <= reach).any(1).mean())

    precision, recall = precision_recall(real, made)
    assert precision == pytest.approx(among(made, real), abs=0.7)
    assert recall == pytest.approx(among(real, made), abs=0.7)
    assert precision_recall(real, real) == (100, 100)
    assert precision_recall(real, real + np.float32(1000)) == (0, 0)


def test_one_example_again_and_again_is_precise_and_recalls_nothing():
    real, _ = clouds(np.random.default_rng(2), 300, 1)
    made = np.repeat(real[:1], 100, 0)
    precision, recall = precision_recall(real, made)
    assert precision == 100
    assert recall < 5


def test_the_nearest_training_example_is_scikit_learns(digits):
    x = digits.test.batch().numpy()[:60]
    rows, distances = nearest_examples(digits.train, x)
    flat = digits.train.batch().flatten(1).numpy()
    theirs, index = NearestNeighbors(n_neighbors=1).fit(flat).kneighbors(x.reshape(60, -1))
    assert (rows == index[:, 0]).mean() > 0.97
    assert distances == pytest.approx(theirs[:, 0] / 8, abs=1e-4)


def test_it_reads_digits_and_knows_how_well(judge, digits):
    assert judge.reads
    assert judge.right > 90
    seen = judge.see(digits.test)
    assert seen.classes is not None
    assert judge.right == pytest.approx(
        100 * float((seen.classes == digits.test.labels.numpy()).mean())
    )
    assert seen.features.shape == (len(digits.test), 64)
    assert [look.share for look in judge.learning] == sorted(look.share for look in judge.learning)
    assert judge.learning[-1].right > judge.learning[0].right
    # Real ones are near, noise is far; examples that were shuffled pixel by pixel are too.
    noise = np.random.default_rng(0).random((300, *digits.spec.shape), np.float32)
    assert judge.distance(judge.known) < 0.2 * judge.distance(judge.see(noise))
    assert judge.nearness(digits, digits.train.batch().numpy()) == pytest.approx(0, abs=1e-3)
    assert judge.nearness(digits, noise) > 1.5


def test_the_same_seed_makes_the_same_judge(judge, digits):
    twin = Dataset("digits-again", digits.spec, digits.train, digits.test)
    again = end_of(judge_of(twin, 0, LabControl()))
    assert again is not judge
    assert np.array_equal(again.held_out.features, judge.held_out.features)
    assert end_of(judge_of(digits, 0, LabControl())) is judge


def test_without_labels_it_sees_principal_components():
    x = torch.rand(200, 9, generator=torch.Generator().manual_seed(0))
    data = Dataset("no-labels", DataSpec((9,), "table"), Split(x[:150]), Split(x[150:]))
    judge = end_of(judge_of(data, 0, LabControl()))
    assert not judge.reads
    assert np.isnan(judge.right)
    features = judge.see(data.test).features
    # A turn of the axes: distances between examples are those of the values.
    assert np.linalg.norm(features[0] - features[1]) == pytest.approx(
        float((x[150] - x[151]).norm()), rel=1e-4
    )


def test_a_judge_stops_while_it_learns(digits):
    control = LabControl()
    twin = Dataset("digits-stopped", digits.spec, digits.train, digits.test)
    steps = judge_of(twin, 5, control)
    next(steps)
    control.stop()
    with pytest.raises(Interrupted):
        end_of(steps)


def test_what_several_ask_for_is_made_once():
    once: Once[int] = Once(2)
    made, begin, found = [], threading.Event(), []

    def make() -> int:
        begin.wait(5)
        made.append(1)
        return 7

    def ask() -> None:
        found.append(once.get(("data", "a"), LabControl(), make))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    begin.set()
    for thread in threads:
        thread.join(10)
    assert found == [7, 7, 7]
    assert made == [1]
    once.forget("data")
    ask()
    assert made == [1, 1]
    for other in "bc":  # two are kept
        once.get(("data", other), LabControl(), make)
    ask()
    assert len(made) == 5


def test_who_waits_can_be_stopped():
    once: Once[int] = Once(2)

    def slow():
        yield 0
        return 1

    holder = once.steps(("data",), LabControl(), slow)
    next(holder)
    waiting = LabControl(wanted=lambda: False)
    with pytest.raises(Interrupted):
        once.get(("data",), waiting, lambda: 2)
    assert end_of(holder) == 1
