"""Contract: a layer is one file. One that lies in the tests is found wherever layers are read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from aecore.errors import ConfigError
from aecore.export.script import export_script, script_text
from aecore.export.script_model import wording
from aecore.export.subject import TOLERANCE, Subject
from aecore.figures.network import short
from aecore.inspection.judging.units import unit_findings, watch_units
from aecore.inspection.judging.untouched import layer_states
from aecore.models import build
from aecore.models.layers import kinds, parse_layer, registry, write_layer
from aecore.models.layers.tracing import multiply_adds
from aecore.pad import export_network
from aecore.pad.replay import replay
from aecore.runs.checkpoints import Card
from aecore.types import ModelSpec, TrainConfig

FOLDER = Path(__file__).parent / "newcomers" / "layers"
ENCODER = ("Flatten()", "PositiveLinear(64, 12)", "Arctangent()", "Linear(12, 3)")
DECODER = ("Linear(3, 12)", "Arctangent()", "PositiveLinear(12, 64)", "Sigmoid()")


@pytest.fixture(scope="module", autouse=True)
def newcomers():
    """The tests' folder beside the project's own, as if its file lay there."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "__path__", [*kinds.__path__, str(FOLDER)])
        patch.setattr(registry, "_entries", dict(registry._entries))
        yield
        for name in set(sys.modules) - before:
            if name.startswith(kinds.__name__):
                del sys.modules[name]


@pytest.fixture(scope="module")
def subject(newcomers, digits) -> Subject:
    options = {"encoder": ENCODER, "decoder": DECODER}
    spec = ModelSpec("described-ae", digits.spec, 3, options)
    card = Card("A newcomer", spec, TrainConfig(epochs=1), digits.name, digits.fingerprint)
    return Subject(build(spec, seed=1), card, digits)


@pytest.mark.parametrize("line", ["PositiveLinear(64, 12)", "Arctangent()"])
def test_a_line_is_read_and_written(line):
    assert write_layer(parse_layer(line)) == line
    with pytest.raises(ConfigError, match=r"Arctangent.*PositiveLinear"):
        parse_layer("Nobody()")


def test_its_weights_are_drawn_like_others(subject):
    first = dict(subject.model.named_parameters())["encoder.1.raw"].detach()
    assert 0.12 < float(first.abs().max()) <= 1 / 8  # PyTorch's bound for 64 values
    assert len(first.unique()) > 700


def test_it_leaves_for_the_browser_and_replay_runs_it(subject):
    network = export_network(subject.model)
    kinds_met = [(op["op"], op.get("kind")) for op in network.meta["encoder"]]
    assert kinds_met == [("linear", None), ("activation", "arctangent"), ("linear", None)]
    x = subject.x
    with torch.no_grad():
        z = subject.model.encode(x).mu
        x_hat = subject.model.decode(z)
    found = replay(network.meta["encoder"], network.weights, x)
    torch.testing.assert_close(found, z, rtol=0, atol=1e-5)
    found = replay(network.meta["decoder"], network.weights, z)
    torch.testing.assert_close(found, x_hat.flatten(1), rtol=0, atol=1e-5)


def test_the_script_brings_it_along(subject):
    text = script_text(subject, wording(subject))
    assert "class PositiveLinear(nn.Module):" in text
    assert "PositiveLinear(64, 12)," in text
    assert "            Arctangent()," in text
    assert export_script(subject).difference <= TOLERANCE


def test_the_check_up_counts_watches_and_lists_it(subject):
    model = subject.model
    assert multiply_adds(model) == (64 * 12 + 12 * 3, 3 * 12 + 12 * 64)
    lines = [state.line for state in layer_states(model)]
    assert lines == [
        "PositiveLinear(64, 12)",
        "Linear(12, 3)",
        "Linear(3, 12)",
        "PositiveLinear(12, 64)",
    ]
    with torch.no_grad():
        dict(model.named_parameters())["decoder.0.bias"][:2] = 1e4
    units = watch_units(model, subject.data.test, np.arange(100))
    assert [(u.curve, u.units, u.dead) for u in units[-1:]] == [("Arctangent", 12, 2)]
    assert [f.name for f in unit_findings(units)] == ["saturated-units"]


def test_it_is_a_stage_of_the_drawing(subject):
    assert short(subject.model) == "64-12-3-12-64"
