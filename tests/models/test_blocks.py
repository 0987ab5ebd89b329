"""First weights against their definitions and PyTorch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from aecore.models.blocks import ACTIVATIONS, INITS, dense_stack, fans, initialise


def filled(init: str, n_in: int = 400, n_out: int = 300) -> nn.Linear:
    layer = nn.Linear(n_in, n_out)
    initialise(layer, init, torch.Generator().manual_seed(0))
    return layer


def ks_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference of two samples' distribution functions."""
    a, b = a.flatten().sort().values, b.flatten().sort().values
    points = torch.cat([a, b])
    shares = (torch.searchsorted(s, points, right=True) / len(s) for s in (a, b))
    return float((next(shares) - next(shares)).abs().max())


def test_default_is_distributed_as_pytorchs():
    torch.manual_seed(0)
    theirs, own = nn.Linear(400, 300), filled("default")
    assert ks_distance(theirs.weight.detach(), own.weight.detach()) < 0.01
    assert own.weight.abs().max() <= 1 / 20
    assert own.bias.abs().max() <= 1 / 20
    assert float(own.bias.detach().std()) == pytest.approx(1 / 20 / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("xavier", math.sqrt(2 / 700)),
        ("kaiming", math.sqrt(2 / 400)),
        ("small_normal", 0.02),
        ("zeros", 0.0),
    ],
)
def test_spread(init, std):
    layer = filled(init)
    assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.02)
    assert not layer.bias.any()


def test_orthogonal():
    weight = filled("orthogonal").weight.detach()
    torch.testing.assert_close(weight @ weight.T, torch.eye(300), rtol=0, atol=1e-5)


@pytest.mark.parametrize("init", INITS)
def test_every_weight_is_set(init):
    stack = nn.Sequential(*dense_stack((20, 10, 5), "relu", "batch"), nn.LayerNorm(5))
    with torch.no_grad():
        for p in stack.parameters():
            p.fill_(torch.nan)
    initialise(stack, init, torch.Generator().manual_seed(0))
    assert all(torch.isfinite(p).all() for p in stack.parameters())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_what_they_are_called(name):
    x = torch.linspace(-3, 3, 61)
    expected = {
        "relu": x.clamp(min=0),
        "leaky_relu": torch.where(x > 0, x, 0.01 * x),
        "elu": torch.where(x > 0, x, x.exp() - 1),
        "gelu": x * torch.special.ndtr(x),
        "silu": x / (1 + (-x).exp()),
        "tanh": x.tanh(),
        "sigmoid": 1 / (1 + (-x).exp()),
    }
    torch.testing.assert_close(ACTIVATIONS[name]()(x), expected[name], rtol=1e-5, atol=1e-6)


def test_order_in_a_stack():
    kinds = [type(m) for m in dense_stack((4, 3, 2), "tanh", "layer")]
    assert kinds == [nn.Linear, nn.LayerNorm, nn.Tanh] * 2


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(5, 4), nn.Conv2d(6, 4, (3, 2), groups=2), nn.ConvTranspose2d(6, 4, 3)],
    ids=lambda layer: type(layer).__name__,
)
def test_fans_are_counted_as_pytorch_counts_them(layer):
    """Xavier's bound tells their sum, Kaiming's the first of them."""
    generator = torch.Generator().manual_seed(0)
    fan_in, fan_out = fans(layer.weight)
    many = nn.Parameter(torch.empty_like(layer.weight))
    reach = {"both": 0.0, "in": 0.0, "out": 0.0}
    for _ in range(200):
        nn.init.xavier_uniform_(many, generator=generator)
        reach["both"] = max(reach["both"], float(many.detach().abs().max()))
        for name in ("in", "out"):
            nn.init.kaiming_uniform_(
                many, mode=f"fan_{name}", nonlinearity="linear", generator=generator
            )
            reach[name] = max(reach[name], float(many.detach().abs().max()))
    assert reach["both"] == pytest.approx(math.sqrt(6 / (fan_in + fan_out)), rel=0.01)
    assert reach["in"] == pytest.approx(math.sqrt(3 / fan_in), rel=0.01)
    assert reach["out"] == pytest.approx(math.sqrt(3 / fan_out), rel=0.01)
