"""Whose data a model brings into view: a card that somebody wrote opens nobody else's."""

from __future__ import annotations

import dataclasses

import pytest

from aecore import datasets, places
from aecore.datasets.own.kept_file import OwnData, own_folder
from aecore.datasets.own.store import keep_for
from aecore.errors import AecoreError
from aecore.models import build
from aecore.runs.card import Card
from aecore.runs.library import Library
from aecore.runs.store import RunStore, owner_key
from aecore.types import ModelSpec, TrainConfig
from pages.shell import access, session

ANNA, BERT = owner_key("a" * 32), owner_key("b" * 32)


@pytest.fixture
def browser(monkeypatch, tmp_path, digits):
    """A store with own data of Anna's, and who looks at it: browser["is"]."""
    monkeypatch.setenv(places.RUNS_VARIABLE, str(tmp_path))
    library = Library(RunStore(tmp_path))
    few = dataclasses.replace(digits, train=digits.train.first(60), test=digits.test.first(40))
    name = keep_for(own_folder(), OwnData(few, (), "Diary"), ANNA)
    spec = ModelSpec("dense-ae", few.spec, 3, {"hidden": (16,)})
    card = Card("A model", spec, TrainConfig(), name, datasets.load(name).fingerprint)
    found = {"is": ANNA, "card": card, "library": library, "model": build(spec, seed=0).eval()}

    class Jobs:
        def __init__(self):
            self.library, self.get, self.store = library, library.store.get, library.store

        def watched(self, token: str):
            return library.store.watched(token)

    state: dict = {}
    monkeypatch.setattr(access, "owner", lambda: found["is"])
    monkeypatch.setattr(access, "jobs", Jobs)
    monkeypatch.setattr(access.st, "session_state", state)
    return found


def keep(browser, who: str, card: Card):
    return browser["library"].keep(who, browser["model"], card)


def test_own_data_come_with_their_owners_model_and_with_its_watch_link(browser):
    run = keep(browser, ANNA, browser["card"])
    assert len(session.hand_of(run.run_id).data.train) == 60
    browser["is"] = BERT
    with pytest.raises(AecoreError, match="ask for its watch link"):
        session.hand_of(run.run_id)
    run.watch = "0" * 24
    access.watch(run.watch)
    assert len(session.hand_of(run.run_id).data.train) == 60
    assert access.taking_refused(run.run_id) == access.LOOK_ONLY
    run.watch = ""
    with pytest.raises(AecoreError, match="ask for its watch link"):
        session.hand_of(run.run_id)


def test_a_card_that_names_anothers_data_opens_nothing(browser):
    run = keep(browser, BERT, browser["card"])  # Bert has learnt the name somewhere
    browser["is"] = BERT
    with pytest.raises(AecoreError, match="for who keeps them"):
        session.hand_of(run.run_id)


@pytest.mark.parametrize(("who", "there"), [(ANNA, True), (BERT, False)])
def test_what_left_finds_its_owners_data_again(browser, who: str, there: bool):
    run = keep(browser, who, browser["card"].for_others())
    browser["is"] = who
    if there:
        assert session.hand_of(run.run_id).data.name.startswith("own-")
    else:
        with pytest.raises(AecoreError, match="not named outside"):
            session.hand_of(run.run_id)
