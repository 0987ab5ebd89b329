"""Torch, replay and the browser's engine give the same for random networks of every layer."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from aecore.errors import ExportError
from aecore.models.layers import parse_layer
from aecore.models.layers.tracing import trace
from aecore.pad.network import pack
from aecore.pad.replay import replay
from tests.browser.engine import Engine, in_node, in_page
from tests.models.layers.samples import SHAPES, TRACED, fill, networks

TOLERANCE = 1e-5
#: What keeps statistics may become part of the layer before: that depends on the pair.
FOLDED = [name for name, entry in TRACED.items() if entry.statistics.__name__ != "_none_kept"]


@pytest.fixture(scope="module")
def engine(request, tmp_path_factory):
    node = shutil.which("node")
    if node:
        opened = in_node(node, tmp_path_factory.mktemp("engine"))
    else:
        opened = in_page(request.getfixturevalue("chromium"))
    with opened as run:
        yield run


@torch.no_grad()
def compare(run: Engine, network: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    traced = trace(network, shape, "network")
    (ops,), weights = pack([traced.operations])
    after = network.eval()(x)
    assert tuple(after.shape[1:]) == traced.shape
    wanted = after.flatten(1).numpy()
    allowed = TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    assert np.abs(replay(ops, weights, x).numpy() - wanted).max() <= allowed
    assert np.abs(run(ops, weights, x.flatten(1).numpy()) - wanted).max() <= allowed


@settings(max_examples=300, deadline=None, derandomize=True)
@given(found=networks())
def test_random_networks(engine, found):
    compare(engine, *found)


@pytest.mark.parametrize("name", TRACED)
def test_every_layer_alone_and_before_what_is_folded_into_it(engine, name):
    """With the first and the last of all its settings, on every shape that it takes."""
    tried = 0
    for shape, place in itertools.product(SHAPES, (0, -1)):
        first = made(name, shape, place)
        if first is None:
            continue
        compare(engine, first, shape)
        after = tuple(first(torch.zeros(2, *shape)).shape[1:])
        for other in FOLDED if shape in (SHAPES[0], SHAPES[2], SHAPES[-1]) else ():
            second = made(other, after, place)
            if second is not None:
                compare(engine, nn.Sequential(first, second), shape)
        tried += 1
    assert tried


def made(name: str, shape: tuple[int, ...], place: int) -> nn.Module | None:
    layer = TRACED[name].sample(shape, lambda values: values[place])
    if layer is not None:
        fill(layer, torch.Generator().manual_seed(2))
        layer.eval()
    return layer


@pytest.mark.parametrize(
    ("line", "shape", "why"),
    [
        ("ConstantPad2d(1, 0.5)", (1, 4, 4), "another value than 0"),
        ("AdaptiveAvgPool2d(3)", (1, 4, 4), "divide evenly"),
        ("Upsample(scale_factor=2, mode='bicubic')", (1, 4, 4), "'bicubic' is not supported"),
        ("Residual(ReLU(), ConstantPad1d(1, 0.5))", (1, 4), "another value than 0"),
    ],
)
def test_what_the_browser_does_not_have_is_refused(line, shape, why):
    with pytest.raises(ExportError, match=why):
        trace(parse_layer(line), shape, "network")
