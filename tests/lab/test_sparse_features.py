"""Sparse features beside what is known without them: NumPy, scikit-learn, and generated directions
that were put in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score, roc_auc_score

from aecore.errors import ConfigError
from aecore.lab import features, layer_activity
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Values
from aecore.lab.registry import experiment
from aecore.lab.running import done, planned
from aecore.lab.sparse_coder import (
    CoderTraining,
    SparseCoder,
    coder_from,
    codes_of,
    ever_active,
    explained,
    pca_explained,
)
from aecore.models import LatentModel, build
from aecore.models.stages import stages_of
from aecore.runs import checkpoints
from aecore.types import ModelSpec


def nothing() -> None:
    """Nobody waits for a turn."""


def learnt(x: torch.Tensor, width: int, active: int, epochs: int, revive: bool = True):
    training = CoderTraining(x, width, active, epochs, revive, torch.Generator().manual_seed(0))
    assert list(training.run(nothing))[-1] == epochs
    return training.coder()


@pytest.fixture(scope="module")
def superposed() -> tuple[np.ndarray, torch.Tensor]:
    """32 known directions in 16 numbers (32, 16), and examples, each a sum of three of them."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(32, 16))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    code = np.zeros((20_000, 32))
    for row in code:
        row[rng.choice(32, 3, replace=False)] = rng.uniform(0.5, 1.5, 3)
    return directions, torch.from_numpy((code @ directions + 0.3).astype(np.float32))


@pytest.fixture(scope="module")
def coder(superposed) -> SparseCoder:
    return learnt(superposed[1], 32, 3, 30)


def test_known_directions_of_a_generated_superposition_are_found(superposed, coder):
    cosines = superposed[0] @ coder.decoder.numpy().T
    assert cosines.max(1).mean() >= 0.9


def test_it_is_what_its_weights_say(superposed, coder):
    """By hand in NumPy, from what a result keeps."""
    x, kept = superposed[1][:200].numpy(), coder.arrays()
    before = (x - kept["center"]) / kept["scale"] @ kept["encoder"].T + kept["bias"]
    code = np.zeros_like(before)
    for row, values in zip(code, before, strict=True):
        best = np.argsort(values)[-3:]
        row[best] = np.maximum(values[best], 0)
    x_hat = kept["center"] + kept["scale"] * code @ kept["decoder"]
    again = coder_from(kept)
    found = again.encode(torch.from_numpy(x))
    assert np.allclose(found.numpy(), code, atol=1e-5)
    assert np.allclose(again.decode(found).numpy(), x_hat, atol=1e-5)
    assert np.allclose(np.linalg.norm(kept["decoder"], axis=1), 1, atol=1e-5)


def test_no_more_than_k_are_active_and_k_where_as_many_are_excited(superposed, coder):
    x = superposed[1][:2000]
    before = (x - coder.center) / coder.scale @ coder.encoder.T + coder.bias
    many = (coder.encode(x) > 0).sum(1)
    assert torch.equal(many, (before > 0).sum(1).clamp(max=3))
    assert float(many.float().mean()) > 2.5


def test_variance_explained_is_scikit_learns(superposed, coder):
    x = superposed[1][:3000]
    x_hat = coder.decode(coder.encode(x))
    r2 = r2_score(x.numpy(), x_hat.numpy(), multioutput="variance_weighted")
    assert explained(x, x_hat) == pytest.approx(100 * r2, abs=1e-3)
    train, test = superposed[1][:10_000], superposed[1][10_000:]
    for k, share in zip((1, 5), pca_explained(train, test, [1, 5]), strict=True):
        pca = PCA(k).fit(train.numpy())
        back = pca.inverse_transform(pca.transform(test.numpy()))
        r2 = r2_score(test.numpy(), back, multioutput="variance_weighted")
        assert share == pytest.approx(100 * r2, abs=1e-2)


def test_the_second_loss_revives(mnist):
    """Of 256 features for a layer of 128 units, 4 at a time, many die without it."""
    model = checkpoints.load(checkpoints.shipped()["first-ae"]).model
    x = layer_activity.activity_of(model, mnist, 1).train[:20_000]
    dead = [
        256 - ever_active(learnt(x, 256, 4, 4, revive), x, nothing).sum()
        for revive in (False, True)
    ]
    assert dead[1] < 0.5 * dead[0]


# Facts of features ---------------------------------------------------------------------------


def test_facts_are_counts(generator):
    codes = torch.randn(400, 6, generator=generator).relu()
    codes[:, 2] = 0
    codes[:380, 3] = 0
    labels = torch.randint(0, 3, (400,), generator=generator).numpy()
    facts, plain = features.facts_of(codes, labels), codes.numpy()
    assert facts["density"] == pytest.approx((plain > 0).mean(0))
    assert facts["counts"].sum(1).tolist() == (plain > 0).sum(0).tolist()
    for f in (0, 1, 4, 5):
        best = np.argsort(-plain[:, f])
        assert facts["top"][f].tolist() == best[:9].tolist()
        counts = np.bincount(labels[best[:50]], minlength=3)
        assert facts["purity"][f] == pytest.approx(2 * counts.max())
        assert counts[facts["kind"][f]] == counts.max()
        high = plain[:, f].max()
        expected = np.histogram(plain[plain[:, f] > 0, f], features.BINS, (0, high))[0]
        assert np.abs(facts["counts"][f] - expected).sum() <= 2  # on the border of two bins
    assert (facts["top"][2] == -1).all()
    assert np.isnan(facts["purity"][[2, 3]]).all()
    assert features.order_of(facts)[-1] == 3
    assert 2 not in features.order_of(facts)


