"""A line through scores: what it does, beside a count and scikit-learn's ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from aecore.lab.drawing_the_line import BINS, Scores, costs, thinned


@pytest.fixture(scope="module")
def scores() -> Scores:
    rng = np.random.default_rng(0)
    some = (rng.gamma(2, 1, 300), rng.gamma(2, 1, 900).round(1), rng.gamma(4, 1, 250).round(1))
    return Scores(*(one.astype(np.float32) for one in some))


def test_a_line_is_counted_and_paid_for(scores):
    for line in (-1.0, 2.5, 4.0, 1e3):
        found = sum(s > np.float32(line) for s in scores.strange)
        raised = sum(s > np.float32(line) for s in scores.usual)
        got = scores.judged(line, 7.0, 2.0)
        assert (got.found, got.strange, got.raised, got.usual) == (found, 250, raised, 900)
        # Of 1,000 examples 950 are usual and 50 strange.
        assert got.cost == pytest.approx(950 * raised / 900 * 2 + 50 * (1 - found / 250) * 7)
    assert costs(np.array([100.0, 0]), np.array([100.0, 0]), 10) == pytest.approx([950, 500])


def test_the_suggested_line_lets_as_many_alarms_as_allowed_among_those_apart(scores):
    for allowed in (0, 5, 20):
        above = (scores.apart > scores.suggested(allowed)).mean()
        assert 100 * above == pytest.approx(allowed, abs=100 / 300)
    assert scores.suggested(5) == pytest.approx(np.percentile(scores.apart, 95), rel=1e-6)


@pytest.mark.parametrize("missed", [0.0, 1.0, 10.0, 1000.0])
def test_no_line_is_cheaper_than_the_cheapest(scores, missed):
    strange = np.r_[np.zeros(900), np.ones(250)]
    raised, found, _ = roc_curve(
        strange, np.r_[scores.usual, scores.strange], drop_intermediate=False
    )
    least = min(950 * raised + 50 * missed * (1 - found))
    line = scores.cheapest(missed, 1.0)
    assert scores.judged(line, missed, 1.0).cost == pytest.approx(least)


def test_the_histogram_holds_everybody_and_the_line_within_it(scores):
    chart = scores.histogram(1e9, 2.0, ("error", "of each"), ("usual", "strange"))
    low, high = scores.span
    for name in ("usual", "strange"):
        steps = chart.line(name)
        assert len(steps.x) == len(steps.y) == 2 * BINS
        assert sum(steps.y[::2]) == pytest.approx(100)
        assert (steps.x[0], steps.x[-1]) == pytest.approx((low, high))
    assert chart.line("your line").x == (high, high)
    assert chart.line("suggested").x == (2.0, 2.0)


def test_all_alike_still_have_a_histogram():
    same = np.ones(5, np.float32)
    flat = Scores(same, same, same)
    assert flat.span == (1.0, 2.0)
    assert flat.judged(flat.suggested(5), 1, 1).found == 0
    assert sum(flat.histogram(1.0, 1.0, ("", ""), ("a", "b")).line("a").y[::2]) == 100


def test_thinned_are_at_most_so_many_and_some_of_them():
    assert thinned(np.arange(10), 10).tolist() == list(range(10))
    assert thinned(np.arange(11), 10).tolist() == [0, 2, 4, 6, 8, 10]
