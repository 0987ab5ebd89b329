"""A past epoch travels small and comes back near enough; a small network exactly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from aecore.errors import ExportError
from aecore.models import registry
from aecore.pad import EpochFrame, build_bundle, export_network, pack_frame
from aecore.pad.epoch_frame import BUDGET, unpacked_weights
from aecore.pad.replay import replay
from aecore.types import DataSpec, ModelSpec


def bundle_of(network, points: int = 3000):
    k = network.meta["latent_dim"]
    codes = np.random.default_rng(0).normal(size=(points, k)).astype(np.float32)
    return build_bundle(network, model_id="m", model_name="m", codes=codes), codes


def moved(network, by: float, seed: int = 1):
    """The same network some epochs before: each weight somewhere else, by a share of its row."""
    noise = np.random.default_rng(seed).standard_t(5, len(network.weights))
    weights = (network.weights + by * noise * np.abs(network.weights).mean()).astype(np.float32)
    return dataclasses.replace(network, weights=weights)


def dense(shape=(1, 28, 28), hidden=(400,), k=2):
    return export_network(
        registry.build(ModelSpec("dense-vae", DataSpec(shape), k, {"hidden": hidden}), seed=0)
    )


def test_a_small_network_comes_exactly():
    network = dense((1, 8, 8), (400,))
    bundle, codes = bundle_of(network, 300)
    past = moved(network, 1.0)
    frame = pack_frame(bundle, EpochFrame(3, codes + 1, past))
    assert frame.meta["packed"] == []
    np.testing.assert_array_equal(unpacked_weights(network.weights, frame), past.weights)
    np.testing.assert_array_equal(frame.arrays["frame_codes"], (codes + 1).ravel())


@pytest.mark.parametrize("by", [0.02, 0.1, 0.3])
def test_the_plane_vae_comes_within_its_budget_and_draws_the_same(by):
    network = dense()
    bundle, codes = bundle_of(network)
    past = moved(network, by)
    frame = pack_frame(bundle, EpochFrame(3, codes, past))
    assert 0.7 * BUDGET <= frame.size <= BUDGET
    found = unpacked_weights(bundle.arrays["w"], frame)
    z = torch.from_numpy(codes[:200])
    drawn = replay(network.meta["decoder"], found, z)
    expected = replay(network.meta["decoder"], past.weights, z)
    before = replay(network.meta["decoder"], network.weights, z)
    error = (drawn - expected).abs().mean().item()
    assert error <= 0.004
    assert error <= 0.2 * (before - expected).abs().mean().item()


def test_convolutions_come_as_steps_too():
    network = export_network(registry.build(ModelSpec("conv-vae", DataSpec((1, 28, 28)), 8), 0))
    bundle, codes = bundle_of(network)
    past = moved(network, 0.2)
    frame = pack_frame(bundle, EpochFrame(1, codes, past))
    found = unpacked_weights(bundle.arrays["w"], frame)
    assert np.abs(found - past.weights).mean() < 0.2 * np.abs(network.weights - past.weights).mean()


def test_what_did_not_move_takes_no_room_and_what_is_broken_comes_as_it_is():
    network = dense()
    bundle, codes = bundle_of(network)
    same = pack_frame(bundle, EpochFrame(1, codes, network))
    np.testing.assert_array_equal(unpacked_weights(network.weights, same), network.weights)
    assert same.size < 60_000
    weights = network.weights.copy()
    weights[7] = np.nan
    broken = pack_frame(bundle, EpochFrame(1, codes, dataclasses.replace(network, weights=weights)))
    np.testing.assert_array_equal(unpacked_weights(network.weights, broken), weights)


def test_frames_of_something_else_are_refused():
    network = dense((1, 8, 8), (9,))
    bundle, codes = bundle_of(network, 50)
    with pytest.raises(ExportError, match="Epoch 4 has codes of shape"):
        pack_frame(bundle, EpochFrame(4, codes[:9]))
    with pytest.raises(ExportError, match=r"Epoch 4 has .* weights, expected"):
        pack_frame(bundle, EpochFrame(4, codes, dense((1, 8, 8), (10,))))
    assert pack_frame(bundle, EpochFrame(4, codes)).meta["packed"] is None
