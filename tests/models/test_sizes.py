"""What one example takes is found by shapes alone, and limited before memory is touched."""

from __future__ import annotations

import resource

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aecore.errors import CheckpointError, ConfigError
from aecore.evaluation.batches import BATCH_BYTES, EVALUATION_BATCH, batch_for
from aecore.models import build
from aecore.models.blocks import leaves
from aecore.models.layers import all_layers
from aecore.models.presets import PRESETS
from aecore.models.registry import shape_only
from aecore.models.sizes import MAX_VALUES, sizes_of
from aecore.runs import checkpoints
from aecore.types import DataSpec, ModelSpec, TrainConfig
from tests.models.layers.samples import ENTRIES, SHAPES, sample

IMAGE = DataSpec((1, 28, 28))
#: Networks of next to no weights that would take gigabytes, or hours: encoder, decoder, its word.
HUNGRY = {
    "enlarged": (
        ("Upsample(scale_factor=300)", "AdaptiveAvgPool2d(1)"),
        (),
        "values an example",
    ),
    "enlarged twice": (
        ("Upsample(size=(2000, 2000))", "Resize(9000, 9000)", "AdaptiveAvgPool2d(1)"),
        (),
        "values an example",
    ),
    "padded": (("Pad(1500)", "AdaptiveAvgPool2d(1)"), (), "values an example"),
    "adapted": (
        ("AdaptiveAvgPool2d(4000)", "AdaptiveAvgPool2d(1)"),
        (),
        "values an example",
    ),
    "many maps": (("Conv2d(1, 60000, 1)", "AdaptiveAvgPool2d(1)"), (), "values an example"),
    "many layers": (
        ("Upsample(size=(2048, 2048))", *("ReLU()",) * 100, "AdaptiveAvgPool2d(1)"),
        (),
        "MB on its way",
    ),
    "pooled": (
        ("Upsample(size=(800, 800))", "MaxPool2d(501, 1, 250)", "AdaptiveAvgPool2d(1)"),
        (),
        "multiply-adds",
    ),
    "convolved": (("Conv2d(1, 1, 2501, padding=1250)", "AdaptiveAvgPool2d(1)"), (), "multiply-"),
    "enlarged within": (
        ("Residual(Upsample(scale_factor=300), AdaptiveAvgPool2d(28))", "AdaptiveAvgPool2d(1)"),
        (),
        "values between",
    ),
    "convolved within": (
        ("Residual(Conv2d(1, 1, 2501, padding=1250))", "AdaptiveAvgPool2d(1)"),
        (),
        "multiply-",
    ),
    "around": (
        (
            *("Residual(ReLU(), shortcut=(Upsample(size=(2048, 2048)), AdaptiveAvgPool2d(28)))",)
            * 40,
            "AdaptiveAvgPool2d(1)",
        ),
        (),
        "MB on its way",
    ),
    "transposed": (
        (),
        ("Unflatten(1, 1, 1)", "ConvTranspose2d(1, 1, 6000)", "AdaptiveAvgPool2d(28)"),
        "values an example",
    ),
}


def spec_of(encoder: tuple[str, ...], decoder: tuple[str, ...]) -> ModelSpec:
    encoder = (*encoder, "Flatten()", "Linear(60000, 1)") if "60000" in str(encoder) else encoder
    return ModelSpec("described-ae", IMAGE, 1, {"encoder": encoder, "decoder": decoder})


@pytest.mark.parametrize("name", HUNGRY)
def test_networks_that_would_take_gigabytes_are_refused_at_once(name):
    encoder, decoder, word = HUNGRY[name]
    spec = spec_of(encoder, decoder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for make in (build, shape_only):
        with pytest.raises(ConfigError, match=word):
            make(spec)
    card = checkpoints.Card("mine", spec, TrainConfig(epochs=1), "mnist", "abc")
    tiny = build(ModelSpec("described-ae", IMAGE, 1), seed=0)
    with pytest.raises(CheckpointError, match=word):
        checkpoints.from_bytes(checkpoints.to_bytes(tiny, card))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


@pytest.mark.parametrize("name", sorted(ENTRIES))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_layer_says_what_shape_leaves_it(name, data):
    entry = all_layers()[name]
    for shape in SHAPES:
        layer = sample(data.draw, entry, shape)
        if layer is not None:
            with torch.inference_mode():
                found = tuple(layer(torch.zeros(2, *shape)).shape[1:])
            assert entry.after(layer, shape) == found, (layer, shape)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("kind", [torch.nn.MaxPool2d, torch.nn.AvgPool2d])
def test_pools_that_round_up(kind, ceil):
    for side in range(5, 12):
        for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 3, 0), (2, 3, 1), (4, 3, 2)):
            layer = kind(kernel, stride, padding, ceil_mode=ceil)
            found = tuple(layer(torch.zeros(1, 1, side, side)).shape[1:])
            assert all_layers()[kind.__name__].after(layer, (1, side, side)) == found


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_are_counted_as_they_run(preset):
    """Values of what really leaves each layer, of every family."""
    chosen = PRESETS[preset]
    shape = (1, 28, 28) if preset != "picture-128" else (3, 64, 64)
    model = build(chosen.spec(DataSpec(shape, classes=10)))
    seen: list[int] = [model.spec.data.size]
    encoder, decoder = model.encoder_network(), model.decoder_network()
    hooks = [
        layer.register_forward_hook(lambda m, given, out: seen.append(out[0].numel()))
        for layer in {id(x): x for half in (encoder, decoder) for x in leaves(half)}.values()
    ]
    with torch.inference_mode():
        encoder(torch.zeros(2, *shape))
        decoder(torch.zeros(2, model.spec.latent_dim))
    for hook in hooks:
        hook.remove()
    found = sizes_of(model)
    assert (found.largest, found.nbytes) == (max(seen), 4 * sum(seen))
    assert found.largest < MAX_VALUES


def test_batches_stay_within_their_bytes():
    small = build(ModelSpec("dense-ae", IMAGE, 4, {"hidden": (8,)}))
    assert batch_for(small) == EVALUATION_BATCH
    lines = ("Upsample(size=(2048, 2048))", "AdaptiveAvgPool2d(1)")
    large = build(ModelSpec("described-ae", IMAGE, 1, {"encoder": lines}))
    assert 1 <= batch_for(large) * sizes_of(large).largest * 4 * 3 <= BATCH_BYTES
