"""Generated data: always the same, and what their factors say is what they show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aecore import datasets
from aecore.datasets.sources import shapes, signals


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("shapes", shapes.load_shapes),
        ("signals", signals.load_signals),
    ],
)
def test_always_the_same_whatever_else_draws(name, make):
    # Neither library's global generator is used or moved.
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = make()
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpys)
    data = datasets.load(name)
    assert again.fingerprint == data.fingerprint
    assert np.array_equal(again.factors.train, data.factors.train)
    assert torch.equal(again.test.labels, data.test.labels)


def test_shapes_stand_where_their_factors_say():
    data = datasets.load("shapes")
    x = data.test.batch()[:, 0].double()
    mass = x.sum((1, 2))
    grid = torch.arange(32) + 0.5
    centre = [(x.sum(1) * grid).sum(1) / mass, (x.sum(2) * grid).sum(1) / mass]
    names, factors = data.factors.names, torch.from_numpy(data.factors.test).double()
    assert names == ("x", "y", "scale", "rotation")
    even = data.test.labels <= 1  # a square's and an ellipse's centre is that of their mass
    for axis in (0, 1):
        assert (centre[axis][even] - factors[even, axis]).abs().max() < 0.1
    for kind, area in ((0, 4 * 0.85**2), (1, np.pi * 1.1 * 0.6)):
        rows = data.test.labels == kind
        ratio = mass[rows] / (area * factors[rows, 2] ** 2)
        assert (ratio - 1).abs().max() < 0.03
    edge = torch.cat([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]])
    assert edge.max() == 0


@pytest.mark.parametrize("kind", range(len(shapes.KINDS)))
def test_a_tenth_of_a_pixel_or_a_degree_changes_a_shape(kind):
    start = np.array([[16.0, 16.0, 6.0, 10.0]])
    for column, step in ((0, 0.1), (1, 0.1), (2, 0.1), (3, 1.0)):
        moved = start.copy()
        moved[0, column] += step
        both = shapes.draw(np.array([kind, kind]), np.concatenate([start, moved]))
        change = np.abs(both[0].astype(int) - both[1]).sum() / 255
        assert 0.05 < change < 5


@pytest.mark.parametrize("kind", range(len(shapes.KINDS)))
def test_no_two_rotations_look_alike(kind):
    degrees = np.linspace(*shapes.RANGES["rotation"], 17)  # 5 degrees apart
    factors = np.array([[16.0, 16.0, 8.0, d] for d in degrees])
    x = shapes.draw(np.full(17, kind), factors).reshape(17, -1) / 255.0
    distance = np.abs(x[:, None] - x[None]).sum(2)
    np.fill_diagonal(distance, np.inf)
    nearest = distance[np.arange(16), np.arange(1, 17)].min()
    assert distance.min() > 0.8 * nearest
    assert nearest > 2


def test_signals_are_what_their_factors_say():
    data = datasets.load("signals")
    normal = data.test.labels == 0
    x, (frequency, phase, amplitude) = data.test.x[normal], data.factors.test[normal].T[:, :, None]
    time = (np.arange(128) + 0.5) / 128 - 0.5
    want = 0.5 + amplitude * np.sin(2 * np.pi * frequency * time + phase)
    assert abs((x.numpy() - want).std() - signals.NOISE) < 1e-3
    assert data.factors.periods == (0, 2 * np.pi, 0)


def test_faults_are_rare_and_show():
    data = datasets.load("signals")
    for split, share in ((data.train, 0.02), (data.test, 0.10)):
        assert (split.labels > 0).double().mean() == pytest.approx(share)
        count = split.labels.bincount()[1:]
        assert count.max() - count.min() <= 1
    time = (np.arange(128) + 0.5) / 128 - 0.5
    frequency, phase, amplitude = data.factors.test.T[:, :, None]
    off = np.abs(
        data.test.x.numpy() - (0.5 + amplitude * np.sin(2 * np.pi * frequency * time + phase))
    )
    faulty = data.test.labels.numpy() > 0
    assert off[~faulty].max() < 0.06
    assert off[faulty].max(1).min() > 0.1
