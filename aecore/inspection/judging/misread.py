"""Whether a model would do better if it were read otherwise: another range, the other head."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for
from aecore.evaluation.metrics import shown
from aecore.inspection.judging.findings import Finding
from aecore.models import LatentModel

TRIED = 500  # held-out examples
MUCH_BETTER = 0.6  # share of the error as it is, below which another reading is claimed


@torch.inference_mode()
def misread(
    model: LatentModel, split: Split, mean: float, std: float, most: int = TRIED
) -> list[Finding]:
    """Findings wrong-range and swapped-heads, from up to `most` held-out examples.

    mean, std: of all values of the training data.
    """
    rows = torch.arange(min(batch_for(model, most), len(split)))
    device = next(model.parameters()).device
    x, labels = split.batch(rows).to(device), labels_for(model, split, rows)
    posterior = model.encode(x, labels)
    as_is = _error(model.decode(posterior.mu, labels), x)
    floor = float((x - x.mean(0)).square().mean())  # the mean image
    found = []
    ranges = [
        ("-1 to 1", 2.0, -1.0),
        ("0 to 255", 255.0, 0.0),
        ("mean 0 and deviation 1", 1 / max(std, 1e-6), -mean / max(std, 1e-6)),
        ("inverted, 1 to 0", -1.0, 1.0),
    ]
    ways = []
    for name, factor, shift in ranges if model.spec.data.bounded else []:
        inside = model.decode(model.encode(x * factor + shift, labels).mu, labels)
        ways.append((_error((inside - shift) / factor, x), f"values of {name}"))
        ways.append((_error(inside, x), f"values of {name}, and drew 0 to 1"))
    if ways:
        error, name = min(ways)
        if error < MUCH_BETTER * as_is and error < 0.8 * floor:
            found.append(
                Finding(
                    "broken",
                    "wrong-range",
                    "It was trained on another range of values",
                    f"Given {name}, its error on {len(x)} held-out examples is "
                    f"{shown(error)} per value; as it is read here, from 0 to 1, "
                    f"{shown(as_is)}.",
                )
            )
    if posterior.logvar is not None:
        other = _error(model.decode(posterior.logvar, labels), x)
        if other < MUCH_BETTER * as_is and other < 0.8 * floor:
            found.append(
                Finding(
                    "broken",
                    "swapped-heads",
                    "mu and logvar are swapped",
                    f"With the other half of the encoder's answer as the code, the error on "
                    f"{len(x)} held-out examples is {shown(other)} per value; with the half "
                    f"that is read as mu, {shown(as_is)}.",
                )
            )
    return found


def _error(x_hat: Tensor, x: Tensor) -> float:
    error = float((x_hat - x).square().mean())
    return error if np.isfinite(error) else float("inf")
