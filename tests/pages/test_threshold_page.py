"""Draw the line: without scores there is a way to them; with them each line is counted."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aecore.jobs.engine import engine
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.record import Record, from_bytes, to_bytes
from aecore.lab.registry import experiment, plain_options
from aecore.lab.running import done, planned
from pages.components.line_slider import line_in
from tests.pages.test_pages import open_page, sound

PAGE = "pages/lab/threshold.py"
OWNER, RESULT = "e" * 64, "l0000000011fe"


@pytest.fixture(scope="module")
def record(digits) -> Record:
    one = experiment("unusual")
    options = one.Options(classes=2, ks=(4,), k=6, k_held_out=2, steps=150, vae=False, most=1000)
    subject, found = LabSubject(digits), {}
    about = About.of(subject, "Digits")
    for task in planned(one, options, about):
        *_, last = done(one, task, options, subject, LabControl())
        found[task.name] = last.values
    record = Record(one.name, plain_options(options), about, (), found, {}, len(found), "finished")
    return from_bytes(to_bytes(record))


@pytest.fixture(scope="module")
def token(record) -> str:
    store = engine().lab.store
    store.keep(OWNER, RESULT, record)
    return store.share(OWNER, RESULT)


def said(app) -> str:
    return " ".join(c.value for c in app.caption)


def told(app) -> dict:
    """What the slider of the line was sent."""
    (slider,) = [
        e.proto for e in app.get("bidi_component") if e.proto.component_name == "line_slider"
    ]
    return json.loads(slider.mixed.json)["meta"]


def titles(app) -> dict[str, str]:
    """What stands beneath the pictures, by their places."""
    found = {}
    for element in app.get("bidi_component"):
        if element.proto.component_name == "drawing":
            text = json.loads(element.proto.json)["svg"]
            for title in re.findall(r"<figcaption>(.*?)</figcaption>", text):
                found["through" if title.startswith("Let") else "flagged"] = title
    return found


def test_without_scores_there_is_a_way_to_them():
    app = open_page(PAGE, model="first-ae")
    sound(app)
    assert app.button(key="line_start").label == "Find the scores"


def test_what_is_kept_is_what_was_judged(record):
    for values in record.done.values():
        usual, strange = values["usual_scores"], values["strange_scores"]
        truth = np.r_[np.zeros(len(usual)), np.ones(len(strange))]
        if len(values["kinds"]) == 1:
            auroc = 100 * roc_auc_score(truth, np.r_[usual, strange])
            assert values["error_auroc"] == pytest.approx([auroc], abs=0.02)
        # The foremost of each side, and their scores those of all.
        assert values["through_scores"][0] == strange.min()
        assert values["flagged_scores"].tolist() == np.sort(usual)[::-1][:6].tolist()
        for name in ("through", "flagged"):
            pairs = values[name].astype(np.float32) / 255
            errors = np.square(pairs[0] - pairs[1]).mean((1, 2, 3))
            assert errors == pytest.approx(values[f"{name}_scores"], abs=2e-3)
            assert pairs.shape[1] == len(values[f"{name}_scores"])


def test_a_line_is_dragged(token, record):
    app = open_page(PAGE, shared=token)
    sound(app)
    name, task = "out-1-ae", record.done["out-1-ae"]
    app.selectbox(key=f"line_case_{record.created:.0f}").set_value(name).run()
    sound(app)
    key = f"line_at_{record.created:.0f}_{name}"
    suggested = float(np.quantile(task["apart_scores"], 0.95))
    assert told(app)["suggested"] == pytest.approx(suggested)
    assert told(app)["start"] == pytest.approx(suggested)
    low, _ = told(app)["span"]
    for line in (suggested, float(np.median(task["strange_scores"])), low):
        app.session_state[key] = line
        app.run()
        sound(app)
        found = int((task["strange_scores"] > np.float32(line)).sum())
        raised = int((task["usual_scores"] > np.float32(line)).sum())
        assert f"**{found:,} of {len(task['strange_scores']):,}**" in said(app)
        assert f"**{raised:,} of {len(task['usual_scores']):,}**" in said(app)
        cost = 950 * raised / len(task["usual_scores"])
        cost += 50 * 10 * (1 - found / len(task["strange_scores"]))
        assert f"a cost of {cost:,.0f} for 1,000" in said(app)
        assert told(app)["start"] == pytest.approx(line)
        anyone = bool((task["through_scores"] <= np.float32(line)).any())
        assert titles(app)["through"].endswith("none") != anyone
    app.number_input(key="line_alarm").set_value(3.0).run()
    dearer = cost + 2 * 950 * raised / len(task["usual_scores"])
    assert f"a cost of {dearer:,.0f} for 1,000" in said(app)
    assert told(app)["alarm"] == 3.0


def test_a_line_from_a_browser_is_a_number():
    assert line_in({"line": 0.25}) == 0.25
    for wrong in (None, 0.25, {}, {"line": "1"}, {"line": True}, {"line": float("nan")}):
        assert line_in(wrong) is None


def test_a_result_of_an_earlier_version_says_so(record):
    old = {
        name: {k: v for k, v in values.items() if not k.endswith("_scores")}
        for name, values in record.done.items()
    }
    store, result = engine().lab.store, "l0000000011ff"
    store.keep(OWNER, result, dataclasses.replace(record, done=old))
    app = open_page(PAGE, shared=store.share(OWNER, result))
    sound(app)
    assert app.button(key="line_start")
    assert any("no scores in it" in m.value for m in app.markdown)
