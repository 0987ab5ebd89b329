"""What a browser gets of a layer's units is what was counted, and small."""

import numpy as np

from aecore.evaluation.unit_facts import MOST_UNITS, layer_facts
from aecore.models import build
from aecore.types import ModelSpec
from pages.components.unit_facts import packed


def test_facts_travel_as_they_are_in_at_most_100_kb(digits):
    model = build(ModelSpec("dense-ae", digits.spec, 3, {"hidden": (MOST_UNITS,)})).eval()
    facts = layer_facts(model, digits.test, "encoder", 2, among=100)
    meta, arrays = packed(facts)
    assert sum(a.nbytes for a in arrays.values()) <= 100_000
    top = arrays["top"].reshape(-1, 9)
    np.testing.assert_array_equal(top, facts.top)
    hist = arrays["hist"].reshape(-1, meta["bins"]).astype(float)
    shares = facts.counts / facts.counts.max(1, keepdims=True)
    np.testing.assert_allclose(hist / 255, shares, atol=1 / 255)
    assert ((hist > 0) == (facts.counts > 0)).all()
    np.testing.assert_array_equal(arrays["silent"], facts.silent)


def test_fewer_than_nine_examples_leave_places_empty(digits):
    model = build(ModelSpec("dense-ae", digits.spec, 3, {"hidden": (4,)})).eval()
    arrays = packed(layer_facts(model, digits.test, "encoder", 2, among=5))[1]
    assert (arrays["top"].reshape(-1, 9)[:, 5:] == -1).all()
