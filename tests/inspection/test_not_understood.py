"""What the README says is not understood gets a sentence that names it, and no blame."""

from __future__ import annotations

import io
import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

from aecore import datasets
from aecore.cli import main
from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.checkup import open_files
from aecore.inspection.judging.html import body
from aecore.inspection.judging.refused import refused
from aecore.inspection.judging.report import Report, examine
from aecore.inspection.judging.standing import Standing
from aecore.models import build
from aecore.types import ModelSpec
from tests.inspection.files import saved


class Parts(nn.Module):
    """Modules by name."""

    def __init__(self, **parts: nn.Module):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def rows(*sizes: int) -> nn.Sequential:
    pairs = itertools.pairwise(sizes)
    return nn.Sequential(*(x for a, b in pairs for x in (nn.Linear(a, b), nn.ReLU())))


NAMED = {
    "an LSTM autoencoder": (
        lambda: Parts(encoder=nn.LSTM(9, 16, batch_first=True), decoder=nn.LSTM(16, 9)),
        "LSTM",
    ),
    "a network with attention": (
        lambda: Parts(embed=nn.Linear(64, 16), attn=nn.MultiheadAttention(16, 2)),
        "attention",
    ),
    "a vector-quantised autoencoder": (
        lambda: Parts(
            encoder=nn.Conv2d(1, 8, 4, 2, 1),
            codebook=nn.Embedding(32, 8),
            decoder=nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
        "quantised",
    ),
    "a classifier": (lambda: Parts(fc1=nn.Linear(784, 128), fc2=nn.Linear(128, 10)), "classifier"),
    "an encoder alone": (lambda: Parts(encoder=rows(784, 128, 16)), "encoder alone"),
    "a network that gives another size": (lambda: rows(98, 64, 120), "98"),
    "a network of a size that no data have": (lambda: rows(29, 16, 4, 16, 29), "29 numbers"),
}


@pytest.mark.parametrize("what", NAMED)
def test_it_is_named(what):
    make, word = NAMED[what]
    torch.manual_seed(0)
    with pytest.raises(InspectionError, match=word) as caught:
        open_files([(saved(make().state_dict()), "model.pt")])
    report = refused(str(caught.value))
    assert report.level == "not understood"
    assert not report.understood
    assert not report.sure
    assert not report.of("broken")
    assert not report.of("worrying")


def test_a_refusal_names_the_size_who_has_it_and_how_to_get_it(monkeypatch):
    known = {n: s for n, s in datasets.all_sources().items() if not s.stands_in}
    monkeypatch.setattr(datasets, "all_sources", lambda: known)
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 4, 2, 1)),
        *(nn.ConvTranspose2d(4, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1)),
    )
    if datasets.source("cifar10").ready() or datasets.source("svhn").ready():
        pytest.skip("data of that size are on this machine")
    with pytest.raises(InspectionError, match=r"CIFAR-10 \(3×32×32\).*--fetch cifar10"):
        open_files([(saved(net.state_dict()), "model.pt")])


# -- the command -----------------------------------------------------------------------------------


def test_the_command_says_so_in_json_and_ends_well(tmp_path, capsys):
    path = tmp_path / "lenet.pt"
    path.write_bytes(saved(NAMED["a classifier"][0]().state_dict()))
    main(["inspect", str(path), "--json", "--html", str(tmp_path / "r.html")])
    found = json.loads(capsys.readouterr().out)
    assert (found["understood"], found["sure"], found["metrics"]) == (False, False, {})
    assert list(found["verdict"]) == ["not understood"]
    assert "classifier" in (tmp_path / "r.html").read_text()
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(path), "--save", str(tmp_path / "m.safetensors")])
    assert ended.value.code == 2
    assert "nothing to save" in capsys.readouterr().err


# -- a reading that draws nothing is not judged ----------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits")


def dense(data: Dataset, family: str = "dense-ae", k: int = 4, **options) -> ModelSpec:
    return ModelSpec(family, data.spec, k, {"hidden": (16,)} | options)


def names(report: Report) -> set[str]:
    return {f.name for f in report.findings}


