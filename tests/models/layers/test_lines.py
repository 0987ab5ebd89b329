"""A layer written as a line and read again is the same layer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from aecore.errors import ConfigError
from aecore.export.layer_source import call_of
from aecore.models.layers import (
    all_layers,
    parse_layer,
    parse_layers,
    readable_layers,
    shape_after,
    write_layer,
)
from aecore.models.layers.lines import MAX_LINE
from tests.models.layers.samples import ENTRIES, SHAPES, layers

#: What PyTorch's own print leaves out ceil_mode or align_corners of.
UNSAID = {"AvgPool1d", "AvgPool2d", "Upsample"}
X = torch.Generator().manual_seed(5)


@torch.no_grad()
def same(mine: nn.Module, other: nn.Module, shape: tuple[int, ...]) -> None:
    """That two layers hold the same tensors, and give the same."""
    other.to_empty(device="cpu").load_state_dict(mine.state_dict())
    x = torch.randn(2, *shape, generator=X)
    torch.testing.assert_close(other.eval()(x), mine(x), rtol=0, atol=0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(layers())
def test_a_layer_written_and_read_again(found):
    layer, shape = found
    line = write_layer(layer)
    if type(layer).__name__ not in readable_layers():
        with pytest.raises(ConfigError, match="no layer called"):
            parse_layer(line)
        return
    assert len(line) <= MAX_LINE
    again = parse_layer(line)
    assert write_layer(again) == line
    assert isinstance(again, ENTRIES[type(layer).__name__].layer)
    same(layer, again, shape)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(layers())
def test_a_layer_as_pytorch_prints_it_is_read(found):
    """What a person pastes of a printed model."""
    layer, shape = found
    if not ENTRIES[type(layer).__name__].own and type(layer).__name__ not in UNSAID:
        same(layer, parse_layer(repr(layer)), shape)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(layers())
def test_the_call_in_a_script_makes_the_same_layer(found):
    layer, shape = found
    tied = list(getattr(layer, "tied_to", ()))
    call = call_of(layer, tied)
    own = {name: entry.layer for name, entry in all_layers().items() if entry.own}
    names = {"nn": nn, "self": type("Model", (), {"encoder": tied})(), **own}
    with torch.device("meta"):
        again = eval(f"{call.name}({', '.join(call.arguments)})", names)
    same(layer, again, shape)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=40) | st.from_regex(r"(nn\.)?[A-Z][a-z]+(2d)?\([-\[\]\w=', .*]*\)"))
def test_no_line_is_more_than_a_layer_or_a_sentence(line):
    assert isinstance(outcome(line), nn.Module | str)


def outcome(line: str) -> nn.Module | str:
    """What a person gets: the layer, or a sentence."""
    try:
        return parse_layer(line)
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize(
    "line",
    ["Linear([[1]], 2)", "Linear(**{'a': 1})", "Linear(2, 3)(4)", "print(1)", "Linear(", "3", ""],
)
def test_what_is_no_layer_is_refused_in_a_sentence(line):
    with pytest.raises(ConfigError):
        parse_layer(line)


NESTED = "Residual(Linear(4, 4), Skip(ReLU(), Linear(4, 4)), shortcut=(Linear(4, 8),))"


def test_what_stands_within_others_has_their_numbers_for_names():
    layer = parse_layer(NESTED)
    assert write_layer(layer) == NESTED
    names = {"0.weight", "0.bias", "1.1.weight", "1.1.bias", "shortcut.0.weight", "shortcut.0.bias"}
    assert set(layer.state_dict()) == names


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Residual(" * 30 + "ReLU()" + ")" * 30, "within at most"),
        ("Skip(" * 700 + "ReLU()", "is not a layer"),
        ("Residual(" + "(" * 300 + "ReLU()" + ")" * 300 + ")", "is not a layer|lists"),
        ("Skip(" + "ReLU(), " * 300 + "ReLU())", "At most"),
        ("Skip(" + "ReLU(), " * 600 + "ReLU())", "at most"),
        ("Residual()", "takes layers"),
        ("Residual(shortcut=(ReLU(),))", "takes layers"),
        ("Residual(3)", "is not a layer"),
        ("Residual(ReLU(), shortcut=[[ReLU()]])", "is not a layer"),
        ("Residual(ReLU(), **{'shortcut': 3})", "is not a layer"),
        ("Linear(ReLU(), 3)", "is not a layer"),
        ("Residual(Told(10))", "a line of its own"),
        ("Told(1)", "classes"),
        ("Told(10, said=10)", "no label 10"),
        ("Told(10.5)", "whole numbers"),
        ("SecondHead('variance')", "is not a layer"),
        ("SecondHead('deviation', 2, 1)", "above its highest"),
        ("Clamp()", "lowest value"),
        ("Clamp(1, 0)", "above its highest"),
        ("Clamp('none')", "numbers"),
        ("Crop(-1, 0, 3, 3)", "from 0"),
        ("MaxPool2d(2, return_indices=True)", "two results"),
        ("ZeroPad2d(1, 2, 3)", "each side"),
    ],
    ids=lambda text: text[:30],
)
def test_what_holds_others_or_has_limits_is_checked(line, why):
    with pytest.raises(ConfigError, match=why) as caught:
        parse_layer(line)
    assert len(str(caught.value)) < 300


def test_layers_within_others_count():
    with pytest.raises(ConfigError, match="At most"):
        parse_layers([f"Residual({', '.join(['ReLU()'] * 50)})"] * 5)


def test_what_cannot_be_added_is_refused_by_its_place():
    with pytest.raises(ConfigError, match="Layer 2 of the encoder"):
        shape_after(parse_layers(["ReLU()", "Residual(Linear(4, 1))"]), (4,), "encoder")


@pytest.mark.parametrize("name", ENTRIES)
def test_every_kind_has_a_sample(name):
    """The other tests would pass over a kind that is never sampled."""
    entry = ENTRIES[name]
    assert any(entry.sample(shape, lambda values: values[0]) is not None for shape in SHAPES)
