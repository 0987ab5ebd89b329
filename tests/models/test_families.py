"""What each family of the lessons is for, against what is known about it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from aecore.errors import ConfigError
from aecore.evaluation.metrics import evaluate
from aecore.models import LatentModel, build
from aecore.models.families.linear import principal_angles
from aecore.models.families.pca import basis_of
from aecore.models.families.sparse import atoms, kl_to_target
from aecore.models.presets import preset
from aecore.training.events import EpochDone, Failed, Finished
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig


@pytest.fixture(scope="module")
def x(digits):
    return digits.train.batch(slice(0, 16))


def trained(spec, data, **config):
    config = TrainConfig(**{"epochs": 40, "batch_size": 64, "device": "cpu"} | config)
    state = TrainState.fresh(spec, 0)
    events = list(train(spec, config, data, state=state))
    return state.model.eval(), events


@pytest.mark.parametrize("weights", ["untied", "tied"])
def test_linear_arrives_at_pca(weights, digits):
    """Baldi and Hornik 1989: the same error, the same subspace."""
    spec = ModelSpec("linear-ae", digits.spec, 4, {"weights": weights})
    model, _ = trained(spec, digits, epochs=120, learning_rate=3e-2, schedule="one-cycle")
    basis = basis_of(digits)
    assert evaluate(model, digits.test)["mse"] <= 1.01 * basis.mse(4)
    angles = principal_angles(model.decoder[0].weight.detach().numpy(), basis.components[:4])
    assert angles.max() < 20  # the last direction is found last


def test_principal_angles_of_known_planes():
    eye = np.eye(5)
    turned = np.stack([eye[0], np.cos(0.3) * eye[1] + np.sin(0.3) * eye[2]], 1)
    np.testing.assert_allclose(principal_angles(turned, eye[:2]), np.degrees([0.3, 0]), atol=1e-5)
    np.testing.assert_allclose(principal_angles(eye[:, 3:], eye[:2]), [90, 90])


@pytest.mark.parametrize("hidden", [(), (9,), (12, 7)])
def test_jacobian_is_the_exact_one(hidden, digits, x):
    spec = ModelSpec("contractive-ae", digits.spec, 3, {"hidden": hidden, "activation": "elu"})
    model = build(spec, 1)
    jacobian = vmap(jacrev(lambda v: model.encoder(v[None])[0]))(x)
    _, ours = model._code_and_jacobian(x)
    torch.testing.assert_close(ours, jacobian.flatten(1).square().sum(1), rtol=1e-4, atol=1e-6)


def test_contraction_contracts(digits):
    def moved(strength):
        options = {"hidden": (16,), "strength": strength}
        model, _ = trained(ModelSpec("contractive-ae", digits.spec, 4, options), digits, epochs=5)
        return evaluate(model, digits.test)["jacobian"]

    assert moved(10.0) < 0.5 * moved(0.0)


def test_k_sparse_keeps_the_strongest(digits, x):
    options = {"penalty": "k-sparse", "active": 5}
    model = build(ModelSpec("sparse-ae", digits.spec, 40, options), 0)
    code, everything = model.encode(x).mu, torch.relu(model.encoder[1](x.flatten(1)))
    assert ((code > 0).sum(1) <= 5).all()
    for kept, full in zip(code, everything, strict=True):
        assert torch.equal(kept.sort().values[-5:], full.sort().values[-5:])
    drawn = atoms(model, code)
    assert drawn.shape == (40, 1, 8, 8)


@pytest.mark.parametrize("penalty", ["l1", "kl"])
def test_a_stronger_penalty_leaves_fewer_on(penalty, digits):
    def firing(strength):
        options = {"penalty": penalty, "strength": strength}
        model, _ = trained(ModelSpec("sparse-ae", digits.spec, 40, options), digits, epochs=10)
        return evaluate(model, digits.test)["units_firing"]

    assert firing(3.0) < 0.7 * firing(0.0)


def test_kl_to_target_against_torch():
    code = torch.rand(50, 6, generator=torch.Generator().manual_seed(0))
    bernoulli = torch.distributions.Bernoulli
    expected = torch.distributions.kl_divergence(
        bernoulli(torch.full((6,), 0.05)), bernoulli(code.mean(0))
    ).sum()
    torch.testing.assert_close(kl_to_target(code, 0.05), expected)


@pytest.mark.parametrize("family", ["denoising-ae", "conv-denoising-ae"])
def test_denoising_sees_damage_and_is_held_against_the_clean(family, digits, x):
    model = build(ModelSpec(family, digits.spec, 8, {"level": 0.3}), 0)
    one, other = (model.damage(x, torch.Generator().manual_seed(s)) for s in (0, 1))
    assert not torch.equal(one, other)
    terms = model.loss_terms(x, torch.Generator().manual_seed(0))
    expected = (model.reconstruct(one) - x).square().flatten(1).sum(1)
    torch.testing.assert_close(terms.reconstruction, expected)
    figures = evaluate(model, digits.test)
    assert {"denoised_mse", "damaged_mse"} <= set(figures)


def test_denoising_removes_noise(digits):
    spec = ModelSpec("denoising-ae", digits.spec, 32, {"level": 0.3, "hidden": (64,)})
    model, _ = trained(spec, digits, epochs=20, learning_rate=3e-3)
    figures = evaluate(model, digits.test)
    assert figures["denoised_mse"] < 0.6 * figures["damaged_mse"]


def test_conditional_draws_the_digit_that_it_is_told(digits):
    options = {"hidden": (64,)}
    spec = ModelSpec("conditional-vae", digits.spec, 2, options)
    model, _ = trained(spec, digits, epochs=30, learning_rate=3e-3)
    means = torch.stack(
        [digits.train.batch(torch.where(digits.train.labels == c)[0]).mean(0) for c in range(10)]
    ).flatten(1)
    style = torch.zeros(1, 2)
    for label in range(10):
        drawn = model.decode(style, torch.tensor([label])).flatten(1)
        assert int(torch.cdist(drawn, means).argmin()) == label
        said = model.given(label)
        torch.testing.assert_close(said.decode(style).flatten(1), drawn, rtol=1e-4, atol=1e-5)
        x, labels = digits.test.batch(slice(0, 4)), torch.full((4,), label)
        torch.testing.assert_close(said.encode(x).mu, model.encode(x, labels).mu)
        torch.testing.assert_close(said.reconstruct(x), model.reconstruct(x, labels))


def test_a_model_told_a_label_is_a_model(digits):
    """The whole interface, and the weights of the one that is told."""
    model = build(ModelSpec("conditional-vae", digits.spec, 2, {"hidden": (16,)}), 1)
    said, x = model.given(3), digits.test.batch(slice(0, 4))
    assert isinstance(said, LatentModel)
    assert (said.conditional, said.variational, said.label) == (False, True, 3)
    assert said.parameter_count() == model.parameter_count()
    assert not said.training
    seeds = (torch.Generator().manual_seed(2) for _ in range(2))
    ours, theirs = (
        said.loss_terms(x, next(seeds)),
        model.loss_terms(x, next(seeds), torch.full((4,), 3)),
    )
    assert torch.equal(ours.reconstruction, theirs.reconstruction)
    assert torch.equal(said.encoder_network()(x).chunk(2, 1)[0], said.encode(x).mu)
    assert evaluate(said, digits.test.first(8))["nelbo"] > 0


def test_conditional_without_labels():
    with pytest.raises(ConfigError, match="label"):
        build(ModelSpec("conditional-vae", DataSpec((1, 8, 8)), 2))


def test_stacked_trains_one_layer_after_the_other(digits):
    options = {"hidden": (32, 16), "pretrain_epochs": 1}
    spec = ModelSpec("stacked-ae", digits.spec, 4, options)
    state = TrainState.fresh(spec, 0)
    before = {k: v.clone() for k, v in state.model.state_dict().items()}
    changed = []
    for event in train(spec, TrainConfig(epochs=4, device="cpu"), digits, state=state):
        if isinstance(event, EpochDone):
            now = state.model.state_dict()
            weights = [k for k in now if k.endswith("weight")]
            moved = [k for k in weights if not torch.equal(now[k], before[k])]
            changed.append({k.removesuffix(".weight") for k in moved})
            before = {k: v.clone() for k, v in now.items()}
    assert changed[0] == {"encoder.1", "decoder.4"}
    assert changed[1] == {"encoder.3", "decoder.2"}
    assert changed[2] == {"encoder.5", "decoder.0"}
    assert len(changed[3]) == 6


@pytest.mark.parametrize(
    ("size", "channels"), [((28, 28), (4, 8, 8)), ((7, 9), (4, 4)), ((3, 5), (4,))]
)
@pytest.mark.parametrize("enlarging", ["transposed", "upsampling"])
def test_convolutions_of_any_size(size, channels, enlarging, generator):
    data = DataSpec((3, *size))
    model = build(ModelSpec("conv-ae", data, 4, {"channels": channels, "enlarging": enlarging}))
    x = torch.rand(2, 3, *size, generator=generator)
    assert model.reconstruct(x).shape == x.shape


def test_a_colour_picture_becomes_128_numbers(generator):
    model = build(preset("picture-128").spec(DataSpec((3, 256, 256))))
    x = torch.rand(1, 3, 256, 256, generator=generator)
    assert model.encode(x).mu.shape == (1, 128)
    assert model.reconstruct(x).shape == x.shape


@pytest.mark.parametrize(
    ("data", "channels", "words"),
    [
        (DataSpec((13,), "table"), (8,), "dense model"),
        (DataSpec((1, 8, 8)), (4, 4, 4, 4), "at most 3"),
        (DataSpec((1, 8, 8)), (), "at least one"),
    ],
)
def test_impossible_convolutions(data, channels, words):
    with pytest.raises(ConfigError, match=words):
        build(ModelSpec("conv-ae", data, 2, {"channels": channels}))


# Mistakes on purpose


@pytest.mark.parametrize(
    ("mistake", "words"), [("no flattening", r"ends in 8, not 64"), ("loss on the code", "64")]
)
def test_what_cannot_run_is_explained_with_its_shapes(mistake, words, digits):
    with pytest.raises(ConfigError, match=words):
        build(ModelSpec("dense-ae", digits.spec, 3, {"mistake": mistake}))


@pytest.mark.parametrize(
    "options",
    [{"output": "linear", "loss": "bce"}, {"init": "zeros"}, {"mistake": "loss on the code"}],
    ids=str,
)
def test_what_runs_badly_runs(options, digits):
    k = 64 if "mistake" in options else 3
    _, events = trained(ModelSpec("dense-ae", digits.spec, k, options), digits, epochs=3)
    assert isinstance(events[-1], Finished)


def test_a_capacity_is_reached(digits):
    spec = ModelSpec("dense-vae", digits.spec, 4, {"hidden": (32,)})
    model, events = trained(spec, digits, epochs=30, beta=50.0, capacity=3.0, kl_warmup_epochs=10)
    assert not isinstance(events[-1], Failed)
    assert evaluate(model, digits.test)["kl"] == pytest.approx(3.0, abs=0.6)


def test_one_cycle_ends_quietly(digits):
    config = TrainConfig(epochs=3, schedule="one-cycle", device="cpu")
    spec = dataclasses.replace(preset("fast-start").spec(digits.spec))
    same = [list(train(spec, config, digits))[-1].summary["metrics"]["mse"] for _ in range(2)]
    assert same[0] == same[1]
