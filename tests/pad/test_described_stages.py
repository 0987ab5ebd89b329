"""Stages, and where they lie in the browser: the same values leave both, for random networks."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from torch import nn

from aecore.models.layers.kinds.branches import Residual
from aecore.models.layers.kinds.told import Told
from aecore.models.layers.kinds.top_k import TopK
from aecore.models.layers.tracing import trace
from aecore.models.stages import stages_in
from aecore.pad.described import described_half
from aecore.pad.network import pack
from aecore.pad.replay import replay
from tests.models.layers.samples import networks


@settings(max_examples=150, deadline=None, derandomize=True)
@given(found=networks())
@torch.no_grad()
def test_what_leaves_a_stage_is_what_its_last_operation_gives(found):
    network, shape = found
    network.eval()
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    stages = stages_in("encoder", network)
    assert [layer for stage in stages for layer in stage.layers] == list(network)
    traced = trace(network, shape, "encoder")
    (ops,), weights = pack([traced.operations])
    described = {one.stage.leaf: one for one in described_half("encoder", network, traced)}
    end, now = 0, x
    for stage in stages:
        now = stage(now)
        one = described.get(stage.leaf)
        if one is not None:
            assert one.first == end
            end = one.end
            assert np.prod(one.shape) == now[0].numel()
        wanted = now.flatten(1).numpy()
        allowed = 1e-4 * max(1.0, float(np.abs(wanted).max()))
        given_ = replay(ops[:end], weights, x).numpy()
        assert np.abs(given_ - wanted).max() <= allowed
    assert end == len(ops)


def test_a_curve_belongs_to_the_block_before_it_and_a_label_is_a_layer_of_its_own():
    network = nn.Sequential(
        *(nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()),
        *(nn.MaxPool2d(2), Residual(nn.Conv2d(2, 2, 1), nn.ReLU()), nn.ReLU(), nn.Flatten()),
        *(Told(3), nn.Linear(11, 6), nn.Dropout(), nn.ReLU(), TopK(2), nn.Unflatten(1, (6, 1))),
    )
    names = [[type(layer).__name__ for layer in s.layers] for s in stages_in("encoder", network)]
    assert names == [
        ["Unflatten", "Conv2d", "BatchNorm2d", "ReLU"],
        ["MaxPool2d"],
        ["Residual", "ReLU"],
        ["Flatten", "Told"],
        ["Linear", "Dropout", "ReLU", "TopK", "Unflatten"],
    ]
