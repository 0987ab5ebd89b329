"""A new session of somebody who was here: the address first, then what the record says."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from aecore.jobs.engine import engine
from aecore.runs.run import owner_key
from pages.shell import access, recalled
from tests.runs.test_store import add

ANNA, BERT = owner_key("a" * 32), owner_key("b" * 32)
TRAIN = "pages/train/train.py"


@pytest.fixture
def who(monkeypatch) -> dict[str, str]:
    """Who opens the pages: who["is"]."""
    found = {"is": ANNA}
    monkeypatch.setattr(access, "owner", lambda: found["is"])
    yield found
    engine().library.quota.visits.forget(float("inf"), but=set())


def opened(path: str = "", **query: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app = app.switch_page(path).run() if path else app
    assert not app.exception
    return app


def epochs(app: AppTest):
    return next(n for n in app.number_input if n.label == "Epochs")


def test_the_model_in_hand_is_found_again_and_the_address_comes_first(who):
    opened(model="deep-ae-3")
    assert opened().sidebar.selectbox[0].value == "deep-ae-3"
    assert opened(model="vae-plane").sidebar.selectbox[0].value == "vae-plane"
    assert opened().sidebar.selectbox[0].value == "vae-plane"  # of two tabs the last
    who["is"] = BERT
    assert opened().sidebar.selectbox[0].value == "vae-plane"


def test_choices_not_started_are_found_again_until_others_are_made(who):
    app = opened(TRAIN)
    epochs(app).set_value(77).run()
    assert epochs(app).value == 77
    again = opened(TRAIN)
    assert epochs(again).value == 77
    epochs(again).set_value(78).run()
    assert epochs(again).value == 78  # what it begins with does not move under the hand
    preset = next(b for b in again.radio if b.label == "Preset")
    preset.set_value("vae-plane").run()
    assert epochs(again).value != 78
    third = opened(TRAIN)
    assert next(b for b in third.radio if b.label == "Preset").value == "vae-plane"
    who["is"] = BERT
    assert epochs(opened(TRAIN)).value not in (77, 78)


@pytest.mark.parametrize("record", [{"draft": {"spec": 1}}, {"draft": 7, "hand": 7, "run": 7}])
def test_a_record_of_another_version_is_none(who, record):
    access_to = engine().library.quota.visits
    access_to.note(ANNA, **record)
    app = opened(TRAIN)
    assert not app.error
    assert epochs(app).value > 0


def test_the_run_in_view_is_found_again_for_a_lesson(who, tiny_ae, monkeypatch):
    run = add(engine().library, tiny_ae, ANNA)
    try:
        opened(run=run.run_id).switch_page(TRAIN).run()
        assert engine().library.quota.visits.remembered(ANNA)["run"][0] == run.run_id
        assert any(b.label == "New run" for b in opened(TRAIN).button)
        monkeypatch.setattr(recalled, "LESSON", -1.0)
        assert not any(b.label == "New run" for b in opened(TRAIN).button)
    finally:
        engine().store.delete(run)
