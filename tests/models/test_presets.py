"""The presets are the networks that the documentation names, layer by layer."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from aecore import datasets
from aecore.errors import ConfigError, UnknownNameError
from aecore.models import all_families, build
from aecore.models.presets import (
    LEAST_STEPS,
    MOST_EPOCHS,
    PRESETS,
    bare,
    preset,
    without_presets,
)
from aecore.training.events import EpochDone
from aecore.training.loop import train
from aecore.types import DataSpec

# Every Linear's (in, out), from x to z and back; a VAE's code layer gives mu and logvar at once.
LAYERS = {
    "fast-start": [(784, 128), (128, 32), (32, 128), (128, 784)],
    "first-ae": [(784, 128), (128, 32), (32, 128), (128, 784)],
    "deep-ae-3": [
        (784, 128),
        (128, 64),
        (64, 12),
        (12, 3),
        (3, 12),
        (12, 64),
        (64, 128),
        (128, 784),
    ],
    "deep-ae-32": [
        (784, 256),
        (256, 128),
        (128, 64),
        (64, 32),
        (32, 64),
        (64, 128),
        (128, 256),
        (256, 784),
    ],
    "vae-32": [(784, 256), (256, 128), (128, 64), (32, 128), (128, 256), (256, 784)],
    "vae-plane": [(784, 400), (400, 4), (2, 400), (400, 784)],
    "vae-textbook": [(784, 400), (400, 40), (20, 400), (400, 784)],
    "pca": [(784, 32), (32, 784)],
}
# loss, output, learning rate, batch size
CHOICES = {
    "fast-start": ("mse", "sigmoid", 3e-3, 64),
    "first-ae": ("mse", "linear", 1e-3, 128),
    "deep-ae-3": ("mse", "sigmoid", 1e-3, 128),
    "deep-ae-32": ("mse", "sigmoid", 1e-3, 128),
    "vae-32": ("bce", "sigmoid", 1e-3, 128),
    "vae-plane": ("bce", "sigmoid", 1e-3, 128),
    "vae-textbook": ("bce", "sigmoid", 1e-3, 128),
}


def linears(model) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, mnist):
    assert linears(build(preset(name).spec(mnist.spec))) == LAYERS[name]


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name, mnist):
    chosen = preset(name)
    model = build(chosen.spec(mnist.spec))
    loss, output, rate, batch = CHOICES[name]
    assert (model.options.loss, model.options.output) == (loss, output)
    assert (chosen.config.learning_rate, chosen.config.batch_size) == (rate, batch)
    assert (model.options.activation, model.options.init) == ("relu", "default")
    assert chosen.config.beta == 1
    assert model.variational == name.startswith("vae")


SHAPES = [
    DataSpec((1, 8, 8), classes=10),
    DataSpec((3, 31, 45), classes=3),
    DataSpec((128,), "signal"),
    DataSpec((13,), "table", 3),
]


@pytest.mark.parametrize("data", SHAPES, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_layers_adapt_to_the_data_and_the_code(name, data, generator):
    chosen = preset(name)
    if not chosen.fits(data):
        with pytest.raises(ConfigError):
            build(chosen.spec(data))
        return
    assert build(chosen.spec(data, latent_dim=5)).spec.latent_dim == 5
    model = build(chosen.spec(data))
    assert model.spec.latent_dim <= max(data.size // 2, 256 * model.wide_code)
    x = torch.rand(2, *data.shape, generator=generator)
    assert model.reconstruct(x).shape == x.shape
    if data.kind == "table":
        assert getattr(model.options, "output", "linear") == "linear"


def test_families_bring_the_shipped_presets_in_this_order():
    ours = [
        "fast-start",
        "first-ae",
        "deep-ae-3",
        "deep-ae-32",
        "vae-plane",
        "vae-textbook",
        "vae-32",
        "linear-ae",
        "linear-tied",
        "conv-ae",
        "conv-vae",
        "picture-128",
        "denoising-ae",
        "conv-denoising",
        "k-sparse",
        "sparse-l1",
        "sparse-kl",
        "contractive",
        "beta-vae",
        "beta-vae-capacity",
        "conditional-vae",
        "shapes-vae",
        "stacked",
        "stacked-random",
        "pca",
    ]
    assert [name for name in PRESETS if name in ours] == ours  # others may stand between
    assert len({p.place for p in PRESETS.values()}) == len(PRESETS)
    assert without_presets() == []  # what comes from files is not chosen by hand


@pytest.mark.parametrize("data", SHAPES, ids=str)
@pytest.mark.parametrize("name", all_families())
def test_a_bare_family_is_a_preset_too(name, data):
    chosen = bare(name)
    assert chosen.about
    if chosen.fits(data):
        model = build(chosen.spec(data))
        assert model.spec.latent_dim <= max(data.size // 2, 32 * model.wide_code)


@pytest.mark.parametrize("name", [p.name for p in PRESETS.values() if p.beside])
def test_beside_is_the_same_network(name, mnist):
    one, other = (build(preset(n).spec(mnist.spec)) for n in (name, preset(name).beside))
    assert linears(one) == linears(other)
    assert preset(preset(name).beside).config == preset(name).config


@pytest.mark.parametrize("name", PRESETS)
def test_explained_in_a_sentence(name):
    chosen = preset(name)
    assert chosen.about.endswith(".")
    assert 0 < len(chosen.title) <= 40
    chosen.config.check()


def test_unknown_preset_lists_the_known():
    with pytest.raises(UnknownNameError, match="vae-plane"):
        preset("vae-plain")


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"pca"}))
def test_few_examples_are_trained_on_for_enough_steps(name):
    chosen = preset(name)
    for examples in (1, 50, 142, 1500, 9000, 60_000):
        config = chosen.training(examples).check()
        steps = config.epochs * -(-examples // config.batch_size)
        assert steps >= LEAST_STEPS or config.epochs >= MOST_EPOCHS
        assert config.epochs <= max(MOST_EPOCHS, chosen.config.epochs)
        assert config.batch_size <= chosen.config.batch_size
        assert config.learning_rate == chosen.config.learning_rate
    whole = dataclasses.replace(chosen.config, epochs=chosen.training(60_000).epochs)
    assert chosen.training(60_000) == whole


@pytest.mark.parametrize("data", ["digits", "wine", "breast-cancer", "diabetes"])
def test_fast_start_comes_near_pca_or_passes_it_on_few_examples(data):
    chosen, data = preset("fast-start"), datasets.load(data)
    config = dataclasses.replace(chosen.training(len(data.train)), device="cpu")
    *_, last = (e for e in train(chosen.spec(data.spec, 4), config, data) if type(e) is EpochDone)
    assert last.metrics["mse"] < 1.15 * last.pca_test_mse
