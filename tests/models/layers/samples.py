"""Layers of every registered kind, as hypothesis draws them, with weights worth comparing."""

from __future__ import annotations

import math
from math import prod

import torch
from hypothesis import strategies as st
from torch import nn

from aecore.models.layers import LayerEntry, all_layers

ENTRIES = all_layers()
#: What can be computed in the browser too.
TRACED = {name: entry for name, entry in ENTRIES.items() if entry.trace is not None}
SHAPES = [(7,), (24,), (2, 9), (4, 5), (1, 6, 5), (2, 8, 8), (3, 4, 6), (4, 3, 3)]
LARGEST = 1500  # values between two layers


def sample(draw: st.DrawFn, entry: LayerEntry, shape: tuple[int, ...]) -> nn.Module | None:
    """A layer that takes a shape, with weights of its own; None if there is none."""
    with torch.device("meta"):
        layer = entry.sample(shape, lambda values: draw(st.sampled_from(list(values))))
    if layer is not None:
        fill(layer, torch.Generator().manual_seed(draw(st.integers(0, 1 << 30))))
        layer.eval()
    return layer


def fill(layer: nn.Module, generator: torch.Generator) -> None:
    """Weights as a trained layer might have them: outputs near 1, and no statistic at its start."""
    for module in [*layer.modules(), *getattr(layer, "tied_to", ())]:
        for name, old in list(module.named_parameters(recurse=False)):
            spread = 1 / math.sqrt(max(1, prod(old.shape[1:])))
            value = spread * torch.randn(old.shape, generator=generator)
            setattr(module, name, nn.Parameter(value + (old.dim() == 1), requires_grad=False))
        for name, old in list(module.named_buffers(recurse=False)):
            value = torch.rand(old.shape, generator=generator) + 0.3
            setattr(module, name, value.to(old.dtype))


@st.composite
def layers(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """One layer of any kind, and the shape that it takes."""
    entry = ENTRIES[draw(st.sampled_from(sorted(ENTRIES)))]
    fitting = [(shape, layer) for shape in SHAPES if (layer := sample(draw, entry, shape))]
    shape, layer = draw(st.sampled_from(fitting))
    return layer, shape


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Sequential, tuple[int, ...]]:
    """A few layers that fit one behind the other, and the shape that the first takes."""
    start = shape = draw(st.sampled_from(SHAPES))
    found: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 5))):
        layer = sample(draw, TRACED[draw(st.sampled_from(sorted(TRACED)))], shape)
        if layer is None:
            continue
        after = tuple(layer(torch.zeros(2, *shape)).shape[1:])
        if prod(after) <= LARGEST:
            found.append(layer)
            shape = after
    return nn.Sequential(*found), start
