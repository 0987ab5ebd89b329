"""Few labels: its readers and groups beside scikit-learn's, its claim on small data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from aecore import datasets
from aecore.lab.about import About, LabSubject
from aecore.lab.at_hand import shipped_model, trained_model
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone
from aecore.lab.experiments import few_labels as few
from aecore.lab.medoids import medoids
from aecore.lab.reading import StraightLines, level, nearest_class
from aecore.lab.registry import experiment
from aecore.lab.running import run
from aecore.models.presets import PRESETS, preset
from aecore.models.registry import family
from aecore.types import DataSpec

LABELS = (10, 50)


def nothing() -> None:
    pass


@pytest.fixture(scope="module")
def found(digits):
    options = few.FewLabelsOptions(labels=LABELS, draws=2, epochs=1, network=False)
    events = run(experiment("few-labels"), options, LabSubject(digits))
    return options, {e.task: e.values for e in events if isinstance(e, LabDone)}


@pytest.fixture(scope="module")
def some(digits):
    return few._Some(digits, 0)


def flat(split) -> np.ndarray:
    return split.batch(slice(None)).flatten(1).numpy()


def test_straight_lines_are_scikit_learns(digits):
    x, y = level(flat(digits.train), flat(digits.train)), digits.train.labels.numpy()
    held_out = level(flat(digits.test), flat(digits.train))
    for n in (5, 80, 600):
        ours = StraightLines(x[:n], y[:n], nothing)
        theirs = LogisticRegression(max_iter=2000, tol=1e-6).fit(x[:n], y[:n])
        read = theirs.predict(held_out)
        # Ties in the last digit may fall either way.
        assert (ours.read(held_out) == read).mean() > 0.98
    assert np.allclose(ours.weights[:-1].T, theirs.coef_, atol=0.05)


def test_a_level_keeps_which_columns_say_much(digits):
    x = level(flat(digits.train) * 7 + 3, flat(digits.train) * 7 + 3)
    assert np.allclose(x.mean(0), 0, atol=1e-4)
    assert np.square(x).sum(1).mean() == pytest.approx(16, rel=1e-4)
    plain = flat(digits.train)
    assert np.allclose(x * plain.std(0).max() / x.std(0).max(), plain - plain.mean(0), atol=1e-4)


def test_the_nearest_label_is_scikit_learns(digits):
    x, y, held_out = flat(digits.train)[:50], digits.train.labels.numpy()[:50], flat(digits.test)
    theirs = KNeighborsClassifier(1).fit(x, y).predict(held_out)
    assert (nearest_class(x, y, held_out, nothing) == theirs).mean() > 0.99


def test_groups_are_as_tight_as_scikit_learns_and_their_middles_stand_for_them(digits):
    x = flat(digits.train)
    rows = medoids(x, 20, np.random.default_rng(0), nothing)
    assert len(set(rows.tolist())) == len(rows) == 20

    def tightness(chosen: np.ndarray) -> float:
        return float(np.square(x[:, None] - x[chosen]).sum(2).min(1).mean())

    theirs = KMeans(20, n_init="auto", random_state=0, max_iter=20).fit(x)
    middles = np.unique(theirs.transform(x).argmin(0))
    assert tightness(rows) < 1.05 * tightness(middles)
    by_chance = np.mean([tightness(np.random.default_rng(i).choice(len(x), 20)) for i in range(5)])
    assert tightness(rows) < 0.9 * by_chance


def test_medoids_of_clouds_are_one_of_each():
    clouds = np.random.default_rng(1).normal(0, 0.1, (6, 40, 3)) + 10 * np.arange(6)[:, None, None]
    for seed in range(5):
        rows = medoids(clouds.reshape(-1, 3), 6, np.random.default_rng(seed), nothing)
        assert sorted(rows // 40) == list(range(6))
        for row in rows:
            cloud = clouds[row // 40]
            off = np.linalg.norm(cloud - cloud.mean(0), axis=1)
            assert row % 40 == off.argmin()
    # Two examples have no three groups.
    twice = np.repeat(np.eye(2, dtype=np.float32), 4, 0)
    assert len(medoids(twice, 3, np.random.default_rng(0), nothing)) == 2


def test_what_is_drawn_is_nested_and_fair(some):
    assert (some.chosen(few.CHANCE, 10, 1) == some.chosen(few.CHANCE, 50, 1)[:10]).all()
    assert (some.chosen(few.CHANCE, 50, 0) != some.chosen(few.CHANCE, 50, 1)).any()
    counts = np.bincount(some.labels[some.chosen(few.EQUAL, 50, 0)], minlength=10)
    assert counts.tolist() == [5] * 10
    assert len(set(some.chosen(few.EQUAL, 50, 0).tolist())) == 50


def test_pca_beside_is_scikit_learns(found, digits, some):
    """The whole way: scores, one scale, equal draws, one line for each class."""
    _, values = found
    pca = PCA(32).fit(flat(digits.train))
    x, judged = pca.transform(flat(some.pool)), pca.transform(flat(some.judged))
    scale = math.sqrt(x.var(0).sum() / 16)
    rows = some.chosen(few.EQUAL, 50, 1)
    lines = LogisticRegression(max_iter=2000).fit(x[rows] / scale, some.labels[rows])
    right = values["read-pca"]["right"]
    assert right[0, few.CHOSEN.index(few.EQUAL), 1, 1] == pytest.approx(
        100 * lines.score(judged / scale, some.wanted), abs=0.6
    )
    near = KNeighborsClassifier(1).fit(x[rows], some.labels[rows])
    assert right[1, few.CHOSEN.index(few.EQUAL), 1, 1] == pytest.approx(
        100 * near.score(judged, some.wanted), abs=0.6
    )


def test_choosing_which_to_label_helps(found, digits):
    """Medoids meet more classes than chance, and more is read right; on digits as on MNIST."""
    options, values = found
    told = few._Telling(options, About.of(LabSubject(digits)), values)
    assert told.classes("pixels", few.MIDDLE, 10) > told.classes("pixels", few.CHANCE, 10)
    for kind in ("pixels", "pca"):
        middle = told.right(kind, few.MIDDLE, 50, few.NEAREST).mean()
        assert middle > 2 + told.right(kind, few.CHANCE, 50, few.NEAREST).mean()
    outcome = told.outcome()
    assert "50 labels" in outcome.says
    chart = outcome.chart("which")
    assert chart is not None
    assert all(
        low <= y <= high
        for line in chart.lines
        for low, y, high in zip(line.low, line.y, line.high, strict=True)
    )


def test_a_network_learns_from_its_labels_and_leaves_the_model_as_it_was(some):
    model = trained_model(
        preset("fast-start").spec(some.data.spec),
        preset("fast-start").config,
        some.data,
        LabControl(),
    )
    before = [p.clone() for p in model.parameters()]
    rows = some.chosen(few.EQUAL, 300, 0)
    right = few._network(model, some, rows, 0, LabControl())
    assert right > 80
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert right == few._network(model, some, rows, 0, LabControl())


def test_a_model_is_trained_once_and_a_shipped_one_is_of_these_very_data(digits, mnist):
    spec, config = preset("fast-start").spec(digits.spec), preset("fast-start").config
    first = trained_model(spec, config, digits, LabControl())
    assert trained_model(spec, config, digits, LabControl()) is first
    assert shipped_model(preset("conv-ae"), digits) is None
    shipped = shipped_model(preset("conv-ae"), mnist)
    assert shipped is not None
    assert shipped.spec.latent_dim == 16


def test_no_code_that_was_told_labels_is_read():
    every = few._codes(few.FewLabelsOptions(codes="every kind"), datasets.load("digits").spec)
    kinds = [family(preset(name).family) for name in every]
    assert len({cls.family for cls in kinds}) == len(every) > 5
    assert not any(cls.conditional or cls.closed_form for cls in kinds)
    assert {p.family for p in PRESETS.values()} - {cls.family for cls in kinds} == {
        name
        for name in {p.family for p in PRESETS.values()}
        if family(name).conditional or family(name).closed_form
    }
    table = few._codes(few.FewLabelsOptions(codes="every kind"), DataSpec((13,), "table", 3))
    assert not any(family(preset(name).family).needs_images for name in table)


def test_data_without_classes_are_told_why_not():
    about = About(title="Diabetes", spec=DataSpec((10,), "table", 0), train=300, test=100)
    assert "no classes" in experiment("few-labels").why_not(about)
