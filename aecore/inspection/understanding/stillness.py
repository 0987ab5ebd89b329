"""How near the weights are to a place where training would leave them, under a reading.

Training ends where the gradient of its loss is small. Under a wrong activation or range the same
weights are pulled somewhere else, even where the error hardly differs: a second witness.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.models import LatentModel

PARTS = 8


def pull(
    model: LatentModel, x: Tensor, factor: float, shift: float, generator: torch.Generator
) -> float:
    """Mean squared t-statistic of the gradient over PARTS batches, the lesser of two losses.

    1 for pure noise, more where all batches pull the same way. x (n, *shape) in the data's range;
    factor, shift: to the range of the decoder's own output, where the loss was taken. Squared error
    and cross-entropy are tried. Of a VAE only the decoder's weights count: the weight of its KL is
    not known.
    """
    half = model.decoder_network() if model.variational else model
    weights = [p for p in half.parameters() if p.numel()]
    kept = [p.requires_grad for p in weights]
    for p in weights:
        p.requires_grad_(True)
    try:
        least = _pull(model, weights, x, factor, shift, generator, F.mse_loss)
        crossed = _pull(model, weights, x, factor, shift, generator, _cross_entropy)
    finally:
        for p, wanted in zip(weights, kept, strict=True):
            p.requires_grad_(wanted)
    found = [v for v in (least, crossed) if v == v]
    return min(found, default=float("inf"))


def _cross_entropy(y: Tensor, target: Tensor) -> Tensor:
    inside = float(y.detach().min()) >= 0 and float(y.detach().max()) <= 1
    if not inside or float(target.min()) < 0 or float(target.max()) > 1:
        return torch.tensor(float("nan"))
    return F.binary_cross_entropy(y.clamp(1e-6, 1 - 1e-6), target)


def _pull(model, weights, x, factor, shift, generator, loss) -> float:
    gradients = []
    for part in x.chunk(PARTS):
        posterior = model.encode(part)
        z = posterior.sample(generator) if model.variational else posterior.mu
        value = loss(model.decode(z) * factor + shift, part * factor + shift)
        if not bool(torch.isfinite(value)):
            return float("nan")
        found = torch.autograd.grad(value, weights, allow_unused=True)
        gradients.append(
            torch.cat(
                [
                    (torch.zeros_like(w) if g is None else g).flatten()
                    for g, w in zip(found, weights, strict=True)
                ]
            )
        )
    stacked = torch.stack(gradients).double()
    spread = stacked.std(0) / PARTS**0.5
    moving = spread > 1e-14
    if not bool(moving.any()):
        return float("nan")
    t = (stacked.mean(0)[moving] / spread[moving]).clamp(-20, 20)
    return float(t.square().mean())
