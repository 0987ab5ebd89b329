"""The teacher's page: for the teacher alone, shows nothing that students typed, makes room."""

from __future__ import annotations

import os
import time

import pytest
from streamlit.testing.v1 import AppTest

from aecore.jobs import house
from aecore.jobs.engine import JobEngine
from aecore.runs.quota import DAY
from aecore.runs.run import owner_key
from pages.shell import access, teacher
from pages.shell.page import all_pages
from pages.teacher import class_view
from tests.runs.test_store import add

ANNA, BERT = owner_key("a" * 32), owner_key("b" * 32)
PAGE = "pages/teacher/teacher.py"
RUDE = "a rude word"


@pytest.fixture
def jobs(monkeypatch, tmp_path, tiny_ae):
    """An engine with a live run of Anna's, under a rude name, and an old one of Bert's."""
    engine = JobEngine(tmp_path)
    live, old = add(engine.library, tiny_ae, ANNA), add(engine.library, tiny_ae, BERT)
    live.name, live.recording.status, live.worker = RUDE, "training", "tcp://there"
    quota = engine.library.quota
    quota.visited(ANNA)
    quota.visited(BERT)
    long_ago = time.time() - 8 * DAY
    os.utime(quota.visits._place(BERT), (long_ago, long_ago))
    asked: list[tuple] = []
    monkeypatch.setattr(engine, "command", lambda *order: asked.append(order))
    monkeypatch.setattr(access, "jobs", lambda: engine)
    monkeypatch.setattr(class_view, "people_now", lambda: 1)  # AppTest has no tabs
    yield engine, live, old, asked
    engine.close()


@pytest.fixture
def is_teacher(monkeypatch):
    found = {"is": True}
    monkeypatch.setattr(teacher, "is_teacher", lambda cookies=None: found["is"])
    return found


def opened() -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=90).run()
    return app.switch_page(PAGE).run()


def pressed(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def shown(app: AppTest) -> str:
    texts = [element.value for kind in (app.markdown, app.caption, app.metric) for element in kind]
    tables = [table.value.to_string() for table in app.dataframe]
    options = [option for box in app.main.selectbox for option in box.options]
    return " ".join(map(str, [*texts, *tables, *options]))


def test_only_the_teacher_has_the_page():
    assert PAGE not in all_pages()
    assert PAGE in all_pages(teacher=True)


def test_whose_link_has_gone_presses_nothing(jobs, is_teacher):
    app = opened()
    is_teacher["is"] = False
    pressed(app, "End all 1")
    assert jobs[3] == []


def test_it_shows_the_class_without_what_people_typed(jobs, is_teacher):
    app = opened()
    assert not app.exception
    assert not app.error
    assert {m.label: m.value for m in app.metric}["Runs under way"] == "1"
    assert "Person 1" in shown(app)
    assert RUDE not in shown(app)
    app.toggle(key="class_names").set_value(True).run()
    assert RUDE in shown(app)


def test_runs_are_ended_and_old_ones_cleaned_up(jobs, is_teacher):
    engine, live, old, asked = jobs
    app = pressed(opened(), "End this run")
    assert asked == [(ANNA, live.run_id, "stop")]
    app = pressed(app, "End all 1")
    assert asked[1:] == [(ANNA, live.run_id, "stop")]
    assert "1 run of 1 person" in shown(app)
    pressed(app, "Delete them")
    assert engine.store.all() == [live]
    assert not engine.store.folder(old.run_id).exists()


def test_the_house_is_looked_at_quickly(jobs):
    """30 people who look at nothing else would be one look each 5 s; this is one page."""
    engine, *_ = jobs
    began = time.process_time()
    for _ in range(5):
        seen = house.look(engine)
    assert (time.process_time() - began) / 5 < 0.25
    assert seen.people_today == 1
    assert seen.memory_total > seen.memory > 0
    assert seen.ours > 10**8
