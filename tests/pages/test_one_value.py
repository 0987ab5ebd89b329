"""The same quantity has one value and one format on all pages."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from aecore import datasets
from aecore.evaluation.metrics import HELD_OUT_MSE, shown
from aecore.inspection.judging import html_views
from aecore.inspection.judging.report import examine
from aecore.jobs.engine import engine
from aecore.runs import checkpoints
from aecore.runs.run import passing_owner
from tests.pages.test_pages import figures_of, open_page, run_rows, sound

MODELS = ["linear-ae", "k-sparse", "denoising-ae"]


def metrics_of(app: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in app.metric}


def texts_of(app: AppTest) -> str:
    return "\n".join(x.value for kind in (app.markdown, app.caption) for x in kind)


def row_of(app: AppTest, name: str) -> dict:
    """A row of the Runs page's list, as the browser gets it."""
    return next(row for row in run_rows(app) if row["name"] == name)


@pytest.fixture(params=MODELS)
def model(request) -> str:
    return request.param


def test_held_out_errors_are_the_same_on_every_page(model):
    found = checkpoints.load(checkpoints.shipped()[model])
    card, figures = found.card, found.card.newest
    mse, pca = shown(figures["test_mse"]), shown(figures["pca_mse"])
    against = shown(figures["test_mse"] - figures["pca_mse"], "+")
    damaged = figures.get("test_denoised_mse")
    k = int(figures.get("pca_k", card.spec.latent_dim))

    app = open_page("pages/look/reconstructions.py", model=model)
    sound(app)
    assert f"held-out MSE {mse}" in " ".join(c.value for c in app.sidebar.caption)
    assert metrics_of(app)[HELD_OUT_MSE] == mse
    delta = next(m.delta for m in app.metric if m.label == HELD_OUT_MSE)
    assert delta == f"{against} against PCA"
    assert f"mean {mse} for this model, {pca} for PCA, k = {k}" in texts_of(app)
    if damaged is not None:
        assert metrics_of(app)["From damaged, MSE"] == shown(damaged)

    app.switch_page("pages/look/inside.py").run()
    sound(app)
    if model == "linear-ae":
        assert f"{mse} beside {pca}" in [m.delta for m in app.metric]
    if damaged is not None:
        assert f"this model **{shown(damaged)}**" in texts_of(app)

    app.switch_page("pages/train/runs.py").run()
    sound(app)
    row = row_of(app, card.name)
    # Of a denoising model what counts: from damaged images, beside PCA from the same.
    ours, theirs = (mse, pca) if damaged is None else (damaged, figures["pca_denoised_mse"])
    told = (ours, theirs) if damaged is None else (shown(ours), shown(theirs))
    assert row["error"] == told[0]
    assert row["errorNote"].startswith(f"PCA {told[1]}, ")

    # A run with these weights, on the page where it was trained.
    owner = passing_owner(app.session_state["owner"])
    content = checkpoints.shipped()[model].read_bytes()
    run = engine().library.upload(owner, model, content)
    app.query_params["run"] = run.run_id
    app.switch_page("pages/train/train.py").run()
    sound(app)
    label = HELD_OUT_MSE if damaged is None else "From damaged, MSE"
    assert figures_of(app)[label] == (mse if damaged is None else shown(damaged))
    assert f"{HELD_OUT_MSE} **{mse}** beside PCA's **{pca}** at k = {k}" in texts_of(app)
    if damaged is not None:
        theirs = shown(figures["pca_denoised_mse"])
        assert f"PCA from the same damaged images: **{theirs}**" in texts_of(app)
    engine().delete(owner, run.run_id)


@pytest.mark.parametrize("model", ["k-sparse", "denoising-ae"], indirect=True)
def test_the_check_up_says_the_same(model):
    found = checkpoints.load(checkpoints.shipped()[model])
    figures = found.card.newest
    report = examine(found.model, datasets.load("mnist"), seed=found.card.config.seed)
    words = {f.key: html_views.shown_value(f.value, f.unit) for f in report.figures}
    assert words["test_mse"] == shown(figures["test_mse"])
    assert words["pca_mse"] == shown(figures["pca_mse"])
    judged = next(f for f in report.findings if f.name == "beats-pca")
    if model == "denoising-ae":
        assert words["denoised_mse"] == shown(figures["test_denoised_mse"])
        assert words["pca_denoised_mse"] == shown(figures["pca_denoised_mse"])
        assert f"MSE per value {words['denoised_mse']} on" in judged.evidence
    else:
        assert judged.title == "Beats PCA with 25 numbers"
    assert not re.search(r"\d\.\d{5}", judged.evidence)
