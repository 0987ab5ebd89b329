"""What units of a layer do on held-out examples: what excites each, its spread, its silence.

A unit of a layer of feature maps is a map, and its activation the largest value in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Split
from aecore.errors import AecoreError
from aecore.evaluation.batches import batch_for, parts
from aecore.models import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.registry import entry_of

MOST_EXCITING = 9
BINS = 20
MOST_UNITS = 2000  # of a layer, whose facts then are at most 100 kB
MOST_VALUES = 16_000_000  # activations looked at together; of wide layers fewer examples are
NEARLY_SILENT = 0.01  # of the layer's largest activation, where a curve gives no exact 0


@dataclass(frozen=True)
class LayerFacts:
    """The n units of one layer on the first `examples` held-out examples.

    top: (n, 9) int64, which of the first `among` excite each most, the strongest first; values:
    (n, 9) float32, its activations there. counts: (n, BINS) int64, how often it is how active, in
    equal steps from `low` to `high`, (n,) float32. silent: (n,) float32, the share of examples at
    which |activation| <= threshold; 0 for a curve that is exactly 0, like ReLU.
    """

    examples: int
    among: int
    maps: bool
    top: np.ndarray
    values: np.ndarray
    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray
    silent: np.ndarray
    threshold: float

    @property
    def rule(self) -> str:
        """When a unit counts as silent, in words."""
        what = "the largest value of its map" if self.maps else "its activation"
        if self.threshold == 0:
            return f"{what} is exactly 0"
        share = f"{NEARLY_SILENT * 100:g} %"
        return f"{what} is within {share} of the layer's largest ({self.threshold:.2g}) of 0"


@torch.inference_mode()
def layer_facts(
    model: LatentModel,
    split: Split,
    part: str,
    leaf: int,
    maps: int = 0,
    among: int = 0,
    most: int | None = None,
) -> LayerFacts:
    """Facts of the units that leave a layer, over a held-out split.

    model: in evaluation mode; a conditional one is told no label. part: "encoder" or "decoder",
    which gets mu. leaf: the layer's index among `leaves` of that network. maps: how many feature
    maps it gives, also where they are flattened; 0 where each value is a unit. among: the most
    exciting are of the first so many; 0 for all. most: examples that are looked at. Raises
    AecoreError for a layer that is too wide.
    """
    encoder, decoder = list(leaves(model.encoder_network())), list(leaves(model.decoder_network()))
    layers = (encoder if part == "encoder" else decoder)[: leaf + 1]
    device, k = next(model.parameters()).device, model.spec.latent_dim

    def units(rows: slice) -> Tensor:
        now = split.batch(rows).to(device)
        if part == "decoder":
            now = _through(encoder, now)[:, :k]
        now = _through(layers, now)
        return now.reshape(len(now), maps, -1).amax(2) if maps else now.flatten(1)

    width = units(slice(0, 1)).shape[1]
    if width > MOST_UNITS:
        raise AecoreError(
            f"This layer has {width:,} units; facts are counted for at most {MOST_UNITS:,}."
        )
    room = MOST_VALUES // width if most is None else min(most, MOST_VALUES // width)
    examples = min(len(split), max(MOST_EXCITING, room))
    found = [
        units(slice(rows.start, min(rows.stop, examples))).cpu()
        for rows in parts(examples, batch_for(model))
    ]
    return _facts(torch.cat(found).nan_to_num(), bool(maps), _gives_zero(layers), among)


def _through(layers: list[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _gives_zero(layers: list[nn.Module]) -> bool:
    """Whether the last of these that computes is a curve that makes exact zeros."""
    for layer in reversed(layers):
        entry = entry_of(layer)
        if isinstance(layer, nn.Flatten | nn.Unflatten) or (entry is not None and entry.idle):
            continue
        return entry is not None and entry.curve is not None and entry.curve.dies
    return False


def _facts(found: Tensor, maps: bool, exact: bool, among: int) -> LayerFacts:
    """Facts of activations (examples, units)."""
    examples = len(found)
    among = min(among or examples, examples)
    values, top = found[:among].topk(min(MOST_EXCITING, among), dim=0)
    low, high = found.amin(0), found.amax(0)
    threshold = 0.0 if exact else NEARLY_SILENT * float(found.abs().max())
    step = (high - low).clamp(min=1e-12) / BINS
    bins = ((found - low) / step).floor_().clamp_(0, BINS - 1).long()
    counts = torch.zeros(BINS, found.shape[1], dtype=torch.int64)
    counts.scatter_add_(0, bins, torch.ones_like(bins))
    return LayerFacts(
        examples,
        among,
        maps,
        top.T.contiguous().numpy(),
        values.T.contiguous().numpy(),
        counts.T.contiguous().numpy(),
        low.numpy(),
        high.numpy(),
        (found.abs() <= threshold).float().mean(0).numpy(),
        threshold,
    )
