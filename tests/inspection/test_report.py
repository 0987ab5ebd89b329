"""The report: its figures against other ways to compute them, its JSON and its HTML."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from planted import dense, fitted, small

from aecore import datasets
from aecore.errors import DatasetError
from aecore.evaluation.metrics import active_units, evaluate
from aecore.inspection.judging.comparison import differences
from aecore.inspection.judging.findings import Finding, amount, percent, some, worst_first
from aecore.inspection.judging.html import compare_html, to_html
from aecore.inspection.judging.passes import chosen
from aecore.inspection.judging.quality import band_findings, stand_in
from aecore.inspection.judging.report import Report, examine
from aecore.models import build
from aecore.models.families.pca import basis_of
from aecore.runs import checkpoints
from aecore.types import ModelSpec


@pytest.fixture(scope="module")
def data(mnist):
    return small(mnist)


@pytest.fixture(scope="module")
def vae():
    return checkpoints.load(checkpoints.shipped()["vae-plane"]).model


@pytest.fixture(scope="module")
def report(vae, data) -> Report:
    return examine(vae, data)


def test_figures_are_those_of_evaluate(report, vae, data):
    told = evaluate(vae, data.test)
    for key, ours in (("mse", "test_mse"), ("kl", "kl"), ("active_units", "active_units")):
        assert report.figure(ours) == pytest.approx(told[key], rel=1e-4)
    # One z sample an example, drawn in batches of another size.
    assert report.figure("nelbo") == pytest.approx(told["nelbo"], rel=0.01)
    assert report.figure("pca_mse") == pytest.approx(basis_of(data).mse(2))
    x = data.test.batch().flatten(1)
    assert report.figure("mean_mse") == pytest.approx(float(x.var(0, correction=0).mean()), 1e-3)
    assert report.figure("macs") == pytest.approx((784 * 400 + 400 * 4 + 2 * 400 + 400 * 784) / 1e6)


def test_the_aggregate_posterior_against_sampling(report, vae, data):
    with torch.inference_mode():
        posterior = vae.encode(data.test.batch())
    z = torch.cat([posterior.sample(torch.Generator().manual_seed(s)) for s in range(20)])
    normal = torch.distributions.MultivariateNormal
    q, p = normal(z.mean(0), z.T.cov()), normal(torch.zeros(2), torch.eye(2))
    expected = float(torch.distributions.kl_divergence(q, p))
    assert report.figure("kl_to_prior") == pytest.approx(expected, rel=0.05)
    assert report.figure("active_units") == active_units(posterior.mu)


def test_a_linear_output_has_no_likelihood(data):
    spec = ModelSpec(
        "dense-vae", data.spec, 4, {"hidden": (32,), "output": "linear"} | {"loss": "mse"}
    )
    found = examine(build(spec), data)
    assert found.figure("nelbo") is None
    assert found.figure("kl") is not None


def test_it_is_the_same_twice_and_leaves_the_model_alone(vae, data, report):
    before = {k: v.clone() for k, v in vae.state_dict().items()}
    again = examine(vae, data)
    assert again.findings == report.findings
    for a, b in zip(again.figures, report.figures, strict=True):
        assert a.value == b.value or a.key.startswith("ms_")
    assert all(torch.equal(before[k], v) for k, v in vae.state_dict().items())
    assert not any(m._forward_hooks for m in vae.modules())


def test_what_was_found_in_the_file_joins_the_verdict(vae, data):
    given = [Finding("broken", "missing-tensor", "A tensor is missing", "decoder.4.bias")]
    found = examine(vae, data, given=given)
    assert found.level == "broken"
    assert found.findings[0] == given[0]
    assert dict(found.verdict())["broken"] == "A tensor is missing."


def test_progress_goes_up_to_one(vae, data):
    steps = []
    examine(vae, data, progress=lambda share, what: steps.append((share, what)))
    shares = [share for share, _ in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len({what for _, what in steps}) > 5


def test_json_is_plain_even_without_numbers(report, data):
    text = json.dumps(report.to_json(), allow_nan=False)
    assert json.loads(text)["level"] == "good"
    broken = build(dense(data), seed=0)
    with torch.no_grad():
        broken.encoder[1].weight.fill_(float("nan"))
    found = examine(broken, data).to_json()
    assert json.loads(json.dumps(found, allow_nan=False))["level"] == "broken"


def test_other_data_are_refused_in_a_sentence(vae, digits):
    with pytest.raises(DatasetError, match="shape"):
        examine(vae, digits)


@pytest.mark.parametrize("name", ["signals", "wine"])
def test_signals_and_tables(name):
    data = datasets.load(name)
    options = {"hidden": (16,)} | ({} if data.spec.bounded else {"output": "linear"})
    found = examine(fitted(ModelSpec("dense-ae", data.spec, 3, options), data.train, 100), data)
    page = to_html(found, title=name)
    assert page.count("<svg") > 10
    assert found.frame.kind in ("lines", "bars")


def test_pca_itself_is_as_good_as_pca(data):
    model = build(ModelSpec("pca", data.spec, 8))
    model.fit(data)
    found = examine(model, data)
    assert "as-pca" in {f.name for f in found.of("good")}
    assert not found.of("broken")


def test_a_conditional_model_is_told_the_labels(data):
    found = checkpoints.load(checkpoints.shipped()["conditional-vae"])
    report = examine(found.model, data)
    assert report.figure("nelbo") < 135  # 155 with no label said
    assert report.about["label_said"] == int(data.test.labels[0])


class _Reader(HTMLParser):
    """Every tag, and every address that a browser would follow."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.places = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.places |= {f"#{v}" for k, v in attrs if k == "id"}
        self.links += [v for k, v in attrs if k in ("src", "href") and not v.startswith("data:")]


