"""The quick step against PyTorch's own Adam, to the last bit."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from aecore.training.optimiser import Adam


def network(generator: torch.Generator) -> nn.Sequential:
    made = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.BatchNorm1d(40), nn.Linear(40, 3))
    with torch.no_grad():
        for p in made.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return made


@pytest.mark.parametrize("resumed", [False, True])
def test_advance_is_step(resumed, generator):
    own = network(generator)
    theirs = copy.deepcopy(own)
    quick = Adam(own.parameters(), 1e-2)
    plain = torch.optim.Adam(theirs.parameters(), lr=1e-2, fused=True)
    for step in range(12):
        if step == 6:
            for optimizer in (quick, plain):
                optimizer.param_groups[0]["lr"] = 3e-3
            if resumed:
                kept = copy.deepcopy(quick.state_dict())
                quick = Adam(own.parameters(), 1.0)
                quick.load_state_dict(kept)
        x = torch.randn(16, 6, generator=generator)
        own(x).square().mean().backward()
        quick.advance()
        plain.zero_grad()
        theirs(x).square().mean().backward()
        plain.step()
        assert all(p.grad is None for p in own.parameters())
    for a, b in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    ours, other = quick.state_dict(), plain.state_dict()
    for index, memory in other["state"].items():
        for key, value in memory.items():
            assert torch.equal(ours["state"][index][key], value)


def test_weights_that_took_fewer_steps_count_their_own(generator):
    own = network(generator)
    theirs = copy.deepcopy(own)
    quick = Adam(own.parameters(), 1e-2)
    plain = torch.optim.Adam(theirs.parameters(), lr=1e-2, fused=True)
    for step in range(12):
        x = torch.randn(16, 6, generator=generator)
        for model in (own, theirs):
            (model[:3](x) if step in (0, 1, 6) else model(x)).square().mean().backward()
        quick.advance()
        plain.step()
        plain.zero_grad()
    for a, b in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    counts = {float(state["step"]) for state in quick.state.values()}
    assert counts == {9, 12}


def test_weights_without_a_gradient_stay(generator):
    model = network(generator)
    optimizer = Adam(model.parameters(), 1e-2)
    before = model[3].weight.clone()
    for _ in range(3):
        model[:3](torch.randn(4, 6, generator=generator)).sum().backward()
        optimizer.advance()
    assert torch.equal(model[3].weight, before)
    model(torch.randn(4, 6, generator=generator)).sum().backward()
    optimizer.advance()
    assert not torch.equal(model[3].weight, before)


def test_the_same_list_again_is_the_same_step(generator):
    """With other values in the same tensors; another list, or a loaded memory, is not taken."""
    own = network(generator)
    theirs = copy.deepcopy(own)
    quick = Adam(own.parameters(), 1e-2)
    plain = torch.optim.Adam(theirs.parameters(), lr=1e-2, fused=True)
    gradients = [torch.zeros_like(p) for p in own.parameters()]
    took = []
    for step in range(9):
        for gradient, p in zip(gradients, theirs.parameters(), strict=True):
            gradient.normal_(generator=generator)
            p.grad = gradient.clone()
        plain.step()
        if step == 6:
            quick.load_state_dict(copy.deepcopy(quick.state_dict()))
        with torch.inference_mode():
            again = quick.advance_again(gradients)
        took.append(again)
        if not again:
            quick.advance(gradients)
        assert not quick.advance_again(list(gradients))
    assert took == [False, False, True, True, True, True, False, False, True]
    for a, b in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert {float(state["step"]) for state in quick.state_dict()["state"].values()} == {9}
