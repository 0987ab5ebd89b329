"""The page of sparse features: with none, with a result of the model in hand, with another's; and
what a browser may say to it."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from aecore import datasets
from aecore.jobs import feature_views
from aecore.jobs.engine import engine
from aecore.jobs.in_hand import InHand
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.features import drawings
from aecore.lab.layer_activity import layer_of
from aecore.lab.record import Record
from aecore.lab.registry import experiment, plain_options
from aecore.lab.running import done, planned
from aecore.lab.sparse_coder import coder_from
from aecore.runs import checkpoints
from pages.components.feature_stage import Looks, drawn_in, feature_in
from tests.pages.test_pages import open_page, sound

PAGE = "pages/lab/sparse_features.py"
OWNER, RESULT = "e" * 64, "l00000000feed"


@pytest.fixture(scope="module")
def record() -> Record:
    one, known = experiment("sparse-features"), checkpoints.load(checkpoints.shipped()["first-ae"])
    subject = LabSubject(datasets.load("mnist"), known.model, known.card)
    about, options = About.of(subject), one.quick()
    task = next(t for t in planned(one, options, about) if t.name == "features")
    *_, last = done(one, task, options, subject, LabControl())
    values = {task.name: last.values}
    return Record(one.name, plain_options(options), about, (), values, {}, 4, "finished")


@pytest.fixture(scope="module")
def token(record) -> str:
    store = engine().lab.store
    store.keep(OWNER, RESULT, record)
    return store.share(OWNER, RESULT)


def test_without_a_result_there_is_a_way_to_one():
    app = open_page(PAGE, model="first-ae")
    sound(app)
    assert app.button(key="features_start").label == "Find its features"
    assert any("monosemantic" in m.value for m in app.markdown)


def test_a_result_is_shown_on_its_model(token):
    app = open_page(PAGE, model="first-ae", shared=token)
    sound(app)
    assert any("of 32 features are active" in c.value for c in app.caption)
    app.number_input[0].set_value(7).run()
    sound(app)
    assert app.number_input[0].value == 7


def test_another_model_is_not_taken_for_it(token):
    app = open_page(PAGE, model="deep-ae-32", shared=token)
    assert not app.exception
    assert "These features are of" in app.info[0].value
    app.button(key="features_take").click().run()
    sound(app)
    assert not app.info
    assert any("of 32 features are active" in c.value for c in app.caption)


def test_a_feature_is_turned_as_its_drawing_says(record):
    """What it draws is the mean over its strongest examples of what turning it off takes away."""
    known, values = checkpoints.load(checkpoints.shipped()["first-ae"]), record.done["features"]
    held = InHand(known.model, known.card, datasets.load("mnist"))
    coder, feature = coder_from(values), int(values["best"][0])
    changes = []
    for row in values["top"][feature][:4]:
        look = feature_views.look(held, coder, 1, int(row), feature, values["high"])
        assert look.strengths[look.now] == pytest.approx(look.code[feature], abs=1e-6)
        assert look.strengths[0] == 0
        changes.append(look.outs[look.now] - look.outs[0])
    layer = layer_of(known.model, 1)
    x = held.data.test.batch(slice(None))
    drawn = drawings(
        layer, coder, coder.encode(layer.values(x)), layer.values(x), values["top"], lambda: None
    )
    assert np.allclose(np.mean(changes, 0), drawn[feature], atol=1e-4)


LOOKS = Looks({"C": 1, "H": 2, "W": 2, "graph": False}, (0.0, 1.0), True, True)


def test_what_a_browser_says_is_read_with_care():
    right = base64.b64encode(bytes([0, 1, 2, 3])).decode()
    assert drawn_in({"pixels": right}, 4, LOOKS) == bytes([0, 1, 2, 3])
    for wrong in (None, [], {"pixels": 3}, {"pixels": "x"}, {"pixels": right * 9}, {"pixels": ""}):
        assert drawn_in(wrong, 4, LOOKS) is None
    assert feature_in({"feature": 3}) == 3
    for wrong in (None, 3, {"feature": "3"}, {"feature": True}, {"feature": 1.5}):
        assert feature_in(wrong) is None