def test_html_needs_nothing_else_and_escapes(report):
    evil = "<script>alert('x')</script><img src=http://example.com/x>"
    given = replace(report, findings=(Finding("worrying", "x", evil, evil), *report.findings))
    names = tuple(f"<b>{c}" for c in report.class_names)
    for page in (
        to_html(replace(given, class_names=names), title=evil, about=evil),
        compare_html(given, report, titles=(evil, "b")),
    ):
        reader = _Reader()
        reader.feed(page)
        assert "script" not in reader.tags
        assert set(reader.links) <= reader.places  # to its own parts
        assert not {"link", "iframe", "object"} & set(reader.tags)
        assert "alert" in page
        assert "url(" not in page
        assert len(page) < 1_500_000
    for drawing in re.findall(r"<svg.*?</svg>", page):
        # Attributes without quotation marks are HTML, not XML.
        ElementTree.fromstring(re.sub(r'=([^\s"\'>/]+)', r'="\1"', drawing.replace("'", '"')))


def test_differences_say_who_is_better(report, data):
    other = examine(checkpoints.load(checkpoints.shipped()["vae-textbook"]).model, data)
    rows = {d.key: d for d in differences(report, other)}
    assert rows["test_mse"].wins == "b"
    assert rows["explained"].wins == "b"
    assert rows["parameters"].wins == "a"
    assert rows["kl"].wins == ""
    elsewhere = replace(
        other, about=other.about | {"dataset": "other", "fingerprint": "of other data"}
    )
    rows = {d.key: d for d in differences(report, elsewhere)}
    assert rows["test_mse"].wins == ""
    assert rows["parameters"].wins == "a"


def test_described_layers_have_the_band_of_their_family(mnist):
    lines = {
        "encoder": ("Flatten()", "Linear(784, 128)", "ReLU()", "Linear(128, 16)"),
        "decoder": ("Linear(16, 128)", "ReLU()", "Linear(128, 784)", "Sigmoid()"),
    }
    model = build(ModelSpec("described-ae", mnist.spec, 16, lines))
    assert stand_in(model).options["hidden"] == (128,)
    levels = [band_findings(model, mnist, {"mse": v})[0].level for v in (0.010, 0.0137, 0.03)]
    assert levels == ["good", "good", "worrying"]
    other = lines | {"decoder": (*lines["decoder"][:3], "Tanh()")}
    assert not band_findings(
        build(ModelSpec("described-ae", mnist.spec, 16, other)), mnist, {"mse": 1.0}
    )


def test_a_choice_of_examples_holds_the_first_and_reaches_the_last():
    assert np.array_equal(chosen(400, 784, 1e6, 1e3), np.arange(400))
    index = chosen(60_000, 784, 1e6, 8e9)
    assert len(index) == len(set(index.tolist())) == 8000
    assert np.array_equal(index[:4000], np.arange(4000))
    assert index[-1] == 59_999


def test_words():
    assert some(["a"]) == "a"
    assert some(["a", "b"]) == "a and b"
    assert some(list("abcde")) == "a, b, c and 2 more"
    assert [percent(s) for s in (0, 0.004, 0.0004, 0.5, 1)] == [
        "0 %",
        "0.4 %",
        "0.04 %",
        "50 %",
        "100 %",
    ]
    assert [amount(v) for v in (0.04329, 12345.6)] == ["0.0433", "12,346"]
    found = [Finding(level, level, "", "") for level in ("note", "good", "broken", "worrying")]
    assert [f.level for f in worst_first(found)] == ["broken", "worrying", "good", "note"]
