"""What is kept of a table's columns, against numpy and by hand."""

import numpy as np
import pytest

from aecore.evaluation.columns import correlations, kept


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)) * [1, 10, 0.1, 0] + [0, 5, -2, 3]
    return x, np.column_stack([x[:, 0] + 0.3 * rng.normal(size=60), -x[:, 1], np.ones(60)])


def test_correlations_are_numpys_and_zero_where_nothing_varies(table):
    x, codes = table
    found = correlations(codes, x)
    whole = np.corrcoef(x[:, :3].T, codes[:, :2].T)
    np.testing.assert_allclose(found[:3, :2], whole[:3, 3:], atol=1e-12)
    assert found[1, 1] == pytest.approx(-1)
    assert not found[3].any()
    assert not found[:, 2].any()


def test_kept_is_one_for_a_copy_zero_for_the_mean_and_negative_below_it(table):
    x, _ = table
    x = x[:, :3]
    np.testing.assert_allclose(kept(x, x), 1)
    np.testing.assert_allclose(kept(x, np.broadcast_to(x.mean(0), x.shape)), 0, atol=1e-12)
    np.testing.assert_allclose(kept(x, 2 * x.mean(0) - x), -3)
    half = x.mean(0) + 0.5 * (x - x.mean(0))
    np.testing.assert_allclose(kept(x, half), 0.75)
