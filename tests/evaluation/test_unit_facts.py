"""Facts of units, against a plain forward pass with torch's own hooks and against numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from aecore.errors import AecoreError
from aecore.evaluation.unit_facts import BINS, NEARLY_SILENT, layer_facts
from aecore.models import build, registry
from aecore.models.blocks import leaves
from aecore.models.layers.kinds.top_k import TopK
from aecore.models.stages import activations, moved, stages_of
from aecore.types import ModelSpec


def made(spec: ModelSpec, seed: int = 0):
    model = build(spec)
    model.initialise(torch.Generator().manual_seed(seed))
    return model.eval()


def hooked(model, layer: nn.Module, x: torch.Tensor) -> tuple[np.ndarray, int]:
    """What leaves a layer while the model reconstructs, by a hook."""
    caught = []
    handle = layer.register_forward_hook(lambda _, given, out: caught.append(out))
    with torch.no_grad():
        model.reconstruct(x)
    handle.remove()
    out = caught[0]
    maps = out.shape[1] if out.ndim == 4 and out.shape[1] > 1 else 0
    return (out.amax((2, 3)) if maps else out.flatten(1)).numpy(), maps


def every_leaf(model):
    for part in ("encoder", "decoder"):
        network = getattr(model, f"{part}_network")()
        for leaf, layer in enumerate(leaves(network)):
            yield part, leaf, layer


SPECS = {
    "dense": ("dense-ae", 3, {"hidden": (16, 8)}),
    "smooth": ("dense-vae", 2, {"hidden": (12,), "activation": "tanh"}),
    "normalised": ("dense-ae", 3, {"hidden": (16,), "normalisation": "batch"}),
    "maps": ("conv-ae", 4, {"channels": (4, 6)}),
    "sparse": ("sparse-ae", 32, {"active": 5}),
}


@pytest.fixture(params=SPECS)
def model(request, digits):
    family, k, options = SPECS[request.param]
    return made(ModelSpec(family, digits.spec, k, options))


def test_every_layer_has_the_facts_that_hooks_and_numpy_find(model, digits):
    x = digits.test.batch(slice(None))
    for part, leaf, layer in every_leaf(model):
        expected, maps = hooked(model, layer, x)
        facts = layer_facts(model, digits.test, part, leaf, maps)
        n, width = expected.shape
        assert facts.examples == n
        order = -np.sort(-expected, axis=0)[:9].T
        np.testing.assert_allclose(facts.values, order, rtol=1e-5, atol=1e-6)
        at = expected[facts.top, np.arange(width)[:, None]]
        np.testing.assert_allclose(facts.values, at, rtol=1e-5, atol=1e-6)
        assert (facts.counts.sum(1) == n).all()
        for unit in range(0, width, 7):
            if np.ptp(expected[:, unit]) > 1e-3:
                counted = np.histogram(expected[:, unit], BINS)[0]
                assert np.abs(facts.counts[unit] - counted).sum() <= 4  # at the edges of bins
        computing = [m for p, i, m in every_leaf(model) if p == part and i <= leaf]
        computing = [m for m in computing if not isinstance(m, nn.Flatten | nn.Unflatten)]
        zero = bool(computing) and isinstance(computing[-1], nn.ReLU | TopK)
        threshold = 0 if zero else NEARLY_SILENT * np.abs(expected).max()
        assert facts.threshold == pytest.approx(threshold, rel=1e-5)
        np.testing.assert_allclose(
            facts.silent, (np.abs(expected) <= threshold).mean(0), atol=2 / n
        )


def test_a_layer_ends_behind_its_curve(digits):
    spec = ModelSpec("conv-ae", digits.spec, 4, {"channels": (4, 6), "normalisation": "batch"})
    names = [[type(layer).__name__ for layer in s.layers] for s in stages_of(made(spec))]
    maps = ["Conv2d", "BatchNorm2d", "ReLU"]
    back = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    assert names == [
        *(maps, maps, ["Flatten", "Linear"]),
        *(["Linear", "BatchNorm1d", "ReLU"], ["Unflatten", *back], ["ConvTranspose2d", "Sigmoid"]),
    ]


def test_the_most_exciting_are_of_the_first(digits, tiny_ae):
    model = made(tiny_ae)
    facts = layer_facts(model, digits.test, "encoder", 2, among=50)
    values = hooked(model, model.encoder[2], digits.test.batch(slice(None)))[0]
    assert facts.among == 50
    assert facts.examples == len(digits.test)
    np.testing.assert_array_equal(facts.values[:, 0], values[:50].max(0))


def test_only_as_many_examples_as_there_is_room_for(digits, tiny_ae, monkeypatch):
    monkeypatch.setattr("aecore.evaluation.unit_facts.MOST_VALUES", 16 * 40)
    facts = layer_facts(made(tiny_ae), digits.test, "encoder", 2)
    assert facts.examples == facts.counts[0].sum() == 40


def test_a_layer_that_is_too_wide_says_so(digits, tiny_ae, monkeypatch):
    monkeypatch.setattr("aecore.evaluation.unit_facts.MOST_UNITS", 15)
    with pytest.raises(AecoreError, match="16 units"):
        layer_facts(made(tiny_ae), digits.test, "encoder", 2)


@pytest.mark.parametrize("name", sorted(registry.all_families()))
def test_the_stages_of_every_family_do_what_its_networks_do(name, digits):
    family = registry.family(name)
    if family.closed_form or family.from_outside or not family.fits(digits.spec):
        pytest.skip("its layers are tried by the families above")
    model = made(ModelSpec(name, digits.spec, 5, {}))
    x = digits.test.batch(slice(0, 20))
    stages = stages_of(model)
    with torch.no_grad():
        found = activations(model, x, stages)
        code = model.encoder_network()(x)
        at = max(i for i, stage in enumerate(stages) if stage.part == "encoder")
        assert torch.equal(found[at], code)
        x_hat = model.decoder_network()(code[:, :5])
    torch.testing.assert_close(found[-1], x_hat)


def test_how_far_weights_moved_is_the_ratio_of_norms(digits, tiny_ae):
    model = made(tiny_ae)
    stage = stages_of(model)[0]
    before = [p.detach().clone() for p in stage.parameters]
    assert moved(before, stage) == 0
    with torch.no_grad():
        for p in stage.parameters:
            p.mul_(1.5)
    assert moved(before, stage) == pytest.approx(0.5)
