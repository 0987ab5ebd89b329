"""What a page shows of sparse features of a layer, computed wherever the model is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.errors import ConfigError
from aecore.jobs.in_hand import InHand
from aecore.lab.features import turned
from aecore.lab.layer_activity import layer_of
from aecore.lab.sparse_coder import SparseCoder

STEPS = 24  # of a feature that is turned, from 0 to the strongest, evenly
BEYOND = 1.5  # times as strong as it ever is on held-out examples


@dataclass(frozen=True)
class FeatureLook:
    """x: (*shape). code: (D,) of all features. feature: the one that is turned, -1 for none;
    strengths: (s,) ascending, its own among them at `now`; outs: what comes out, (s, *shape)."""

    x: np.ndarray
    code: np.ndarray
    feature: int
    strengths: np.ndarray
    now: int
    outs: np.ndarray


@torch.no_grad()
def look(
    held: InHand,
    coder: SparseCoder,
    number: int,
    entered: int | bytes,
    feature: int,
    high: np.ndarray,
) -> FeatureLook:
    """An example through a layer's features, and one of them turned up and down.

    number: the layer's, from 1. entered: a held-out example; or what was drawn, a byte for each
    value, from 0 to 1. feature: -1 for the strongest. high: the most of each, (D,). Raises
    ConfigError where the coder is of another layer.
    """
    layer, shape = layer_of(held.model, number), held.data.spec.shape
    if layer.units != len(coder.center):
        raise ConfigError("These features are of another layer; run the experiment again.")
    if isinstance(entered, int):
        x = held.data.test.batch(slice(entered, entered + 1))
    else:
        x = torch.frombuffer(bytearray(entered), dtype=torch.uint8).view(1, *shape) / 255
    values = layer.values(x)
    code = coder.encode(values)[0].numpy()
    if feature < 0 and code.max() > 0:
        feature = int(code.argmax())
    if feature < 0:
        strengths = np.zeros(1, np.float32)
        return FeatureLook(x[0].numpy(), code, -1, strengths, 0, layer.onward(values).numpy())
    own, most = float(code[feature]), BEYOND * max(float(high[feature]), float(code[feature]))
    strengths = np.unique(np.append(np.linspace(0, most, STEPS + 1), own).astype(np.float32))
    now = int(np.abs(strengths - own).argmin())
    outs = turned(layer, coder, values, feature, strengths)
    return FeatureLook(x[0].numpy(), code, feature, strengths, now, outs)
