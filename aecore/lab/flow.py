"""Flow matching: a velocity that carries noise to codes along straight ways, learnt in seconds.

x_t = (1 - t) noise + t code; a network learns the mean of code - noise at (x_t, t), and Euler steps
along it make codes from noise. Lipman et al. 2023, 'Flow matching for generative modeling'; Liu et
al. 2023, 'Flow straight and fast'. On an autoencoder's codes it is the latent diffusion of Rombach
et al. 2022 in its simplest form; guidance by class is that of Ho and Salimans 2022.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from aecore.lab.control import LabControl
from aecore.training.optimiser import Adam

WIDTHS = (256, 256, 256)
WAVES = 8  # sines, and as many cosines, of the time
BATCH, RATE = 1024, 3e-3
DROPPED = 0.1  # of the classes are not said in training, so that it learns both
STEPS = 20  # of Euler's method, unless asked for others
RECENT = 0.04  # share of the training over which weights are averaged, about
_PART = 2000  # codes that are carried at once


class Flow:
    """A flow to codes (n, k), with the class as a condition where there are classes.

    middle, spread: (k,), by which codes are standardised. classes: 0 for no condition.
    """

    def __init__(
        self, middle: np.ndarray, spread: np.ndarray, classes: int, generator: torch.Generator
    ):
        self.middle, self.spread = (torch.from_numpy(np.float32(v)) for v in (middle, spread))
        self.classes, self._generator = classes, generator
        k = len(middle)
        widths = (k + 2 * WAVES + classes, *WIDTHS, k)
        layers: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            layer = nn.utils.skip_init(nn.Linear, n_in, n_out)
            bound = n_in**-0.5
            for weight in layer.parameters():
                nn.init.uniform_(weight, -bound, bound, generator=generator)
            layers += [layer, nn.SiLU()] if i < len(WIDTHS) else [layer]
        self._net = nn.Sequential(*layers)
        self._weights = list(self._net.parameters())
        #: What it draws with: the weights' running mean, which wanders less than they do.
        self._mean = [w.detach().clone() for w in self._weights]
        self.products = sum(a * b for a, b in itertools.pairwise(widths))

    def train(
        self,
        take: Callable[[Tensor], Tensor],
        n: int,
        labels: np.ndarray | None,
        steps: int,
        control: LabControl,
    ) -> Iterator[int]:
        """Train on n codes and their classes (n,), None for none; yields how many steps are done,
        after each. take: rows (b,) -> those codes (b, k). Raises Interrupted where it is stopped.
        """
        said = None if labels is None or not self.classes else torch.from_numpy(labels)
        adam = Adam(self._weights, RATE)
        for step in range(steps):
            control.give_way()
            rows = torch.randint(n, (BATCH,), generator=self._generator)
            x = (take(rows) - self.middle) / self.spread
            loss = self._loss(x, None if said is None else said[rows])
            gradients = torch.autograd.grad(loss, self._weights)
            adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            adam.advance(gradients)
            # While there were few steps, most of the mean would be the weights at the start.
            kept = min(1 - 1 / max(1.0, RECENT * steps), step / (step + 10))
            for mean, weight in zip(self._mean, self._weights, strict=True):
                mean.lerp_(weight.detach(), 1 - kept)
            yield step + 1

    def _loss(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Mean squared error of the velocity at one time of each of x (b, k), per number."""
        generator = self._generator
        noise = torch.empty_like(x).normal_(generator=generator)
        t = torch.rand((len(x), 1), generator=generator)
        condition = self._condition(len(x), labels)
        if labels is not None:
            condition *= torch.rand((len(x), 1), generator=generator) >= DROPPED
        inputs = torch.cat([noise.lerp(x, t), _waves(t), condition], 1)
        return nn.functional.mse_loss(self._net(inputs), x - noise)

    def _condition(self, n: int, labels: Tensor | None) -> Tensor:
        """The classes as ones among zeros, (n, classes); all zeros where none is said."""
        condition = torch.zeros(n, self.classes)
        if labels is not None:
            condition[torch.arange(n), labels] = 1
        return condition

    @torch.inference_mode()
    def path(
        self,
        noise: np.ndarray,
        labels: np.ndarray | None,
        control: LabControl,
        steps: int = STEPS,
        guidance: float = 1.0,
    ) -> np.ndarray:
        """Codes on the way from noise (n, k), (steps + 1, n, k); the last are the samples.

        labels: (n,), None for no class said. guidance: how far the velocity goes from that
        without a class to that with it, and beyond; 0 does not listen to the class, 1 just does.
        """
        parts = self._carried(noise, labels, control, steps, guidance)
        return torch.cat([torch.stack(list(way)) for way in parts], 1).numpy()

    @torch.inference_mode()
    def draw(
        self,
        noise: np.ndarray,
        labels: np.ndarray | None,
        control: LabControl,
        steps: int = STEPS,
        guidance: float = 1.0,
    ) -> np.ndarray:
        """What `path` ends with, (n, k)."""
        parts = self._carried(noise, labels, control, steps, guidance)
        return torch.cat([deque(way, maxlen=1)[0] for way in parts]).numpy()

    def _carried(
        self,
        noise: np.ndarray,
        labels: np.ndarray | None,
        control: LabControl,
        steps: int,
        guidance: float,
    ) -> Iterator[Iterator[Tensor]]:
        """The ways of some noise after the other, each step (b, k) of them."""
        for start in range(0, len(noise), _PART):
            part = slice(start, start + _PART)
            said = None if labels is None else torch.from_numpy(labels[part])
            yield self._way(torch.from_numpy(noise[part]), said, control, steps, guidance)

    def _way(
        self, x: Tensor, labels: Tensor | None, control: LabControl, steps: int, guidance: float
    ) -> Iterator[Tensor]:
        plain, told = self._condition(len(x), None), self._condition(len(x), labels)
        yield x * self.spread + self.middle
        for step in range(steps):
            control.give_way()
            waves = _waves(torch.full((len(x), 1), step / steps))
            velocity = self._velocity(torch.cat([x, waves, told], 1))
            if labels is not None and guidance != 1:
                velocity = self._velocity(torch.cat([x, waves, plain], 1)).lerp(velocity, guidance)
            x = x + velocity / steps
            yield x * self.spread + self.middle

    def _velocity(self, inputs: Tensor) -> Tensor:
        weights = self._mean
        for i in range(0, len(weights), 2):
            inputs = nn.functional.linear(inputs, weights[i], weights[i + 1])
            if i < len(weights) - 2:
                inputs = nn.functional.silu(inputs, inplace=True)
        return inputs


def _waves(t: Tensor) -> Tensor:
    """Sines and cosines of times (b, 1) in [0, 1], (b, 2 WAVES); the slowest is half a turn, so
    that begin and end are told apart."""
    angles = math.pi * t * torch.arange(1, WAVES + 1)
    return torch.cat([angles.sin(), angles.cos()], 1)
