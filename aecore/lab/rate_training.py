"""Train a model so that its codes take few bits: squared error and an entropy term together.

Rounding has no slope; noise as wide as a step takes its place, and a density that is learned with
the model says how many bits a code would take (Ballé, Laparra and Simoncelli 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Split
from aecore.lab.coding import Turn
from aecore.lab.control import LabControl
from aecore.models import LatentModel

BATCH, RATE = 128, 1e-3
LEAST = 1e-9  # chance of a symbol below which it is as impossible as it gets
SHOWN = 25  # steps between two looks


class Density(nn.Module):
    """How likely codes y (B, k), rounded to a step, are: a logistic density for each number."""

    def __init__(self, y: Tensor, step: float):
        super().__init__()
        self.step = step
        self.middle = nn.Parameter(y.mean(0))
        # The deviation of a logistic density is pi / sqrt(3) times its scale.
        scale = (y.std(0) * math.sqrt(3) / math.pi).clamp_min(0.05 * step)
        self.scale = nn.Parameter(scale.log())

    def bits(self, y: Tensor) -> Tensor:
        """-log2 of the chance of the interval of one step about each, summed: (B, k) -> (B,)."""
        # On the side away from the middle, where two sigmoids near 0 differ exactly.
        away = -(y - self.middle).abs()
        half, scale = self.step / 2, self.scale.exp()
        chance = torch.sigmoid((away + half) / scale) - torch.sigmoid((away - half) / scale)
        return -chance.clamp_min(LEAST).log2().sum(1)


def price_of(step: float) -> float:
    """The squared error per value that one bit is worth where rounding by `step` is best: the
    slope of step² / 12 against bits, on axes where errors are felt alike (`turn_of`)."""
    return 2 * math.log(2) * step**2 / 12


def trained_for_rate(
    model: LatentModel,
    split: Split,
    turn: Turn,
    step: float,
    price: float,
    steps: int,
    seed: int,
    control: LabControl,
) -> Iterator[float]:
    """Train a model, so many steps, for rounding by `step` on the turned axes, where a bit costs
    `price` of squared error per value (see `price_of`). Yields the share that is done; the model is
    in evaluation mode when it is over. Raises Interrupted."""
    generator = torch.Generator().manual_seed(seed)
    model.train()
    middle, a, b = (_tensor(v) for v in (turn.middle, turn.a, turn.b))

    def turned(x: Tensor) -> Tensor:
        return (model.encode(x).mu - middle) @ a

    with torch.no_grad():
        density = Density(turned(split.batch(slice(0, 1000))), step)
    weights = [p for p in model.parameters() if p.requires_grad] + [*density.parameters()]
    adam = torch.optim.Adam(weights, RATE)
    for i in range(steps):
        control.give_way()
        if i % SHOWN == 0:
            yield i / steps
        adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * i / steps))
        x = split.batch(torch.randint(len(split), (BATCH,), generator=generator))
        y = turned(x)
        y = y + step * (torch.rand(y.shape, generator=generator) - 0.5)
        error = (model.decode(y @ b + middle) - x).square().mean()
        loss = error + price * density.bits(y).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    model.eval()
    yield 1.0


def _tensor(values) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)


def scaled(codes: np.ndarray, steps: float) -> Turn:
    """The axes of codes (n, k) as they are, each stretched until its deviation is so many."""
    wide = codes.std(0) / steps
    wide = np.maximum(wide, max(1e-3 * float(wide.max()), 1e-12)).astype(np.float64)
    return Turn(codes.mean(0), np.diag(1 / wide), np.diag(wide))
