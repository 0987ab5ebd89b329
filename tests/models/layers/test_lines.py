"""A layer written as a line and read again is the same layer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from aecore.errors import ConfigError
from aecore.export.layer_source import call_of
from aecore.models.layers import all_layers, parse_layer, readable_layers, write_layer
from aecore.models.layers.lines import MAX_LINE
from tests.models.layers.samples import ENTRIES, SHAPES, layers

X = torch.Generator().manual_seed(5)


@torch.no_grad()
def same(mine: nn.Module, other: nn.Module, shape: tuple[int, ...]) -> None:
    """That two layers hold the same tensors, and give the same."""
    other.to_empty(device="cpu").load_state_dict(mine.state_dict())
    x = torch.randn(2, *shape, generator=X)
    torch.testing.assert_close(other.eval()(x), mine(x), rtol=0, atol=0)


@settings(max_examples=300, deadline=None, derandomize=True)
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


@settings(max_examples=300, deadline=None, derandomize=True)
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


@pytest.mark.parametrize("name", ENTRIES)
def test_every_kind_has_a_sample(name):
    """The other tests would pass over a kind that is never sampled."""
    entry = ENTRIES[name]
    assert any(entry.sample(shape, lambda values: values[0]) is not None for shape in SHAPES)
