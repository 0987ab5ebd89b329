"""What each feature of a layer is like: where it is active, for which class, what it draws.

Codes are (m, D), a row for each of m held-out examples; a feature is a column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.evaluation.batches import batch_for
from aecore.lab.layer_activity import Layer
from aecore.lab.sparse_coder import SparseCoder

TOP = 9  # strongest examples of a feature that are shown
JUDGED = 50  # of which the share of one class is its purity
PURE = 80.0  # per cent of them, from which a feature is called pure
BINS = 20  # of a histogram
DRAWN = 4  # strongest examples over which what a feature draws is averaged


def facts_of(codes: Tensor, labels: np.ndarray | None) -> dict[str, np.ndarray]:
    """Of each feature: `top` (D, TOP) int32, the rows where it is strongest, -1 where it is not
    active; `strength` (D, TOP) there; `counts` (D, BINS) int32, how often it is how strong while
    active, in equal steps up to `high` (D,); `density` (D,), the share of examples on which it is
    active; `kind` (D,) int32 and `purity` (D,), see `purity_of`."""
    m, width = codes.shape
    strength, rows = codes.T.topk(min(TOP, m), dim=1)
    top = torch.where(strength > 0, rows, -1).numpy().astype(np.int32)
    high = codes.amax(0).clamp_min(1e-12)
    bins = (codes / high * BINS).ceil().long()  # 0 where it is not active
    counts = torch.zeros(width, BINS + 1, dtype=torch.long)
    counts.scatter_add_(1, bins.T, torch.ones_like(bins.T))
    kind, purity = purity_of(codes, labels)
    return {
        "top": _padded(top, -1),
        "strength": _padded(strength.numpy(), 0),
        "counts": counts[:, 1:].numpy().astype(np.int32),
        "high": high.numpy(),
        "density": (codes > 0).float().mean(0).numpy(),
        "kind": kind,
        "purity": purity,
    }


def _padded(values: np.ndarray, value: float) -> np.ndarray:
    """(D, n) as (D, TOP), where fewer examples are held out than are shown."""
    return np.pad(values, ((0, 0), (0, TOP - values.shape[1])), constant_values=value)


def purity_of(codes: Tensor, labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The commonest class among the JUDGED examples on which each feature is strongest, (D,) int32,
    and its share of them in per cent, (D,) float32; -1 and NaN where there are no labels, or where
    it is active on fewer."""
    m, width = codes.shape
    kind, purity = np.full(width, -1, np.int32), np.full(width, np.nan, np.float32)
    if labels is None or m < JUDGED:
        return kind, purity
    strength, rows = codes.T.topk(JUDGED, dim=1)
    told = (strength[:, -1] > codes.amin(0)).numpy()
    found = np.apply_along_axis(np.bincount, 1, labels[rows.numpy()], minlength=labels.max() + 1)
    kind[told] = found.argmax(1)[told]
    purity[told] = (100 / JUDGED * found.max(1))[told]
    return kind, purity


def best_detectors(codes: Tensor, labels: np.ndarray) -> np.ndarray:
    """How well the best of the features tells each class from all others: the area under its ROC
    curve, in per cent, (classes,); NaN for a class that is everything or nothing here."""
    from scipy.stats import rankdata

    ranks = torch.from_numpy(rankdata(codes.numpy(), axis=0))
    among = torch.nn.functional.one_hot(torch.from_numpy(labels)).double()  # (m, classes)
    n = among.sum(0)[:, None]
    # Mann and Whitney (1947): by the sum of the ranks of those that are of the class.
    area = (among.T @ ranks - n * (n + 1) / 2) / (n * (len(labels) - n))
    return 100 * area.amax(1).numpy()


def order_of(facts: dict[str, Any]) -> np.ndarray:
    """Features that are ever active, the purest first; the commoner of two alike."""
    density = np.asarray(facts["density"])
    purity = np.nan_to_num(np.asarray(facts["purity"]), nan=-1)
    order = np.lexsort((-density, -purity))
    return order[density[order] > 0]


# What they draw ------------------------------------------------------------------------------


def drawings(
    layer: Layer,
    coder: SparseCoder,
    codes: Tensor,
    values: Tensor,
    top: np.ndarray,
    give_way: Callable[[], object],
) -> np.ndarray:
    """What comes out with each feature less what comes out without it, (D, *data shape) float32:
    the mean over its DRAWN strongest examples, all else of the layer as it is there; 0 for one that
    is never active. values: the layer's, (m, units); top: as `facts_of` gives it."""
    shape = layer.model.spec.data.shape
    found = np.zeros((coder.width, *shape), np.float32)
    pairs = [(f, int(row)) for f in range(coder.width) for row in top[f, :DRAWN] if row >= 0]
    size = batch_for(layer.model)
    for start in range(0, len(pairs), size):
        give_way()
        features, rows = map(torch.tensor, zip(*pairs[start : start + size], strict=True))
        with_it = values[rows]
        share = coder.scale * codes[rows, features][:, None] * coder.decoder[features]
        change = layer.onward(with_it) - layer.onward(with_it - share)
        np.add.at(found, features.numpy(), change.numpy())
    drawn = (top[:, :DRAWN] >= 0).sum(1).clip(1)
    return found / drawn.reshape(-1, *[1] * len(shape))


def readings(layer: Layer, coder: SparseCoder) -> np.ndarray | None:
    """With which weights each feature reads the input through the layer's own, (D, *data shape):
    exact where all its units are above 0. None where the layer is not one matrix upon the input."""
    weights = layer.reading()
    if weights is None:
        return None
    flat = torch.from_numpy(weights).flatten(1)
    return (coder.encoder @ flat).numpy().reshape(coder.width, *weights.shape[1:])


def in_bytes(drawn: np.ndarray) -> np.ndarray:
    """Signed drawings (D, ...) as int8, each on its own scale: 127 is its largest size."""
    reach = np.abs(drawn).reshape(len(drawn), -1).max(1).reshape(-1, *[1] * (drawn.ndim - 1))
    return np.rint(127 * drawn / np.maximum(reach, 1e-12)).astype(np.int8)


def turned(
    layer: Layer, coder: SparseCoder, values: Tensor, feature: int, strengths: np.ndarray
) -> np.ndarray:
    """What comes out of one example, whose values are (1, units), with a feature at each of these
    strengths (s,), all else of the layer as it is: (s, *data shape)."""
    now = coder.encode(values)[0, feature]
    steps = torch.from_numpy(strengths.astype(np.float32)) - now
    changed = values + coder.scale * steps[:, None] * coder.decoder[feature]
    return layer.onward(changed).numpy()
