"""Damage that is done to examples on purpose, and autoencoders that learn to undo some of it."""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from aecore.datasets import Split
from aecore.datasets.corruption import CORRUPTIONS, corrupt, uniform
from aecore.lab.training import in_proportion
from aecore.models.families.denoising import DenoisingAE
from aecore.models.presets import preset
from aecore.models.registry import options_of
from aecore.training.state import TrainState
from aecore.types import DataSpec, TrainConfig

PRESET, BATCH = "denoising-ae", 64
HOLE, CLEAN = "hole", "clean"
_EDGE = 0.25  # of the room around a hole is left at each end: most examples have nothing there


@dataclass(frozen=True)
class Damage:
    """kind: of CORRUPTIONS, HOLE (one square of zeros, one gap of a signal) or CLEAN (none).
    level: as there; of a hole its side as a share of the example's."""

    kind: str = CLEAN
    level: float = 0.0

    @property
    def name(self) -> str:
        """For files and figures."""
        return CLEAN if self.kind == CLEAN else f"{self.kind}_{round(100 * self.level)}"

    @property
    def title(self) -> str:
        """For people."""
        if self.kind == CLEAN:
            return "no noise"
        if self.kind == HOLE:
            return f"one hole, {100 * self.level:.0f} % wide"
        if self.kind == "gaussian":
            return f"Gaussian, σ = {self.level:g}"
        return f"{CORRUPTIONS[self.kind].label.lower()}, {100 * self.level:.0f} %"

    @property
    def leaves_holes(self) -> bool:
        """Whether it takes values away and leaves the others as they were."""
        return self.kind in (HOLE, "mask")

    def of(self, x: Tensor, generator: torch.Generator, bounded: bool = True) -> Tensor:
        """A damaged copy of x, as `corrupt` has it."""
        if self.kind == CLEAN:
            return x.clone()
        if self.kind == HOLE:
            return x * _outside(x, self.level, generator)
        return corrupt(x, self.kind, self.level, generator, bounded)

    def seen(self, x: Tensor, seed: int, bounded: bool = True) -> Tensor:
        """The same for a seed: whoever asks with it sees the same."""
        return self.of(x, self._generator(seed), bounded)

    def known(self, x: Tensor, seed: int) -> Tensor:
        """Which values `seen` leaves, bool, of x's shape; for damage that leaves holes."""
        return self.of(torch.ones_like(x), self._generator(seed), bounded=True) > 0

    def _generator(self, seed: int) -> torch.Generator:
        return torch.Generator().manual_seed((seed << 20) + zlib.crc32(self.name.encode()))


def _outside(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """1 outside of one hole in each example, 0 in it, (B, 1, *space) or (B, L)."""
    space = x.shape[2:] if x.ndim > 2 else x.shape[1:]
    lead = 2 if x.ndim > 2 else 1
    inside = torch.ones((len(x), *[1] * (x.ndim - 1)), dtype=torch.bool, device=x.device)
    for axis, n in enumerate(space):
        side = max(1, round(share * n))
        edge = int(_EDGE * (n - side))
        start = edge + (uniform((len(x), 1), x, generator) * (n - side - 2 * edge + 1)).long()
        at = torch.arange(n, device=x.device)
        here = (at >= start) & (at < start + side)
        shape = [len(x), *[1] * (x.ndim - 1)]
        shape[lead + axis] = n
        inside = inside & here.view(shape)
    return (~inside).to(x.dtype)


class Mender(DenoisingAE):
    """A dense denoising autoencoder of `damages`: a part of each batch gets each of them.

    Not among the families, since its options cannot say what it undoes.
    """

    damages: tuple[Damage, ...] = (Damage(),)

    def damage(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """x as the encoder gets to see it, of x's shape."""
        generator = generator or torch.default_generator
        bounded = self.spec.data.bounded
        pieces = x.tensor_split(len(self.damages))
        both = zip(pieces, self.damages, strict=True)
        return torch.cat([damage.of(piece, generator, bounded) for piece, damage in both])


def beginner(data: DataSpec, damages: tuple[Damage, ...], seed: int) -> TrainState:
    """An untrained one; the same seed gives the same weights."""
    spec = preset(PRESET).spec(data)
    if data.bounded:
        # In three epochs it comes further by cross-entropy: .0078 for .0102 at σ = .2 on MNIST,
        # with the smaller batches of `brisk`.
        spec = dataclasses.replace(spec, options=spec.options | {"loss": "bce"})
    model = Mender(spec, options_of(spec))
    model.damages = damages
    model.initialise(torch.Generator().manual_seed(seed))
    return TrainState(model.eval())


def brisk(train: Split, epochs: int, seed: int) -> TrainConfig:
    """A training of some seconds; of few examples in proportion more epochs."""
    config = in_proportion(preset(PRESET), train, epochs, seed)
    return dataclasses.replace(config, batch_size=min(BATCH, config.batch_size))
