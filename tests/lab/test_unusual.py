"""What is unusual: its scores beside scikit-learn's and SciPy's, its claim on small data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score, roc_curve

from aecore import datasets
from aecore.datasets import Split
from aecore.datasets.foreign import foreign, foreign_kinds
from aecore.evaluation.metrics import evaluate
from aecore.evaluation.unusual import (
    alarms,
    auroc,
    mahalanobis,
    negative_elbos,
    neighbour_distances,
)
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone
from aecore.lab.experiments import unusual
from aecore.lab.experiments.unusual import UnusualOptions
from aecore.lab.registry import experiment
from aecore.lab.running import done, planned, run
from aecore.models.registry import build
from aecore.types import DataSpec

QUICK = UnusualOptions(classes=3, k=6, k_held_out=2, ks=(4, 16), steps=300, vae=False, most=1000)


@pytest.fixture(scope="module")
def found(digits):
    events = run(experiment("unusual"), QUICK, LabSubject(digits))
    return {e.task: e.values for e in events if isinstance(e, LabDone)}


def rows(split: Split) -> np.ndarray:
    return split.batch().flatten(1).numpy()


def both(usual: np.ndarray, strange: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.r_[np.zeros(len(usual)), np.ones(len(strange))], np.r_[usual, strange]


# Scores ----------------------------------------------------------------------------------------


def test_auroc_is_scikit_learns_with_ties_too():
    rng = np.random.default_rng(0)
    for decimals in (8, 0):
        usual, strange = rng.normal(0, 2, 300).round(decimals), rng.normal(1, 2, 70).round(decimals)
        assert auroc(usual, strange) == pytest.approx(100 * roc_auc_score(*both(usual, strange)))
    assert auroc(np.zeros(3), np.zeros(4)) == 50


def test_thresholds_lie_on_the_roc_curve():
    rng = np.random.default_rng(1)
    usual, strange = rng.normal(size=200), rng.normal(1, 1, 150)
    shares = np.linspace(0, 1, 21)
    thresholds, raised, caught = alarms(usual, usual, strange, shares)
    # Chosen on the very examples that are judged: as many alarms as were asked for.
    assert raised == pytest.approx(100 * shares, abs=0.6)
    false, true, at = roc_curve(*both(usual, strange), drop_intermediate=False)
    for threshold, x, y in zip(thresholds, raised, caught, strict=True):
        last = np.flatnonzero(at > threshold)[-1]
        assert (x, y) == pytest.approx((100 * false[last], 100 * true[last]))


def test_distances_are_scipys():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))
    others = rng.normal(size=(50, 6))
    near = np.sort(cdist(others, known), 1)[:, :5].mean(1)
    assert neighbour_distances(known, others) == pytest.approx(near)
    middle, inverse = known.mean(0)[None], np.linalg.inv(np.cov(known.T))
    exact = cdist(others, middle, "mahalanobis", VI=inverse)[:, 0]
    assert mahalanobis(known, others) == pytest.approx(exact, rel=1e-4)
    assert np.isfinite(mahalanobis(np.zeros((9, 2)), np.ones((3, 2)))).all()


def test_the_negative_elbo_of_each_has_the_mean_of_all(tiny_vae, digits, generator):
    model = build(tiny_vae)
    model.initialise(generator)
    split = digits.test.first(200)
    every = np.mean([negative_elbos(model.eval(), split, seed) for seed in range(20)], 0)
    assert every.shape == (200,)
    means = [evaluate(model, split, seed)["nelbo"] for seed in range(20)]
    assert every.mean() == pytest.approx(np.mean(means), rel=2e-3)
    first, again = (negative_elbos(model, split, 3) for _ in range(2))
    assert (first == again).all()


# What is foreign -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        DataSpec((1, 8, 8)),
        DataSpec((3, 12, 9)),
        DataSpec((40,), "signal"),
        DataSpec((2, 40), "signal"),
        DataSpec((7,), "table"),
    ],
)
def test_foreign_examples_keep_shape_and_range_and_repeat(spec):
    x = torch.rand(60, *spec.shape, generator=torch.Generator().manual_seed(0))
    x = x if spec.bounded else 4 * x - 2
    before = x.clone()
    made, again = (foreign(x, spec, torch.Generator().manual_seed(5)) for _ in range(2))
    assert tuple(made) == foreign_kinds(spec)
    assert torch.equal(x, before)
    for kind, some in made.items():
        assert some.shape == x.shape, kind
        assert torch.equal(some, again[kind]), kind
        assert not spec.bounded or (some.min() >= 0 and some.max() <= 1), kind
        assert not torch.equal(some, x), kind


def test_foreign_images_are_what_they_are_called(digits, generator):
    x = digits.test.batch()
    made = foreign(x, digits.spec, generator)
    assert np.array_equal(made["turned by 90°"], np.rot90(x.numpy(), 1, (2, 3)))
    assert np.array_equal(made["upside down"], x.numpy()[..., ::-1, ::-1])
    assert (made["two overlaid"] >= x).all()
    assert (made["with a hole"] <= x).all()
    changed = (made["two overlaid"] != x).flatten(1).any(1)
    assert changed.float().mean() > 0.95
    assert made["blank"].count_nonzero() == 0
    assert 0.03 < made["generated shapes"].mean() < 0.5


def test_a_shuffled_table_has_every_value_of_each_column(generator):
    table = datasets.load("wine")
    x = table.train.batch()
    made = foreign(x, table.spec, generator)["columns shuffled"]
    assert torch.equal(made.sort(0).values, x.sort(0).values)


# The experiment --------------------------------------------------------------------------------


def test_peers_are_scikit_learns(found, digits):
    """Of digit 2 alone, and of all but it: PCA's error, that of the mean, neighbours."""
    for arm, k in (("one", QUICK.k), ("out", QUICK.k_held_out)):
        of = [(s.labels.numpy() == 2) == (arm == "one") for s in (digits.train, digits.test)]
        learns, test, usual = rows(digits.train)[of[0]][:1000], rows(digits.test), of[1]
        apart = max(len(learns) // 10, 20)
        train, values = learns[apart:], found[f"{arm}-2-ae"]
        pca = PCA(k, svd_solver="full").fit(train)
        errors = np.square(pca.inverse_transform(pca.transform(test)) - test).mean(1)
        scores = {"pca": errors, "mean": np.square(train.mean(0) - test).mean(1)}
        near = PCA(min(unusual.NEAR[arm], *train.shape), svd_solver="full").fit(train)
        distances = cdist(near.transform(test), near.transform(train))
        scores["knn"] = np.sort(distances, 1)[:, :5].mean(1)
        for key, score in scores.items():
            exact = 100 * roc_auc_score(~usual, score)
            assert values[f"{key}_auroc"] == pytest.approx([exact], abs=0.05), (arm, key)
        # The threshold is that of examples which were not learnt.
        asked = np.quantile(
            np.square(pca.inverse_transform(pca.transform(learns[:apart])) - learns[:apart]).mean(
                1
            ),
            0.9,
        )
        raised = 100 * (errors[usual] > asked).mean()
        assert values["pca_curve"][1][10] == pytest.approx(raised, abs=100 * 1.5 / usual.sum())


def test_its_claim_holds_on_small_data(found, digits):
    """One class alone is told well; neighbours' threshold is not chosen on what they know."""
    one, about = experiment("unusual"), About.of(LabSubject(digits))
    outcome = one.tell(QUICK, about, found)
    value = {figure.name: figure.value for figure in outcome.figures}
    assert value["one_error"] > 90
    assert value["all_4_noise"] > 99
    # Each training example is its own nearest neighbour: its threshold is no threshold.
    assert value["one_knn_naive"] > value["one_knn_raised"] + 3
    assert "it notices least" in outcome.says
    assert {p.name for p in outcome.pictures} >= {"one_let_through", "foreign_4"}
    for shown in outcome.pictures:
        assert shown.images.shape[:2] == (2, len(shown.column_names))


def test_a_blank_is_drawn_best_of_all(mnist):
    few = dataclasses.replace(mnist, test=mnist.test.first(1000))
    options = UnusualOptions(one_class=False, held_out=False, ks=(32,), steps=600, most=20_000)
    one, subject, found = experiment("unusual"), LabSubject(few), {}
    for task in planned(one, options, About.of(subject)):
        *_, last = done(one, task, options, subject, LabControl())
        found[task.name] = dict(zip(last.values["kinds"], last.values["error_auroc"], strict=True))
    for by_kind in found.values():
        assert by_kind["noise"] > 99
        assert by_kind["blank"] < 5


def test_costs_are_counted(found, digits):
    one, about = experiment("unusual"), About.of(LabSubject(digits))
    chart = one.tell(QUICK, about, found).chart("cost")
    assert chart is not None
    line = chart.line("PCA's error")
    assert line is not None
    mean = np.mean([found[f"out-{c}-ae"]["pca_curve"] for c in range(3)], 0)[1:, 5] / 100
    # 950 usual ones, 50 strange ones of which each that is missed costs ten alarms.
    assert line.y[5] == pytest.approx(950 * mean[0] + 50 * 10 * (1 - mean[1]))
    # Nothing allowed: all that is missed is paid for; all allowed: all alarms.
    assert line.y[-1] == pytest.approx(950, rel=0.05)
    dearer = one.tell(dataclasses.replace(QUICK, missed=20), about, found).chart("cost")
    assert dearer is not None
    dear = dearer.line("PCA's error")
    assert dear is not None
    assert dear.y[1] > line.y[1]


def test_rare_faults_of_signals_are_kinds_of_their_own():
    signals = datasets.load("signals")
    options = UnusualOptions(one_class=False, held_out=False, ks=(8,), steps=400, most=3000)
    one, subject = experiment("unusual"), LabSubject(signals)
    (task,) = planned(one, options, About.of(subject))
    *_, last = done(one, task, options, subject, LabControl())
    by_kind = dict(zip(last.values["kinds"], last.values["error_auroc"], strict=True))
    assert set(by_kind) == {"spike", "dropout", "drift", *foreign_kinds(signals.spec)}
    assert by_kind["dropout"] > 90
    assert "drawn" not in last.values


def test_it_says_what_cannot_be_asked(digits):
    one = experiment("unusual")
    without = dataclasses.replace(
        digits, train=Split(digits.train.x), test=Split(digits.test.x), class_names=()
    )
    about = About.of(LabSubject(without))
    assert {t.values["arm"] for t in planned(one, UnusualOptions(), about)} == {"all"}
    assert one.asks(UnusualOptions(), about) is None
    two = About.of(LabSubject(datasets.load("breast-cancer")))
    assert {t.values["arm"] for t in planned(one, UnusualOptions(), two)} == {"one", "all"}
    assert "80" in one.why_not(dataclasses.replace(about, train=50))
    # A class of which there is next to nothing is passed over, and said nothing of.
    few = dataclasses.replace(digits, train=Split(digits.train.x[:300], digits.train.labels[:300]))
    task = next(t for t in planned(one, QUICK, About.of(LabSubject(few))) if t.name == "one-1-ae")
    *_, last = done(one, task, QUICK, LabSubject(few), LabControl())
    assert last.values == {"kinds": []}
