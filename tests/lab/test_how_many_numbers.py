"""How many numbers: its figures beside scikit-learn's, its claim on small data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from aecore.lab.about import About, LabSubject
from aecore.lab.events import LabDone
from aecore.lab.experiments.how_many_numbers import HowManyOptions, _few, _halvings
from aecore.lab.registry import experiment
from aecore.lab.running import run

KS = (1, 4, 16)


@pytest.fixture(scope="module")
def found(digits):
    options = HowManyOptions(ks=KS, epochs=2, few=100, draws=2)
    events = run(experiment("how-many-numbers"), options, LabSubject(digits))
    return options, {e.task: e.values for e in events if isinstance(e, LabDone)}


def test_pca_stands_beside_as_scikit_learn_has_it(found, digits):
    _, values = found
    x, y = (some.batch(slice(None)).flatten(1).numpy() for some in (digits.train, digits.test))
    labels = digits.train.labels.numpy(), digits.test.labels.numpy()
    for k in KS:
        pca = PCA(k).fit(x)
        back = pca.inverse_transform(pca.transform(y))
        assert values[f"many-{k}-0"]["pca_mse"] == pytest.approx(
            np.square(back - y).mean(), rel=1e-3
        )
        voter = KNeighborsClassifier(5).fit(pca.transform(x), labels[0])
        share = 100 * voter.score(pca.transform(y), labels[1])
        assert values[f"many-{k}-0"]["pca_knn"] == pytest.approx(share, abs=0.5)


def test_pca_of_few_is_of_few_and_judged_on_those_that_did_not_choose(found, digits):
    _, values = found
    n = len(digits.test) // 2
    x = digits.train.first(100).batch(slice(None)).flatten(1).numpy()
    y = digits.test.batch(slice(n, None)).flatten(1).numpy()
    pca = PCA(4).fit(x)
    back = pca.inverse_transform(pca.transform(y))
    few = {task: found for task, found in values.items() if task.startswith("few-1-")}
    assert set(few) == {"few-1-0", "few-1-1"}
    assert "few-4-0" not in values
    pca = PCA(16).fit(x)
    back = pca.inverse_transform(pca.transform(y))
    assert values["few-16-0"]["pca_mse"] == pytest.approx(np.square(back - y).mean(), rel=1e-3)
    assert 1 <= values["few-16-0"]["best_epoch"] <= values["few-16-0"]["epochs"]


def test_draws_are_averaged_and_their_spread_is_drawn(found, digits):
    options, values = found
    one, about = experiment("how-many-numbers"), About.of(LabSubject(digits))
    outcome = one.tell(options, about, values)
    chart = outcome.chart("error")
    assert chart is not None
    line = chart.line("autoencoder")
    assert line is not None
    both = [values[f"many-4-{draw}"]["mse"] for draw in (0, 1)]
    assert both[0] != both[1]
    assert (line.y[1], line.low[1], line.high[1]) == (np.mean(both), min(both), max(both))
    part = one.tell(options, about, {"many-4-0": values["many-4-0"]}).chart("error")
    assert part is not None
    half = part.line("autoencoder")
    assert half is not None
    assert [math.isfinite(v) for v in half.y] == [False, True, False]


def test_the_curve_is_seen_as_a_whole_early():
    assert [_halvings(i, 5) for i in range(5)] == [0, 2, 1, 2, 0]
    assert _few([1, 2, 3, 4]) == [1, 3]
