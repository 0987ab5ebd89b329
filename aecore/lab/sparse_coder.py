"""A top-k sparse autoencoder: a layer's values as sums of a few of many directions.

Only the k strongest features are active (Makhzani and Frey 2014). Behind them a ReLU, directions
of unit length, and the loss that revives features which died: Gao et al. 2024, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.training.optimiser import Adam

BATCH, RATE = 512, 3e-3
LEAST = 100  # steps of an epoch: of few examples it goes through them several times
SILENT = 4000  # training examples in a row without it, after which a feature counts as dead
REVIVING = 1 / 4  # weight of the loss that revives
LOOKS = 4  # an epoch
_ROWS = 2000  # examples that are coded at once


@dataclass(frozen=True, eq=False)
class SparseCoder:
    """x ~ center + scale * sum of active code_j * decoder_j, for x (B, units).

    center (units,); scale > 0, the usual length of x - center; encoder, decoder (D, units), the
    latter's rows of length 1; bias (D,); active: how many features of D at most are not 0.
    """

    center: Tensor
    scale: float
    encoder: Tensor
    bias: Tensor
    decoder: Tensor
    active: int

    @property
    def width(self) -> int:
        """How many features there are, D."""
        return len(self.bias)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """(B, units) -> (B, D), 0 or more, at most `active` of a row above 0."""
        level = (x - self.center) / self.scale
        return strongest(torch.addmm(self.bias, level, self.encoder.T), self.active)

    @torch.no_grad()
    def decode(self, code: Tensor) -> Tensor:
        """(B, D) -> (B, units)."""
        return self.center + self.scale * (code @ self.decoder)

    def arrays(self) -> dict[str, Any]:
        """As a result keeps it; `coder_from` reads it again."""
        found = {name: getattr(self, name).numpy() for name in _ARRAYS}
        return {**found, "scale": self.scale, "active": self.active}


_ARRAYS = ("center", "encoder", "bias", "decoder")


def coder_from(values: Mapping[str, Any]) -> SparseCoder:
    """What `arrays` gave. Raises KeyError."""
    center, encoder, bias, decoder = (torch.from_numpy(np.array(values[n])) for n in _ARRAYS)
    return SparseCoder(
        center, float(values["scale"]), encoder, bias, decoder, int(values["active"])
    )


def strongest(before: Tensor, k: int) -> Tensor:
    """The k largest of each row, those above 0 of them; 0 elsewhere. (B, D) -> (B, D)."""
    values, places = before.topk(k, dim=1, sorted=False)
    return torch.zeros_like(before).scatter_(1, places, values.relu())


class CoderTraining:
    """Trains a coder on x (n, units). revive: with the loss for dead features. Every draw is of
    `generator`."""

    def __init__(
        self,
        x: Tensor,
        width: int,
        active: int,
        epochs: int,
        revive: bool,
        generator: torch.Generator,
    ):
        self.active, self.epochs, self.revive, self.generator = active, epochs, revive, generator
        self.mean = x.mean(0)
        length = (x - self.mean).square().sum(1).mean().sqrt()
        self.scale = float(length.clamp_min(1e-12))
        self.x = (x - self.mean) / self.scale
        directions = torch.randn(width, x.shape[1], generator=generator)
        directions /= directions.norm(dim=1, keepdim=True)
        self.decoder, self.encoder = directions.clone(), directions.clone()
        self.bias, self.center = torch.zeros(width), torch.zeros(x.shape[1])
        self.weights = [self.encoder, self.bias, self.decoder, self.center]
        for weight in self.weights:
            weight.requires_grad_()
        self.silent = torch.zeros(width)  # examples since each was last active

    def run(self, give_way: Callable[[], object]) -> Iterator[float]:
        """Train, yielding now and then how many epochs are done, the last time all of them.
        give_way: called between the steps."""
        n = len(self.x)
        size = min(BATCH, max(1, n // 8))
        whole = n // size
        each = max(whole, LEAST)
        total, every = each * self.epochs, each // LOOKS
        adam = Adam(self.weights, RATE)
        order = torch.empty(0)
        for step in range(total):
            give_way()
            if step % whole == 0:
                order = torch.randperm(n, generator=self.generator)
            if step and step % every == 0 and total - step > every // 2:
                yield step / each
            batch = order[(step % whole) * size : (step % whole + 1) * size]
            adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / total))
            self._loss(self.x[batch]).backward()
            adam.advance()
            with torch.no_grad():
                self.decoder /= self.decoder.norm(dim=1, keepdim=True).clamp_min(1e-12)
        yield float(self.epochs)

    def _loss(self, x: Tensor) -> Tensor:
        """Squared error over that of the mean, and of the dead features on what is left over."""
        before = torch.addmm(self.bias, x - self.center, self.encoder.T)
        code = strongest(before, self.active)
        left = x - self.center - code @ self.decoder
        loss = left.square().sum(1).mean()
        with torch.no_grad():
            self.silent += len(x)
            self.silent[(code > 0).any(0)] = 0
            dead = (self.silent > SILENT).nonzero()[:, 0]
        if not self.revive or not len(dead):
            return loss
        # The strongest of the dead alone, for the error that the others leave. As many as are
        # active otherwise: with half of the units, as in the paper, more stayed dead here.
        some = strongest(before[:, dead], min(len(dead), self.active))
        rest = left.detach()
        missed = (rest - some @ self.decoder[dead]).square().sum() / rest.square().sum()
        return loss + REVIVING * missed

    @torch.no_grad()
    def coder(self) -> SparseCoder:
        """The coder as it is now, on the scale of what was given."""
        return SparseCoder(
            (self.mean + self.scale * self.center).detach(),
            self.scale,
            self.encoder.detach().clone(),
            self.bias.detach().clone(),
            self.decoder.detach().clone(),
            self.active,
        )


# What it is worth ----------------------------------------------------------------------------


def codes_of(coder: SparseCoder, x: Tensor, give_way: Callable[[], object]) -> Tensor:
    """The codes of many examples, (n, D), some at a time."""
    found = []
    for part in x.split(_ROWS):
        give_way()
        found.append(coder.encode(part))
    return torch.cat(found)


def ever_active(coder: SparseCoder, x: Tensor, give_way: Callable[[], object]) -> np.ndarray:
    """Which features are active for any of the examples x (n, units), (D,) bool."""
    found = torch.zeros(coder.width, dtype=torch.bool)
    for part in x.split(_ROWS):
        give_way()
        found |= (coder.encode(part) > 0).any(0)
    return found.numpy()


def explained(x: Tensor, x_hat: Tensor) -> float:
    """The share of the variance of x (n, units) that x_hat explains, in per cent, all units
    together: below 0 where the mean would be better."""
    left = (x - x_hat).double().square().sum()
    whole = (x - x.mean(0)).double().square().sum().clamp_min(1e-30)
    return float(100 * (1 - left / whole))


@torch.no_grad()
def pca_explained(train: Tensor, test: Tensor, ks: list[int]) -> list[float]:
    """The same of PCA, fitted to train (n, units), on test, for each number of components."""
    mean = train.mean(0)
    level = train - mean
    # In double: with many units that never fire, float32 finds no end.
    _, directions = torch.linalg.eigh((level.T @ level / len(train)).double())
    others = test - mean
    found = []
    for k in ks:
        some = directions[:, -min(k, len(mean)) :].float()
        found.append(explained(others, others @ some @ some.T))
    return found