def test_nothing_of_a_guess_is_blamed(digits):
    """A model that is worse than the mean, as a wrong reading is: broken, unless it was guessed."""
    model = build(dense(digits), seed=0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    assert examine(model, digits).level == "broken"
    guessed = Standing.of({"understood": False, "tried": 12, "error": 0.2, "blank": 0.1})
    report = examine(model, digits, standing=guessed)
    assert report.level == "not understood"
    assert {f.level for f in report.findings} <= {"not understood", "note"}
    assert "12 readings were run" in report.findings[0].evidence
    assert report.figure("test_mse") is None


def test_what_rests_on_the_open_part_is_a_note(digits):
    model = build(dense(digits, "dense-vae"), seed=0)
    with torch.no_grad():
        list(model.encoder.parameters())[-1][4:].fill_(-9.0)
    plain = examine(model, digits)
    assert {f.name for f in plain.findings if f.level == "worrying"} & {"off-prior", "samples-far"}
    heads = examine(model, digits, standing=Standing.of({"doubtful": ["heads"], "sure": False}))
    loud = {f.name for f in heads.findings if f.level in ("broken", "worrying")}
    assert not loud & {"off-prior", "samples-far", "posterior-collapse", "idle-dimensions"}


def test_other_data_are_not_compared_with_pca(digits):
    model = build(dense(digits, output="linear"), seed=0)
    others = Standing.of({"sure": True, "others": ["The file speaks of Fashion-MNIST."]})
    report = examine(model, digits, standing=others)
    assert "other-data" in names(report)
    assert not {"loses-to-pca", "above-band"} & names(report)
    assert not {f.name for f in report.findings if f.level == "worrying"} & {"no-better-than-mean"}


def test_of_a_decoder_alone_nothing_rests_on_the_encoder_made_here(digits):
    lines = ("Linear(3, 16)", "ReLU()", "Linear(16, 64)", "Sigmoid()", "Unflatten(1, 8, 8)")
    model = build(ModelSpec("decoder-alone", digits.spec, 3, {"decoder": lines}), seed=0)
    model.fit_encoder(torch.Generator().manual_seed(0))
    report = examine(model, digits)
    assert {"encoder-made-here", "decoder-untouched"} <= names(report)
    assert not {"no-better-than-mean", "loses-to-pca", "exploding-layer"} & names(report)
    assert report.figure("test_mse") is None
    assert "made here" in body(report)


def test_an_origin_may_say_anything():
    odd = {"understood": "x", "tried": -3, "error": "1", "open": [1, "a\nb"], "doubtful": ["?"]}
    standing = Standing.of(odd)
    assert (standing.understood, standing.tried, standing.error) == (True, 0, None)
    assert standing.open == ("a b",)
    assert standing.doubtful == frozenset()


# -- no two findings contradict each other ---------------------------------------------------------

#: Findings of which at most one may be said of a model.
EXCLUDE = (
    {"posterior-collapse", "all-dimensions-live", "small-code"},
    {"posterior-collapse", "beats-pca", "idle-dimensions"},
    {"posterior-collapse", "off-prior", "fills-prior"},
    {"no-better-than-mean", "beats-pca", "as-pca", "loses-to-pca"},
    {"no-better-than-mean", "generalises"},
    {"no-better-than-mean", "in-band"},
    {"constant-code", "beats-pca", "idle-dimensions"},
    {"ignores-z", "beats-pca"},
    {"memorised", "generalises"},
    {"samples-near", "samples-far", "samples-alike"},
    {"not-understood", "reading-sure", "beats-pca", "generalises"},
    {"other-data", "loses-to-pca"},
)
CHANGES = {
    "as drawn": lambda w: None,
    "no code": lambda w: w[2].zero_(),
    "large": lambda w: [p.mul_(8) for p in w],
    "small": lambda w: [p.mul_(0.05) for p in w],
    "logvar far below": lambda w: w[3][len(w[3]) // 2 :].fill_(-12),
    "logvar far above": lambda w: w[3][len(w[3]) // 2 :].fill_(6),
    "mu far away": lambda w: w[3].add_(9),
    "black": lambda w: w[-1].fill_(-40),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("family", ["dense-ae", "dense-vae"])
def test_no_two_findings_exclude_each_other(family, change, digits):
    model = build(dense(digits, family), seed=0)
    with torch.no_grad():
        CHANGES[change]([p for p in model.parameters()])
    for standing in (None, Standing.of({"understood": False}), Standing.of({"others": ["x."]})):
        found = names(examine(model, digits, standing=standing))
        assert not [both for both in EXCLUDE if len(both & found) > 1], found


def test_a_large_kl_is_no_collapse(digits):
    """It said 'The KL is 47 nats: q(z|x) is the prior'."""
    model = build(dense(digits, "dense-vae"), seed=0)
    with torch.no_grad():
        CHANGES["logvar far below"]([p for p in model.parameters()])
        list(model.parameters())[2].mul_(1e-3)
    report = examine(model, digits)
    assert report.figure("kl") > 10
    assert "posterior-collapse" not in names(report)
    assert "small-code" in names(report)


# -- another size ----------------------------------------------------------------------------------


def test_a_resized_network_is_measured_in_its_own_terms(digits):
    lines = {
        "encoder": ("Resize(16, 16)", "Flatten()", "Linear(256, 8)"),
        "decoder": ("Linear(4, 256)", "Sigmoid()", "Unflatten(1, 16, 16)", "Resize(8, 8)"),
        "loss": "mse",
    }
    model = build(ModelSpec("described-vae", digits.spec, 4, lines), seed=0)
    report = examine(model, digits)
    own = next(f for f in report.figures if f.key == "own_mse")
    assert "1 × 16 × 16" in own.about
    x = digits.test.batch()
    with torch.inference_mode():
        seen = nn.functional.interpolate(x, (16, 16), mode="bilinear", antialias=True)
        posterior = model.encode(x)
        answer = torch.sigmoid(model.decoder[0](posterior.mu)).view_as(seen)
    assert own.value == pytest.approx(float((answer - seen).square().mean()), rel=0.02)
    assert report.figure("nelbo") > 60  # of 256 pixels, not of 64
    assert np.isfinite(report.figure("nelbo"))
    assert io.BytesIO(json.dumps(report.to_json()).encode())
