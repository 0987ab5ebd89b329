"""Every fault that is planted is found by its name, and none where nothing was planted."""

from __future__ import annotations

import copy

import pytest
import torch
from planted import dense, fitted, small, some_rows

from aecore import datasets
from aecore.datasets import Dataset
from aecore.inspection.judging.report import Report, examine
from aecore.inspection.judging.untouched import initialisation_of, layer_states
from aecore.models import LatentModel, build
from aecore.runs import checkpoints
from aecore.types import ModelSpec

FAULTS = {
    "posterior-collapse",
    "dead-relu",
    "saturated-units",
    "wrong-range",
    "swapped-heads",
    "encoder-untouched",
    "decoder-untouched",
    "model-untouched",
    "layer-untouched",
    "batchnorm-untouched",
    "memorised",
    "not-a-number",
    "saturated-outputs",
    "outside-range",
    "ignores-z",
    "constant-code",
    "no-better-than-mean",
    "exploding-layer",
    "exploding-activations",
    "off-prior",
    "samples-alike",
}


@pytest.fixture(scope="module")
def data(mnist) -> Dataset:
    return small(mnist)


@pytest.fixture(scope="module")
def sound(data) -> LatentModel:
    return fitted(dense(data), data.train, 600)


@pytest.fixture
def model(sound) -> LatentModel:
    """A copy to plant a fault in."""
    return copy.deepcopy(sound)


def faults(report: Report) -> set[str]:
    return {f.name for f in report.findings if f.level in ("broken", "worrying")} & FAULTS


def test_a_sound_model_has_none(sound, data):
    report = examine(sound, data)
    assert report.level == "good"
    assert {"beats-pca", "generalises"} <= {f.name for f in report.of("good")}


def test_a_sound_vae_has_none(data):
    vae = fitted(dense(data, 8, family="dense-vae"), data.train, 600)
    assert not faults(examine(vae, data))


def test_collapsed_posterior(data):
    vae = fitted(dense(data, 8, family="dense-vae"), data.train, 300, beta=50)
    report = examine(vae, data)
    assert "posterior-collapse" in faults(report)
    assert report.level == "broken"
    assert report.figure("active_units") == 0


def test_dead_relus(model, data):
    with torch.no_grad():
        model.encoder[1].bias[:80] = -100
    report = examine(model, data)
    assert "dead-relu" in faults(report)
    (layer,) = (x for x in report.layers if x["line"] == "ReLU" and x["part"] == "encoder")
    assert 80 <= layer["dead"] < 128


@pytest.mark.parametrize("init", ["default", "xavier", "kaiming", "orthogonal", "small_normal"])
def test_decoder_at_initialisation(data, init):
    spec = ModelSpec("dense-ae", data.spec, 16, {"hidden": (128,), "init": init})
    model = fitted(spec, data.train, 300, frozen=("decoder",))
    found = faults(examine(model, data))
    assert "decoder-untouched" in found
    assert not {"encoder-untouched", "model-untouched"} & found


def test_untouched_layer(data):
    spec = ModelSpec("dense-ae", data.spec, 16, {"hidden": (128, 64)})
    report = examine(fitted(spec, data.train, 300, frozen=("encoder.3",)), data)
    assert "layer-untouched" in faults(report)
    assert "encoder 4, Linear(128, 64)" in next(
        f.evidence for f in report.findings if f.name == "layer-untouched"
    )


def test_untouched_convolution_and_batch_norm(data):
    spec = ModelSpec("conv-ae", data.spec, 16, {"normalisation": "batch"})
    found = faults(examine(build(spec, seed=3), data))
    assert {"model-untouched", "batchnorm-untouched"} <= found


@pytest.mark.parametrize(
    ("which", "family", "k", "options"),
    [
        ("first", "dense-ae", 32, {"hidden": (256,)}),
        ("random", "dense-ae", 32, {"hidden": (256,)}),
        ("random", "dense-vae", 8, {"hidden": (256,)}),
        ("random", "conv-ae", 16, {"channels": (8, 16)}),
    ],
)
def test_over_trained_on_200_images(data, which, family, k, options):
    rows = torch.arange(200)
    if which == "random":
        rows = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(3))[:200]
    spec = ModelSpec(family, data.spec, k, options)
    model = fitted(spec, some_rows(data.train, rows), 800, batch=50)
    report = examine(model, data)
    assert "memorised" in faults(report)
    evidence = next(f.evidence for f in report.findings if f.name == "memorised")
    assert ("on the first 200" in evidence) == (which == "first")


