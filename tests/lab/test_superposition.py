"""The toy of superposition: its gradient beside autograd's, its shapes beside known ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiments import superposition as toy
from aecore.lab.registry import experiment
from aecore.lab.running import done, planned


def turned(*degrees: float, length: float = 1.0) -> np.ndarray:
    angles = np.radians(degrees)
    return length * np.stack([np.cos(angles), np.sin(angles)], 1)


def test_the_gradient_is_autograds(generator):
    toys = toy._Toys(generator, 0.4, 10)
    x = toys._draw(50)
    weights = toys.weights.clone().requires_grad_()
    w = weights[:, : toy.FEATURES * toy.NUMBERS].view(toy.COPIES, toy.FEATURES, toy.NUMBERS)
    x_hat = torch.relu(x @ w @ w.transpose(1, 2) + weights[:, None, toy.FEATURES * toy.NUMBERS :])
    importance = 0.9 ** torch.arange(5)
    ((x_hat - x).square() * importance).mean((1, 2)).sum().backward()
    assert torch.allclose(toys.gradient(x), weights.grad, atol=1e-7)


def test_steps_are_adams(generator):
    toys = toy._Toys(generator, 1.0, 100)
    weights = toys.weights.clone().requires_grad_()
    adam = torch.optim.Adam([weights], toy.RATE)
    state = generator.get_state()
    for step in range(5):
        adam.param_groups[0]["lr"] = toy.RATE * 0.5 * (1 + np.cos(np.pi * step / 100))
        before = toys.weights.clone()
        toys.weights.copy_(weights.detach())
        weights.grad = toys.gradient(toys._draw(toy.BATCH))
        toys.weights.copy_(before)
        adam.step()
        generator.set_state(state)
        toys.step(step)
        state = generator.get_state()
        assert torch.allclose(toys.weights, weights.detach(), atol=1e-6)


def test_shapes_are_known():
    assert toy.is_pentagon(turned(10, 82, 154, 226, 298))
    assert not toy.is_pentagon(turned(0, 90, 180, 270, 45))
    assert not toy.is_pentagon(turned(0, 72, 144, 216, 288, length=0.3))
    assert toy.angles_between(turned(300, 20, 140)) == pytest.approx([80, 120, 160], abs=1e-4) or (
        sorted(toy.angles_between(turned(300, 20, 140))) == pytest.approx([80, 120, 160], abs=1e-4)
    )


def test_rare_features_share_the_room():
    """Two of five are kept while all are there at once; rare ones bend into pentagons."""
    one = experiment("superposition")
    options = toy.SuperpositionOptions(sparsities=(0, 90), steps=1000)
    found = {}
    for task in planned(one, options, About()):
        *_, last = done(one, task, options, LabSubject(), LabControl())
        found[task.name] = last.values
    kept = {name: np.array(values["kept"]) for name, values in found.items()}
    assert kept["0"][2:4].sum() >= 60
    assert kept["90"][5] >= 32
    assert found["90"]["pentagons"] >= 32
    assert found["0"]["pentagons"] == 0
