"""A model as the layers that people see, in drawings, facts and looks at a training alike.

A network's leaves are finer than that: a linear layer, its normalisation and its curve are one
stage. Whoever shows layers counts these; pad/described.py says what one is called and where it
lies among the browser's operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.registry import entry_of

#: Operations of one value in, one value out, which may follow a sum within a stage.
CURVES = frozenset({"activation", "prelu", "top_k"})
_NORMALISATIONS = frozenset({"affine", "layer_norm", "group_norm"})


@dataclass(frozen=True)
class Stage:
    """One layer as a person sees it. part: "encoder" or "decoder". number: its place in that part,
    from 0.

    layers: those that it runs, in order: what only changes shapes, what computes, its
    normalisation, its curve. The last stage of a part also has what is left over.
    leaf: the index of the last of them among the network's leaves.
    """

    part: str
    number: int
    layers: tuple[nn.Module, ...]
    leaf: int

    def __call__(self, x: Tensor) -> Tensor:
        """(B, ...) as it enters -> (B, ...) as it leaves, behind the curve."""
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def mixes(self) -> bool:
        """Whether it adds values up by a matrix or kernels, also within a block of layers."""
        return any(entry.weighted for entry in map(entry_of, self.layers) if entry is not None)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Its weights, in a fixed order."""
        return [p for layer in self.layers for p in layer.parameters()]


def stages_of(model: LatentModel) -> list[Stage]:
    """The encoder's stages, then the decoder's: what `activations` counts by.

    The encoder's last gives the code: mu, and logvar behind it where there is one. The decoder's
    last gives x_hat.
    """
    halves = ("encoder", model.encoder_network()), ("decoder", model.decoder_network())
    return [stage for part, network in halves for stage in stages_in(part, network)]


def stages_in(part: str, network: nn.Module) -> list[Stage]:
    """The stages of one half of a model, in their order.

    Each layer that computes begins one, but for a curve, and a normalisation between a sum and its
    curve. What only changes a shape goes with what computes next.
    """
    found: list[Stage] = []
    held: list[nn.Module] = []
    waiting: list[nn.Module] = []

    def close(leaf: int) -> None:
        if held:
            found.append(Stage(part, len(found), tuple(held), leaf))

    leaf = -1
    for leaf, layer in enumerate(leaves(network)):
        role = _role(layer)
        if role == "shape":
            waiting.append(layer)
            continue
        if any(_role(other) != "shape" for other in held) and not _goes_on(role, held):
            close(leaf - len(waiting) - 1)
            held = []
        held += [*waiting, layer]
        waiting = []
    held += waiting
    close(leaf)
    return found


def _goes_on(role: str, held: Sequence[nn.Module]) -> bool:
    """Whether a layer belongs to the stage before it."""
    before = {_role(layer) for layer in held}
    if role == "choice":  # of the strongest: behind whatever curve
        return True
    if role == "curve":
        return not before & {"curve", "choice"}
    return role == "normalisation" and "sum" in before and not before & {"curve", "choice"}


def _role(layer: nn.Module) -> str:
    """What a layer is within a stage: it only changes a "shape", it is a "sum", a "curve", a
    "choice" of the strongest, a "normalisation", or "other"."""
    entry = entry_of(layer)
    if entry is None:
        return "other" if any(True for _ in layer.parameters()) else "shape"
    if entry.inner is not None:
        return "other"
    if entry.weighted:
        return "sum"
    names = {operation.name for operation in entry.operations}
    if names == {"top_k"}:
        return "choice"
    if entry.curve is not None or (names and names <= CURVES):
        return "curve"
    if names and names <= _NORMALISATIONS:
        return "normalisation"
    passes = entry.idle or (entry.trace is not None and not names)
    return "shape" if passes else "other"


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


def onward(model: LatentModel, value: Tensor, stages: Sequence[Stage], place: int) -> Tensor:
    """What comes out, (B, *shape), where the stage at `place` gives `value` instead of what it
    would: (B, units) or (B, maps, ...), of the encoder's last stage (B, latent_dim) is enough."""
    now, part = value, stages[place].part
    for stage in stages[place + 1 :]:
        if stage.part != part:
            now, part = now[:, : model.spec.latent_dim], stage.part
        now = stage(now)
    return now


@torch.no_grad()
def moved(before: Sequence[Tensor], stage: Stage) -> float | None:
    """How far a stage's weights went: the norm of their change over the norm of what they were;
    None for one without weights."""
    pairs = list(zip(before, stage.parameters, strict=True))
    if not pairs:
        return None
    change = sum(float((now - then).square().sum()) for then, now in pairs)
    size = sum(float(then.square().sum()) for then, _ in pairs)
    return (change / size) ** 0.5 if size else float(change > 0)
