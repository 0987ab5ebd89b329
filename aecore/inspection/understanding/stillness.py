"""How near the weights are to a place where training would leave them, under a reading.

Training ends where the gradient of its loss is small. Under a wrong activation or range the same
weights are pulled somewhere else, even where the error hardly differs: a second witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.datasets import Dataset
from aecore.inspection.understanding.building import model_of
from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import every_place
from aecore.inspection.understanding.trials import ROOM, Trials, work_of
from aecore.models import LatentModel
from aecore.models.sizes import sizes_of

PARTS = 8
# Rivals whose error is less than NEAR times the best one's are told apart by this second witness.
NEAR, RIVALS, PULLED, PULL_WORK = 1.05, 5, 1024, 6e8
RESCORED, RESCORE_WORK = 10_000, 1.5e9  # held-out examples that the nearest are compared on
MOST_PULLED = 8_000_000  # weights: their gradients of all parts are held together
MOST_KEPT = 256 << 20  # bytes that a part's examples leave between the layers for the gradient


def at_rest(
    found: Sequence[Candidate], data: Dataset, ranges: dict
) -> tuple[list[Candidate], bool]:
    """The candidates ranked anew, the nearest rivals on more held-out examples and with their pull
    measured; whether it was.

    Where no rival is near, or a decoder is alone, there is nothing to measure, which counts as
    measured; it is not where the network is too large or is told the class.
    """
    near = [c for c in found if c.error < NEAR * found[0].error][:RIVALS]
    best = near[0].draft
    if len(near) < 2 or best.alone:
        return list(found), True
    halves = every_place([*best.encoder, *best.decoder])
    weights = sum(t.numel() for spot in halves for t in spot.weights.values())
    one = None if data.test.labels is None else data.test.labels[:1]
    each, largest = work_of(best, near[0].choice, data.test.batch(slice(0, 1)), ranges, one)
    near = _on_more(near, data, ranges, min(RESCORE_WORK / max(each, 1), ROOM / largest))
    rest = list(found[len(near) :])
    untold = weights <= MOST_PULLED and not any(c.draft.told for c in near)
    if not untold:
        return _ranked(near) + rest, False
    x = data.train.batch(slice(0, int(min(max(PULL_WORK / max(each, 1), 128), PULLED))))
    measured = []
    for candidate in near:
        factor, shift = ranges[candidate.choice.target]
        model = model_of(candidate, data, ranges)
        if sizes_of(model).nbytes * len(x) / PARTS > MOST_KEPT:
            return _ranked(near) + rest, False
        value = pull(model, x, factor, shift, torch.Generator().manual_seed(0))
        measured.append(replace(candidate, pull=value))
    return _ranked(measured) + rest, True


def _on_more(near: list[Candidate], data: Dataset, ranges: dict, most: float) -> list[Candidate]:
    """The candidates scored on more held-out examples, where there is work for it."""
    n = int(min(RESCORED, len(data.test), most))
    if n <= len(near[0].errors):
        return near
    labels = data.test.labels
    trials = Trials(data.test.batch(slice(0, n)), ranges, None if labels is None else labels[:n])
    return [trials.score(c.draft, c.choice) for c in near]


def _ranked(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda c: (c.weighed, c.rarity, c.draft.number))


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
