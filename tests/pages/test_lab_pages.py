"""The laboratory's pages: cards, the choices before a run, a result that was kept."""

from __future__ import annotations

import numpy as np

from aecore.figures.chart import Pictures
from aecore.jobs.engine import engine
from aecore.lab.about import About
from aecore.lab.record import Record
from aecore.lab.registry import all_experiments, experiment, plain_options
from aecore.types import DataSpec
from pages.components.pictures_view import pictures_html
from pages.lab.myths import MYTHS
from tests.pages.test_pages import open_page, sound

EXPERIMENT = "pages/lab/experiment.py"


def texts(app) -> str:
    return " ".join(str(m.value) for m in (*app.markdown, *app.caption, *app.title))


def test_there_is_a_card_for_each():
    app = open_page("pages/lab/lab.py")
    sound(app)
    for one in all_experiments().values():
        assert one.question in texts(app)


def test_a_myth_is_contradicted_by_the_figures_of_ones_own_run(monkeypatch):
    one, owner = experiment("how-many-numbers"), "e" * 64
    monkeypatch.setattr("pages.shell.session.owner", lambda: owner)
    about = About(
        "mnist", "MNIST digits", DataSpec((1, 28, 28), "image", 2), 60_000, 10_000, ("a", "b"), True
    )
    known = {"mse": 0.01, "train_mse": 0.01, "pca_mse": 0.02}
    done = {f"many-{k}-0": {**known, "knn": 0.01 * k, "pca_knn": 0.2} for k in (24, 128)}
    options = one.Options(ks=(24, 128), few=0)
    record = Record(one.name, plain_options(options), about, (), done, {}, 2, "finished")
    store = engine().lab.store
    store.keep(owner, "l0123456789ab", record)
    app = open_page("pages/lab/lab.py")
    sound(app)
    assert "Your run:" in texts(app)
    assert texts(app).count("Run it, and its own figures stand here.") == len(MYTHS) - 1
    store.delete(owner, "l0123456789ab")


def test_each_can_be_begun():
    for name, one in all_experiments().items():
        app = open_page(EXPERIMENT, lab=name)
        sound(app)
        assert app.title[0].value == one.title
        assert not app.button(key="lab_start").disabled


def test_a_shared_result_is_shown_with_what_was_expected():
    one = experiment("superposition")
    values = {
        "kept": [0, 0, 64, 0, 0, 0],
        "pentagons": 0,
        "loss": 0.13,
        "paths": np.zeros((3, 5, 2)),
    }
    options = one.Options(sparsities=(0,))
    record = Record(
        one.name, plain_options(options), About(), (4.0,), {"0": values}, {}, 1, "finished"
    )
    store, owner = engine().lab.store, "f" * 64
    store.keep(owner, "l0123456789ab", record)
    app = open_page(EXPERIMENT, lab=one.name, shared=store.share(owner, "l0123456789ab"))
    sound(app)
    assert "you said 4, it was 2" in texts(app)
    assert "1 of 1 parts" in texts(app)
    assert app.button(key="lab_again").label == "Run it yourself"
    store.withdraw(owner, "l0123456789ab")


def test_what_is_not_there_is_said():
    app = open_page(EXPERIMENT, lab="superposition", result="l000000000000")
    assert "no such result" in app.error[0].value
    app = open_page(EXPERIMENT, lab="nothing-of-the-kind")
    assert "no experiment" in app.error[0].value


def test_pictures_stand_beside_their_names():
    one = experiment("make-new-ones")
    values = {"prior_shown": np.zeros((10, 1, 4, 4), np.uint8), "prior_frechet": 7.0}
    spec = DataSpec((1, 4, 4), "image", 10)
    about = About("mnist", "<MNIST>", spec, 100, 100, tuple("0123456789"), True)
    record = Record(
        one.name, plain_options(one.quick()), about, (), {"simple": values}, {}, 7, "stopped"
    )
    store, owner = engine().lab.store, "e" * 64
    store.keep(owner, "l0123456789ac", record)
    app = open_page(EXPERIMENT, lab=one.name, shared=store.share(owner, "l0123456789ac"))
    sound(app)
    assert "codes from N(0, I) 7." in texts(app)
    shown = pictures_html(record.outcome().pictures[0])
    assert "<span>N(0, I)</span>" in shown
    assert shown.count("<img") == 1
    assert pictures_html(
        Pictures("one", "<One>", np.zeros((2, 3, 1, 4, 4)), ("a <b>", "c"), summary="&")
    ).count("&lt;b&gt;")
    store.withdraw(owner, "l0123456789ac")
