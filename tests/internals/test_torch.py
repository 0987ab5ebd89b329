"""The private kernels of PyTorch are there, and do what its public function does."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from aecore.internals import torch as internals
from aecore.training.optimiser import Adam


def test_this_pytorch_has_the_kernels():
    """Without them training still works, slower: then the reason to reach inside is gone too."""
    assert callable(internals._foreach_add)
    assert callable(internals._fused_adam)
    assert callable(internals._onednn_linear)


def tensors(generator: torch.Generator) -> tuple[list, ...]:
    """Parameters, gradients, both memories and counters of three weights."""
    shapes = [(5, 7), (7,), (2, 3, 4)]

    def drawn() -> list[torch.Tensor]:
        return [torch.randn(shape, generator=generator) for shape in shapes]

    squares = [value.square() for value in drawn()]
    return drawn(), drawn(), drawn(), squares, [torch.tensor(float(n)) for n in (3, 0, 12)]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_kernels_equal_the_public_function(weight_decay, generator, monkeypatch):
    private = tensors(generator)
    public = copy.deepcopy(private)
    settings = {"learning_rate": 1e-2, "betas": (0.8, 0.99), "eps": 1e-8}
    for _ in range(3):
        internals.fused_adam_step(*private, weight_decay=weight_decay, **settings)
    monkeypatch.setattr(internals, "_fused_adam", None)
    for _ in range(3):
        internals.fused_adam_step(*public, weight_decay=weight_decay, **settings)
    for ours, theirs in zip(private, public, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert torch.equal(a, b)
    assert [float(n) for n in private[-1]] == [6, 3, 15]


def test_training_goes_on_without_the_kernels(generator, monkeypatch):
    monkeypatch.setattr(internals, "_fused_adam", None)
    own = nn.Linear(6, 3)
    theirs = copy.deepcopy(own)
    quick = Adam(own.parameters(), 1e-2)
    plain = torch.optim.Adam(theirs.parameters(), lr=1e-2, fused=True)
    for _ in range(4):
        x = torch.randn(16, 6, generator=generator)
        own(x).square().mean().backward()
        quick.advance()
        plain.zero_grad()
        theirs(x).square().mean().backward()
        plain.step()
    for a, b in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_onednns_product_is_a_product(generator):
    x, weight, bias = (torch.randn(s, generator=generator) for s in ((20, 9), (7, 9), (7,)))
    torch.testing.assert_close(internals.onednn_product(x, weight, bias), x @ weight.T + bias)
    turned = internals.onednn_product(x.T, torch.randn(5, 20, generator=generator), None)
    assert turned.shape == (9, 5)


def test_a_generator_is_known_again_in_a_dispatcher(generator):
    """It comes as another object there."""
    seen = []

    class Looking(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.extend((kwargs or {}).values())
            return func(*args, **(kwargs or {}))

    with Looking():
        torch.empty(2).normal_(generator=generator)
    assert any(internals.same_generator(value, generator) for value in seen)
    assert not any(internals.same_generator(value, torch.Generator()) for value in seen)
