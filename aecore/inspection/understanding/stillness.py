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
        gradients = [
            _gradients(model, weights, part, factor, shift, generator) for part in x.chunk(PARTS)
        ]
    finally:
        for p, wanted in zip(weights, kept, strict=True):
            p.requires_grad_(wanted)
    found = []
    for i in range(2):
        by_loss = [g[i] for g in gradients]
        defined = [part for part in by_loss if part is not None]
        if len(defined) == len(by_loss):
            found.append(_statistic(defined))
    return min((v for v in found if v == v), default=float("inf"))


def _gradients(model, weights, x, factor, shift, generator) -> list[Tensor | None]:
    """The gradient of squared error and of cross-entropy, (weights,) each; None where undefined."""
    posterior = model.encode(x)
    z = posterior.sample(generator) if model.variational else posterior.mu
    y, target = model.decode(z) * factor + shift, x * factor + shift
    values, losses = y.detach(), [F.mse_loss(y, target)]
    unit = float(values.min()) >= 0 and float(values.max()) <= 1
    if unit and float(target.min()) >= 0 and float(target.max()) <= 1:
        losses.append(F.binary_cross_entropy(y.clamp(1e-6, 1 - 1e-6), target))
    found: list[Tensor | None] = []
    for i, loss in enumerate(losses):
        if not bool(torch.isfinite(loss)):
            return [None, None]
        more = i + 1 < len(losses)
        g = torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=more)
        pairs = zip(g, weights, strict=True)
        found.append(
            torch.cat([(torch.zeros_like(w) if d is None else d).ravel() for d, w in pairs])
        )
    return [*found, None][:2]


def _statistic(gradients: list[Tensor]) -> float:
    """Mean squared t-statistic over the weights, NaN where none moves."""
    mean = gradients[0].clone()
    for g in gradients[1:]:
        mean += g
    mean /= len(gradients)
    square = torch.zeros_like(mean)
    for g in gradients:
        square += (g - mean).square_()
    spread = square.div_(len(gradients) - 1).sqrt_().div_(len(gradients) ** 0.5)
    moving = spread > 1e-12
    t = torch.where(moving, mean / spread, torch.zeros(())).clamp_(-20, 20)
    return float(t.square_().sum() / moving.sum())