def test_not_a_number(model, data):
    with torch.no_grad():
        model.decoder[0].weight[3, 5] = float("nan")
        model.encoder[1].bias[7] = float("inf")
    report = examine(model, data)
    assert faults(report) == {"not-a-number"}
    evidence = report.findings[0].evidence
    assert "decoder.0.weight (1)" in evidence
    assert "encoder.1.bias (1)" in evidence


def test_overflow_on_the_way(model, data):
    with torch.no_grad():
        model.encoder[1].weight.mul_(1e30)
        model.encoder[3].weight.mul_(1e30)
    assert "not-a-number" in faults(examine(model, data))


def test_saturated_outputs(model, data):
    with torch.no_grad():
        model.decoder[2].weight.mul_(60)
    found = faults(examine(model, data))
    assert {"saturated-outputs", "exploding-layer"} <= found


def test_outputs_stuck_at_one_value(model, data):
    with torch.no_grad():
        model.decoder[2].bias.fill_(-100)
    assert "saturated-outputs" in faults(examine(model, data))


def test_decoder_that_ignores_the_code(model, data):
    with torch.no_grad():
        model.decoder[0].weight.mul_(1e-4)
    assert "ignores-z" in faults(examine(model, data))


def test_constant_code(model, data):
    with torch.no_grad():
        model.encoder[3].weight.zero_()
    assert "constant-code" in faults(examine(model, data))


@pytest.mark.parametrize(("factor", "shift"), [(2.0, -1.0), (3.2457, -0.4242)])
def test_wrong_range(data, factor, shift):
    lines = {
        "encoder": ("Flatten()", "Linear(784, 128)", "ReLU()", "Linear(128, 16)"),
        "decoder": ("Linear(16, 128)", "ReLU()", "Linear(128, 784)"),
    }
    spec = ModelSpec("described-ae", data.spec, 16, lines)
    model = fitted(spec, data.train, 500, factor=factor, shift=shift)
    report = examine(model, data)
    assert "wrong-range" in faults(report)


def test_swapped_heads(data):
    model = checkpoints.load(checkpoints.shipped()["vae-textbook"]).model
    with torch.no_grad():
        for p in model.encoder[3].parameters():
            p.copy_(torch.cat([p[20:], p[:20]]))
    assert "swapped-heads" in faults(examine(model, data))


@pytest.mark.parametrize("name", sorted(checkpoints.shipped()))
def test_shipped_models_have_no_planted_faults(name):
    """But for the VAE of shapes, of which it is true: 70 % of its widest layer never fire."""
    found = checkpoints.load(checkpoints.shipped()[name])
    data = small(datasets.load(found.card.dataset))
    report = examine(found.model, data)
    assert not report.of("broken")
    assert faults(report) == ({"dead-relu"} if name == "shapes-vae" else set())
    assert not any(layer.get("fresh") for layer in report.layers)


@pytest.mark.parametrize("seed", range(5))
def test_small_layers_of_every_initialisation_are_told_from_trained_ones(data, seed):
    spec = ModelSpec("conv-ae", data.spec, 16, {"channels": (8, 16)})
    states = layer_states(build(spec, seed=seed))
    # The first and the last have 72 weights each, too few to judge.
    assert [bool(s.fresh) for s in states] == [False, True, True, True, True, False]
    trained = fitted(spec, data.train, 60)
    assert not any(s.fresh for s in layer_states(trained))


def test_an_initialisation_is_called_by_its_name():
    layer = torch.nn.Linear(200, 100)
    torch.nn.init.xavier_uniform_(layer.weight, generator=torch.Generator().manual_seed(0))
    assert initialisation_of(layer.weight, layer.bias).startswith("Xavier's uniform")
    torch.nn.init.zeros_(layer.weight)
    assert initialisation_of(layer.weight, layer.bias) == "all weights are 0"
