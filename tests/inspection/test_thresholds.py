"""A run's own words and the check-up's verdict change at the same values."""

from __future__ import annotations

import pytest

from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.thresholds import ALIKE, KNOWS_BETTER
from aecore.inspection.judging.memorisation import Memory, memory_findings
from aecore.types import DataSpec, ModelSpec

MEAN = 0.0675


def words(test: float, train: float, pca: float = 1.0) -> str:
    row = {"epoch": 1, "test_mse": test, "train_mse": train, "pca_mse": pca}
    return " ".join(diagnose(ModelSpec("dense-ae", DataSpec((1, 28, 28)), 8, {}), [row], MEAN))


@pytest.mark.parametrize(("factor", "speaks"), [(0.99, False), (1.01, True)])
def test_what_it_has_seen_it_knows_better(factor, speaks):
    train = 0.01
    test = train * KNOWS_BETTER * factor
    found = memory_findings(Memory(test / train, train, test, 1000, 1000, 1000, 1e-5))
    assert (found[0].name == "memorised") == speaks
    assert ("training examples better" in words(test, train)) == speaks


@pytest.mark.parametrize(("factor", "speaks"), [(0.99, False), (1.01, True)])
def test_pca_does_better(factor, speaks):
    pca = 0.02
    test = pca * (1 + ALIKE) * factor
    assert ("PCA still does better" in words(test, test, pca)) == speaks
