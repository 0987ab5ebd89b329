"""A model's layers at each look of a training: what one example does in them, and how far each
moved. As bytes, and no more of a large layer than is drawn."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from aecore.models import LatentModel
from aecore.models.stages import Stage, activations, moved, stages_of
from aecore.training.events import LayerLook

MOST_UNITS, MOST_MAPS = 128, 6  # that are drawn of a layer
MAP_SIDE, PICTURE_SIDE = 12, 28  # to which feature maps and the picture that comes out are thinned
LAST_VALUES = 256  # of a table or a signal that comes out


class LayerView:
    """Looks at the same example each time, and remembers the weights of the time before.

    x: (1, *shape), as the encoder gets to see it. label: what a conditional model is told of it.
    """

    def __init__(self, x: Tensor, label: int | None):
        self._x, self._label = x, label
        self._before: list[list[Tensor]] | None = None

    def entering(self) -> LayerLook:
        """The example itself, as it enters."""
        return _looked("input", self._x[0], True)

    def mark(self, model: LatentModel) -> None:
        """From here on the next look counts how far the weights went."""
        stages = stages_of(self._told(model))
        self._before = [[p.detach().clone() for p in stage.parameters] for stage in stages]

    @torch.inference_mode()
    def look(self, model: LatentModel, one_step: bool = False) -> tuple[LayerLook, ...]:
        """Every layer, as `stages_of` counts them; the model is in evaluation mode.

        one_step: also which units' weights moved.
        """
        told = self._told(model)
        stages = stages_of(told)
        found, before = activations(told, self._x, stages), self._before
        looks = []
        for i, (stage, values) in enumerate(zip(stages, found, strict=True)):
            last = i == len(stages) - 1
            if not last and stage.part != stages[i + 1].part:
                values = values[:, : told.spec.latent_dim]  # the code: mu alone
            then = before[i] if before is not None else None
            change = None if then is None else moved(then, stage)
            change = change if change is not None and math.isfinite(change) else None
            units = _units_moved(then, stage, found[i].shape[1]) if then and one_step else None
            share = _share_moved(then, stage) if then and one_step else None
            looks.append(_looked(stage.part, values[0], last, change, units, share))
        self.mark(model)
        return tuple(looks)

    def _told(self, model: LatentModel) -> LatentModel:
        if not model.conditional or self._label is None:
            return model
        return model.given(self._label)


def _looked(
    part: str,
    values: Tensor,
    last: bool,
    change: float | None = None,
    units: Tensor | None = None,
    share: float | None = None,
) -> LayerLook:
    """values: (units,), or feature maps (maps, height, width); last: what enters or comes out."""
    whole = len(values)
    if values.ndim == 3:
        rows = torch.arange(whole) if last else evenly(whole, MOST_MAPS)
        side = PICTURE_SIDE if last else MAP_SIDE
        high, wide = (evenly(n, side) for n in values.shape[1:])
        values = values[rows][:, high][:, :, wide]
    else:
        values = values.flatten()
        whole = len(values)
        rows = evenly(whole, LAST_VALUES if last else MOST_UNITS)
        values = values[rows]
    flat = values.flatten().nan_to_num().float().cpu().numpy()
    low, high_value = min(float(flat.min()), 0.0), max(float(flat.max()), 0.0)
    span = high_value - low or 1.0
    bytes_of = ((flat - low) / span * 255 + 0.5).astype(np.uint8)
    moves = None
    if units is not None and len(units) > int(rows.max()):
        some = units[rows].cpu().numpy()
        moves = (some / max(float(some.max()), 1e-30) * 255 + 0.5).astype(np.uint8)
    shape = tuple(values.shape)
    return LayerLook(part, shape, whole, bytes_of, low, high_value, change, moves, share)


def evenly(n: int, most: int) -> Tensor:
    """At most so many of n, evenly chosen, first and last among them."""
    return torch.linspace(0, n - 1, min(n, most)).round().long()


def _units_moved(before: list[Tensor], stage: Stage, units: int) -> Tensor | None:
    """How far the weights of each unit went, (units,); None where they are no unit's own."""
    total = None
    for then, now in zip(before, stage.parameters, strict=True):
        squares = (now - then).square()
        if squares.shape[0] == units:
            one = squares.flatten(1).sum(1) if squares.ndim > 1 else squares
        elif squares.ndim > 1 and squares.shape[1] == units:  # kernels of a transposed convolution
            one = squares.transpose(0, 1).flatten(1).sum(1)
        else:
            continue
        total = one if total is None else total + one
    return None if total is None else total.sqrt()


def _share_moved(before: list[Tensor], stage: Stage) -> float:
    """The share of a stage's weights that are not what they were."""
    pairs = list(zip(before, stage.parameters, strict=True))
    changed = sum(int((now != then).sum()) for then, now in pairs)
    return changed / max(sum(then.numel() for then in before), 1)
