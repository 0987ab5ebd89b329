"""Findings come from a run's own figures, and only where there is something to say."""

from __future__ import annotations

import pytest

from aecore.evaluation.diagnosis import diagnose
from aecore.types import DataSpec, ModelSpec

MEAN = 0.0675


def row(epoch, test, train=None, pca=0.0168, **more):
    figures = {"epoch": epoch, "test_mse": test, "train_mse": train or test, "pca_mse": pca}
    return figures | {f"test_{k}": v for k, v in more.items()}


def findings(history, family="dense-ae", kind="image", **options):
    data = DataSpec((1, 28, 28)) if kind == "image" else DataSpec((13,), kind)
    spec = ModelSpec(family, data, 8, options)
    return diagnose(spec, history, MEAN)


@pytest.mark.parametrize(
    ("history", "given", "words"),
    [
        ([row(1, 40.0)], {"loss": "bce", "output": "linear"}, "logits"),
        ([row(1, 0.09)], {"mistake": "loss on the code"}, "never trained"),
        ([row(1, 0.0675)], {"init": "zeros"}, "started at zero"),
        ([row(1, 0.067)], {}, "nothing that depends"),
        ([row(1, 0.02, 0.019), row(9, 0.03, 0.005)], {}, "remembers"),
        ([row(1, 0.015, 0.005)], {}, "training examples better"),
        ([row(1, 0.03)], {}, "PCA still does better"),
        ([row(1, 0.01, active_units=3)], {"family": "dense-vae"}, "5 of 8"),
        ([row(1, 0.02)], {"kind": "table", "output": "sigmoid"}, "standardised"),
    ],
)
def test_each_finding(history, given, words):
    found = findings(history, **given)
    assert any(words in text for text in found), found
    assert all(text.startswith("**") and text.endswith(".") for text in found)


def test_nothing_to_say():
    assert findings([row(1, 0.012, 0.0115), row(2, 0.009, 0.0087)]) == []
    assert findings([]) == []
    assert findings([row(1, 0.0169)], family="linear-ae") == []
