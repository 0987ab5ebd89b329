"""Ways to damage examples, for denoising autoencoders and for tests of what a model withstands.

Vincent et al. 2008 use gaussian, salt-and-pepper and masking noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from aecore.errors import ConfigError


@dataclass(frozen=True)
class Corruption:
    """One kind of damage for a form: its name, the range and default of its level, and help."""

    label: str
    range: tuple[float, float]
    default: float
    help: str


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian": Corruption(
        "Gaussian noise",
        (0.0, 1.0),
        0.3,
        "Adds noise to every value; the level is its standard deviation, on a scale of 0 to 1.",
    ),
    "salt_pepper": Corruption(
        "Salt and pepper",
        (0.0, 1.0),
        0.2,
        "Sets this share of the values to 0 or 1, as often the one as the other.",
    ),
    "mask": Corruption("Missing values", (0.0, 1.0), 0.4, "Sets this share of the values to 0."),
    "blocks": Corruption(
        "Missing blocks",
        (0.0, 1.0),
        0.25,
        "Covers this share of an image with black squares, of a signal with gaps.",
    ),
    "blur": Corruption(
        "Blur",
        (0.0, 8.0),
        1.5,
        "Smears neighbouring values; the level is the width of the Gaussian, in pixels or samples.",
    ),
}

# A square's side, or a gap's length, as a share of the example's; an example is cut into a grid.
BLOCKS = 7


def corrupt(
    x: Tensor, kind: str, level: float, generator: torch.Generator, bounded: bool = True
) -> Tensor:
    """Return a damaged copy of x, on its device.

    x: (B, C, H, W) images, or (B, L) and (B, C, L) signals and tables, float. kind: a key of
    CORRUPTIONS; level: within its range. bounded: values are in [0, 1] and stay there; False for a
    table, whose columns are standardised, so that 0 is a column's mean, salt and pepper are -3 and
    3, and a row's order means nothing. Every random number is the generator's, which must be on
    x's device. Raises ConfigError.
    """
    if kind not in CORRUPTIONS:
        raise ConfigError(
            f"The corruption must be one of {', '.join(CORRUPTIONS)}; it was {str(kind)[:40]!r}."
        )
    low, high = CORRUPTIONS[kind].range
    if isinstance(level, bool) or not isinstance(level, int | float) or not low <= level <= high:
        raise ConfigError(
            f"The level of {kind} must be a number from {low:g} to {high:g}; it was {level!r:.40}."
        )
    if x.ndim not in (2, 3, 4):
        raise ConfigError(f"Expected examples in rows, images or signals; x has {x.ndim} axes.")
    if not bounded and kind == "blur":
        raise ConfigError(
            "A table cannot be blurred, since its columns have no order; choose another corruption."
        )
    if level == 0 or x.numel() == 0:
        return x.clone()
    if kind == "gaussian":
        noisy = x + level * torch.randn(
            x.shape, generator=generator, device=x.device, dtype=x.dtype
        )
        return noisy.clamp_(0, 1) if bounded else noisy
    if kind == "salt_pepper":
        return _salt_pepper(x, level, generator, bounded)
    if kind == "blur":
        return blur(x, level)
    keep = (
        kept_blocks(x, level, generator)
        if kind == "blocks" and bounded
        else uniform(_places(x), x, generator) >= level
    )
    return x * keep


def _places(x: Tensor) -> tuple[int, ...]:
    """The shape of one draw a pixel: all channels of an image share it."""
    return (len(x), 1, *x.shape[2:]) if x.ndim > 2 else tuple(x.shape)


# Exported scripts take the text of the next three functions, so they are public and complete.


def uniform(shape: tuple[int, ...], x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=x.device, dtype=torch.float32)


def _salt_pepper(x, level: float, generator: torch.Generator, bounded: bool) -> Tensor:
    pepper, salt = (0.0, 1.0) if bounded else (-3.0, 3.0)
    draw = uniform(_places(x), x, generator)
    out = torch.where(draw < level / 2, torch.full_like(x, pepper), x)
    return torch.where((draw >= level / 2) & (draw < level), torch.full_like(x, salt), out)


def kept_blocks(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Bool mask that is False on squares (stretches of a signal) covering `level` of each example.

    A grid, shifted at random, is laid over the example; `level` of its cells, chosen at random, go.
    Cells do not overlap, so that the share is right on the average; the last one is left or taken
    by chance, as far as the share is not a whole number of cells.
    """
    space = x.shape[2:] if x.ndim > 2 else x.shape[1:]
    side = max(1, round(min(space) / BLOCKS))
    # One cell more than fits each way: the shifted grid covers the whole.
    cells = [math.ceil(n / side) + 1 for n in space]
    total = math.prod(cells)
    order = uniform((len(x), total), x, generator).argsort(1).argsort(1)
    chance = uniform((len(x), 1), x, generator)
    gone = (order < torch.floor(level * total + chance)).view(len(x), *cells)
    for axis, n in enumerate(space):
        shift = (uniform((len(x), 1), x, generator) * side).long()
        cell = (torch.arange(n, device=x.device) + shift) // side
        shape = [len(x), *[1] * len(space)]
        shape[axis + 1] = n
        target = list(gone.shape)
        target[axis + 1] = n
        gone = gone.gather(axis + 1, cell.view(shape).expand(target))
    return ~(gone.unsqueeze(1) if x.ndim > 2 else gone)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of each axis in turn, the edge repeated outwards; reaches four sigmas."""
    reach = max(1, math.ceil(4 * sigma))
    offset = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
    kernel = kernel / kernel.sum()
    out = x
    for axis in range(1 if x.ndim == 2 else 2, x.ndim):
        line = out.movedim(axis, -1)
        flat = line.reshape(-1, 1, line.shape[-1])
        flat = F.conv1d(F.pad(flat, (reach, reach), mode="replicate"), kernel[None, None])
        out = flat.reshape(line.shape).movedim(-1, axis)
    return out.contiguous()