def test_the_best_detector_is_scikit_learns(generator):
    codes = torch.randn(300, 5, generator=generator).relu()
    labels = torch.randint(0, 3, (300,), generator=generator).numpy()
    expected = [
        max(100 * roc_auc_score(labels == c, codes[:, f].numpy()) for f in range(5))
        for c in range(3)
    ]
    assert features.best_detectors(codes, labels) == pytest.approx(expected)


# A layer -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(digits) -> LatentModel:
    spec = ModelSpec("dense-ae", digits.spec, 3, {"hidden": (16,)})
    return build(spec, 0).eval()


def test_layers_are_counted_as_pages_count_them(model, digits):
    names = [layer_activity.layer_of(model, n + 1).name for n in range(len(stages_of(model)))]
    assert names == ["encoder, layer 1", "the code", "decoder, layer 1", "the output"]
    with pytest.raises(ConfigError, match="no layer 5"):
        layer_activity.layer_of(model, 5)
    x = digits.test.batch(slice(0, 20))
    x_hat = model.reconstruct(x)
    for number in range(1, 5):
        layer = layer_activity.layer_of(model, number)
        assert torch.allclose(layer.onward(layer.values(x)), x_hat, atol=1e-6)
    code = layer_activity.layer_of(model, 2)
    assert torch.allclose(code.values(x), model.encode(x).mu, atol=1e-6)


def test_what_a_feature_draws_and_reads(model, digits):
    """At the layer before a linear one the change in the code is the direction times its weights;
    at the output it is the direction itself."""
    here = layer_activity.activity_of(model, digits, 4)
    coder = learnt(here.train, 12, 2, 2)
    codes = codes_of(coder, here.test, nothing)
    top = features.facts_of(codes, None)["top"]
    drawn = features.drawings(here.layer, coder, codes, here.test, top, nothing)
    for f in range(12):
        rows = [r for r in top[f, : features.DRAWN] if r >= 0]
        strength = codes[rows, f].mean() if rows else 0.0
        expected = coder.scale * float(strength) * coder.decoder[f].numpy()
        assert np.allclose(drawn[f].ravel(), expected, atol=1e-5)
    first = layer_activity.layer_of(model, 1)
    reads = features.readings(first, learnt(first.values(digits.train.batch()), 20, 3, 1))
    assert reads is not None
    assert reads.shape == (20, *digits.spec.shape)
    assert features.readings(here.layer, coder) is None


def test_a_feature_that_is_left_as_it_is_changes_nothing(model, digits):
    layer = layer_activity.layer_of(model, 1)
    coder = learnt(layer.values(digits.train.batch()), 20, 3, 2)
    values = layer.values(digits.test.batch(slice(3, 4)))
    code = coder.encode(values)[0]
    f = int(code.argmax())
    strengths = np.array([0.0, float(code[f])])
    off, same = features.turned(layer, coder, values, f, strengths)
    assert np.allclose(same, layer.onward(values).numpy()[0], atol=1e-5)
    changed = values - coder.scale * code[f] * coder.decoder[f]
    assert np.allclose(off, layer.onward(changed).numpy()[0], atol=1e-5)


# The run -------------------------------------------------------------------------------------


def test_a_run_says_what_its_kept_weights_give(model, digits):
    one = experiment("sparse-features")
    card = None
    subject = LabSubject(digits, model, card)
    options = one.Options(width=48, active=4, also=(2, 8), epochs=5)
    about, found = About.of(subject), dict[str, Values]()
    for task in planned(one, options, about):
        *_, last = done(one, task, options, subject, LabControl())
        found[task.name] = last.values
    outcome, values = one.tell(options, about, found), found["features"]
    here = layer_activity.activity_of(model, digits, 1)
    coder = coder_from(values)
    x_hat = coder.decode(coder.encode(here.test))
    figure = outcome.figure("explained_4")
    assert figure is not None
    assert figure.value == pytest.approx(explained(here.test, x_hat), abs=1e-3)
    dead = outcome.figure("dead_train")
    assert dead is not None
    never = ~(coder.encode(here.train) > 0).any(0)
    assert dead.value == pytest.approx(100 * float(never.float().mean()))
    chart = outcome.chart("explained")
    assert chart is not None
    line = chart.line("sparse features")
    assert line is not None
    assert line.y[0] < line.y[1] < line.y[2]
    assert outcome.pictures[0].images.shape == (len(values["best"]), 11, *digits.spec.shape)
    assert str(values["mark"]) == layer_activity.mark_of(model)
