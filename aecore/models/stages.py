"""A model as the layers that people draw: each a matrix or kernels, with the curve behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.registry import entry_of


@dataclass(frozen=True)
class Stage:
    """One drawn layer. part: "encoder" or "decoder". number: its place in that part, from 0.

    layers: those that it runs, in order: what only changes shapes or sizes, what mixes values, its
    normalisation, its curve. The last stage of a part also has what is left over.
    """

    part: str
    number: int
    layers: tuple[nn.Module, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """(B, ...) as it enters -> (B, ...) as it leaves, behind the curve."""
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def curve(self) -> nn.Module | None:
        """The last curve that acts on its values; None where they are a plain sum."""
        found = None
        for layer in self.layers:
            entry = entry_of(layer)
            if entry is not None and entry.weighted:
                found = None
            elif entry is not None and entry.curve is not None:
                found = layer
        return found

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Its weights, in a fixed order."""
        return [p for layer in self.layers for p in layer.parameters()]


def stages_of(model: LatentModel) -> list[Stage]:
    """The encoder's stages, then the decoder's: what `activations` counts by.

    The encoder's last gives the code: mu, and logvar behind it where there is one. The decoder's
    last gives x_hat.
    """
    encoder = _cut("encoder", list(leaves(model.encoder_network())))
    return encoder + _cut("decoder", list(leaves(model.decoder_network())))


def activations(
    model: LatentModel, x: Tensor, stages: Sequence[Stage], last: int | None = None
) -> list[Tensor]:
    """What leaves each stage for x (B, *shape): (B, units) or feature maps (B, maps, ...).

    The decoder gets mu, as for a reconstruction. last: nothing behind this stage is computed.
    """
    found, now, part = [], x, "encoder"
    for place, stage in enumerate(stages):
        if stage.part != part:
            now, part = now[:, : model.spec.latent_dim], stage.part
        now = stage(now)
        found.append(now)
        if place == last:
            break
    return found


def _cut(part: str, layers: list[nn.Module]) -> list[Stage]:
    """Cut before each layer that mixes values; what only changes a shape goes with the next."""
    groups: list[list[nn.Module]] = []
    waiting: list[nn.Module] = []
    for layer in layers:
        entry = entry_of(layer)
        if entry is not None and entry.weighted:
            groups.append([*waiting, layer])
            waiting = []
        elif groups and _makes_units(layer):
            groups[-1] += [*waiting, layer]
            waiting = []
        else:
            waiting.append(layer)
    if waiting and not groups:
        groups.append([])
    if waiting:
        groups[-1] += waiting
    return [Stage(part, i, tuple(group)) for i, group in enumerate(groups)]


def _makes_units(layer: nn.Module) -> bool:
    """Whether what leaves a layer are the values of units: a curve or a normalisation."""
    entry = entry_of(layer)
    curve = entry is not None and entry.curve is not None
    return curve or any(True for _ in layer.parameters(recurse=False))


@torch.no_grad()
def moved(before: Sequence[Tensor], stage: Stage) -> float:
    """How far a stage's weights went: the norm of their change over the norm of what they were."""
    pairs = list(zip(before, stage.parameters, strict=True))
    change = sum(float((now - then).square().sum()) for then, now in pairs)
    size = sum(float(then.square().sum()) for then, _ in pairs)
    return (change / size) ** 0.5 if size else float(change > 0)
