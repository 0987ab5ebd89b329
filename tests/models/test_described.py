"""Networks from outside: labels that they are told, second heads, decoders that came alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aecore.errors import ConfigError
from aecore.models import build
from aecore.models.blocks import each_layer, leaves
from aecore.models.layers import parse_layer
from aecore.models.sizes import sizes_of
from aecore.pad import export_network
from aecore.pad.replay import replay
from aecore.types import DataSpec, ModelSpec

IMAGE = DataSpec((1, 8, 8), "image", classes=10)
FLAT = {
    "encoder": ("Flatten()", "Told(10)", "Linear(74, 6)", "SecondHead('deviation')"),
    "decoder": ("Told(10, 5, True)", "Linear(8, 64, bias=False)", "Unflatten(1, 8, 8)"),
}
MAPS = {
    "encoder": ("Told(10, 3)", "Conv2d(4, 2, 3, padding=1)", "Flatten()", "Linear(128, 6)"),
    "decoder": ("Linear(3, 64)", "Unflatten(1, 8, 8)", "Told(10)", "Conv2d(11, 1, 3, padding=1)"),
}


@pytest.mark.parametrize("lines", [FLAT, MAPS], ids=["flat", "maps"])
@pytest.mark.parametrize("label", [None, 0, 7])
@torch.no_grad()
def test_a_label_said_for_good_is_the_label_told(lines, label):
    """The oracle joins the numbers by hand; the browser's operations give the same."""
    model = build(ModelSpec("described-conditional-vae", IMAGE, 3, lines), seed=1)
    x, z = torch.rand(4, 1, 8, 8), torch.randn(4, 3)
    labels = None if label is None else torch.full((4,), label)
    said = model if label is None else model.given(label)
    wanted, found = by_hand(model, x, z, label), (said.encode(x), said.decode(z))
    torch.testing.assert_close(torch.cat([found[0].mu, found[0].logvar], 1), wanted[0])
    torch.testing.assert_close(found[1], wanted[1])
    told = model.encode(x, labels), model.decode(z, labels)
    torch.testing.assert_close(told[0].mu, found[0].mu)
    torch.testing.assert_close(told[1], found[1])
    network = export_network(said)
    found = replay(network.meta["decoder"], network.weights, z)
    torch.testing.assert_close(found, wanted[1].flatten(1), rtol=0, atol=1e-5)


def by_hand(model, x, z, label):
    outputs = []
    for value, layers in ((x, model.encoder), (z, [*model.decoder, *model.output])):
        for layer in layers:
            if "Told" in type(layer).__name__:
                table = layer.weight if layer.width else torch.eye(10)
                more = table.mean(0) if label is None else table[label]
                more = more.reshape(1, -1, *[1] * (value.dim() - 2))
                more = more.expand(len(value), -1, *value.shape[2:])
                value = torch.cat([more, value] if layer.first else [value, more], 1)
            else:
                value = layer(value)
        outputs.append(value)
    return outputs


def test_weights_of_a_flat_network_are_seen_without_the_labels():
    model = build(ModelSpec("described-conditional-vae", IMAGE, 3, FLAT), seed=1)
    first = model.given(2).encoder_network()[1]
    assert isinstance(first, nn.Linear)
    assert first.weight.shape == (6, 64)
    assert torch.equal(first.weight, model.encoder[2].weight[:, :64])


@pytest.mark.parametrize(
    ("family", "encoder", "classes", "why"),
    [
        ("described-conditional-ae", ("Flatten()", "Linear(64, 3)"), 10, "put Told"),
        ("described-conditional-ae", ("Told(4)", "Flatten()", "Linear(320, 3)"), 10, "have 10"),
        ("described-conditional-ae", ("Told(10)", "Flatten()", "Linear(704, 3)"), 0, "have none"),
        ("described-ae", ("Told(10)", "Flatten()", "Linear(704, 3)"), 10, "told no label"),
    ],
)
def test_labels_that_do_not_fit_are_refused(family, encoder, classes, why):
    data = DataSpec((1, 8, 8), "image", classes=classes)
    options = {"encoder": encoder, "decoder": ("Linear(3, 64)",)}
    with pytest.raises(ConfigError, match=why):
        build(ModelSpec(family, data, 3, options))


@pytest.mark.parametrize(
    ("kind", "logvar"),
    [
        ("log-variance", lambda s: s),
        ("log-deviation", lambda s: (s.exp() ** 2).log()),
        ("deviation", lambda s: (s**2).log()),
        ("softplus deviation", lambda s: nn.functional.softplus(s).square().log()),
    ],
)
def test_a_second_head_says_the_variance_in_its_way(kind, logvar):
    x = torch.linspace(-3, 3, 24).reshape(3, 8)
    found = parse_layer(f"SecondHead({kind!r}, low=-2, high=1.5)")(x)
    torch.testing.assert_close(found[:, :4], x[:, :4])
    torch.testing.assert_close(found[:, 4:], logvar(x[:, 4:].clamp(-2, 1.5)))
    assert torch.isfinite(parse_layer(f"SecondHead({kind!r})")(torch.zeros(1, 2))).all()


def test_what_a_curve_precedes_is_counted_before_it():
    """A crop behind the sigmoid leaves cross-entropy possible: the logits are cropped alike."""
    decoder = ("Linear(3, 100)", "Unflatten(1, 10, 10)", "Sigmoid()", "Crop(1, 1, 8, 8)")
    model = build(ModelSpec("described-ae", IMAGE, 3, {"decoder": decoder, "loss": "bce"}), seed=1)
    x = torch.rand(2, 1, 8, 8).round()
    found = model.loss_terms(x).reconstruction
    x_hat = model.reconstruct(x)
    wanted = nn.functional.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(found, wanted)


def test_layers_within_others_are_found_and_counted():
    block = "Residual(Linear(6, 6), ReLU(), shortcut=(Linear(6, 6),))"
    encoder = ("Flatten()", "Linear(64, 6)", block, "Linear(6, 3)")
    spec = ModelSpec("described-ae", IMAGE, 3, {"encoder": encoder})
    model = build(spec, seed=1)
    names = [type(m).__name__ for m in each_layer(model.encoder_network())]
    assert names == ["Flatten", "Linear", "Linear", "ReLU", "Linear", "Residual", "Linear"]
    assert [type(m).__name__ for m in leaves(model.encoder_network())][2] == "Residual"
    assert (
        len({m.weight.detach().std().item() for m in model.modules() if isinstance(m, nn.Linear)})
        == 5
    )
    assert sizes_of(model).multiply_adds == 64 * 6 + (36 + 36 + 6) + 18 + 3 * 64


@pytest.mark.parametrize("side", [8, 60], ids=["few values", "many values"])
@torch.no_grad()
def test_a_decoder_alone_gets_an_encoder_of_its_own_drawings(side):
    """Of a linear decoder the regression is nearly its inverse."""
    data = DataSpec((1, side, side), "image")
    spec = ModelSpec("decoder-alone", data, 3, {"decoder": (f"Linear(3, {side**2})",)})
    model = build(spec, seed=1)
    assert not model.encodes
    model.fit_encoder(torch.Generator().manual_seed(0))
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.encode(model.decode(z)).mu, z, rtol=0, atol=0.01)
