"""Examples that do not belong to a dataset, made from its own: for tests of what a model notices.

Each kind keeps the shape and the range of the values, so that nothing but the picture is foreign.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aecore.datasets.corruption import corrupt
from aecore.datasets.sources import shapes
from aecore.types import DataSpec

DIMMED = 0.5  # of the brightness that is left
HOLE = (8 / 28, 10 / 28)  # of an image's height and width
GAP = 0.2  # of a signal
LARGE = 3.0  # standard deviations of a table's noise
Maker = Callable[[Tensor, torch.Generator], Tensor]


def foreign(x: Tensor, spec: DataSpec, generator: torch.Generator) -> dict[str, Tensor]:
    """One foreign example for each of x, (n, *shape) in the data's range, by kind.

    The kinds' names are for people, in the order of `foreign_kinds`.
    """
    return {name: make(x, generator) for name, make in _makers(spec).items()}


def foreign_kinds(spec: DataSpec) -> tuple[str, ...]:
    """The names of the kinds that there are for such data."""
    return tuple(_makers(spec))


def _makers(spec: DataSpec) -> dict[str, Maker]:
    if spec.kind == "image" and len(spec.shape) == 3:
        square = spec.shape[1] == spec.shape[2]
        return _IMAGES if square else {k: v for k, v in _IMAGES.items() if v is not _turned}
    return _TABLES if spec.kind == "table" else _SIGNALS


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(x.shape, generator=generator)


def _blank(x: Tensor, _: torch.Generator) -> Tensor:
    return torch.zeros_like(x)


def _dimmed(x: Tensor, _: torch.Generator) -> Tensor:
    return DIMMED * x


def _turned(x: Tensor, _: torch.Generator) -> Tensor:
    return torch.rot90(x, 1, (-2, -1))


def _upside_down(x: Tensor, _: torch.Generator) -> Tensor:
    return torch.rot90(x, 2, (-2, -1))


def _overlaid(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.maximum(x, x[_others(x, generator)])


def _others(x: Tensor, generator: torch.Generator) -> Tensor:
    """For each of x the place of another one."""
    order = torch.randperm(len(x), generator=generator)
    found = torch.empty_like(order)
    found[order] = order.roll(1)
    return found


def _hole(x: Tensor, generator: torch.Generator) -> Tensor:
    """A rectangle that covers nothing in the outer eighth is black."""
    found = x.clone()
    sides = x.shape[-2:]
    size = [max(1, round(share * side)) for share, side in zip(HOLE, sides, strict=True)]
    starts = []
    for side, long in zip(sides, size, strict=True):
        edge = side // 8
        free = max(1, side - 2 * edge - long + 1)
        starts.append(edge + torch.randint(free, (len(x),), generator=generator))
    for row, (top, left) in enumerate(zip(*(s.tolist() for s in starts), strict=True)):
        found[row, :, top : top + size[0], left : left + size[1]] = 0
    return found


def _shapes(x: Tensor, generator: torch.Generator) -> Tensor:
    """The generated shapes, of x's size."""
    n = len(x)
    low, high = np.array(list(shapes.RANGES.values()), np.float32).T
    factors = low + (high - low) * torch.rand(n, len(low), generator=generator).numpy()
    kinds = torch.randint(len(shapes.KINDS), (n,), generator=generator).numpy()
    drawn = torch.from_numpy(shapes.draw(kinds, factors))[:, None].float() / 255
    size = list(x.shape[-2:])
    drawn = F.interpolate(drawn, size, mode="bilinear", antialias=True, align_corners=False)
    return drawn.clamp_(0, 1).expand(-1, x.shape[1], -1, -1).contiguous()


def _gap(x: Tensor, generator: torch.Generator) -> Tensor:
    """A stretch reads nothing."""
    found, long = x.clone(), max(1, round(GAP * x.shape[-1]))
    starts = torch.randint(x.shape[-1] - long + 1, (len(x),), generator=generator)
    for row, start in enumerate(starts.tolist()):
        found[row, ..., start : start + long] = 0
    return found


def _flat(x: Tensor, _: torch.Generator) -> Tensor:
    return x.mean(-1, keepdim=True).expand_as(x).contiguous()


def _weaker(x: Tensor, _: torch.Generator) -> Tensor:
    middle = x.mean(-1, keepdim=True)
    return middle + DIMMED * (x - middle)


def _swapped(x: Tensor, _: torch.Generator) -> Tensor:
    return x.roll(x.shape[-1] // 2, -1)


def _averaged(x: Tensor, generator: torch.Generator) -> Tensor:
    return (x + x[_others(x, generator)]) / 2


def _noisy(x: Tensor, generator: torch.Generator) -> Tensor:
    return corrupt(x, "gaussian", 0.1, generator)


def _shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each column of another row: every value is usual, the row is not."""
    order = torch.rand(x.shape, generator=generator).argsort(0)
    return x.gather(0, order)


def _far(x: Tensor, generator: torch.Generator) -> Tensor:
    return LARGE * torch.randn(x.shape, generator=generator)


def _twice(x: Tensor, _: torch.Generator) -> Tensor:
    return 2 * x


_IMAGES: dict[str, Maker] = {
    "noise": _noise,
    "turned by 90°": _turned,
    "upside down": _upside_down,
    "two overlaid": _overlaid,
    "with a hole": _hole,
    "generated shapes": _shapes,
    "dimmed": _dimmed,
    "blank": _blank,
}
_SIGNALS: dict[str, Maker] = {
    "noise": _noise,
    "noisy": _noisy,
    "with a gap": _gap,
    "halves swapped": _swapped,
    "two averaged": _averaged,
    "weaker": _weaker,
    "flat": _flat,
}
_TABLES: dict[str, Maker] = {
    "noise": _far,
    "columns shuffled": _shuffled,
    "twice as far": _twice,
    "the mean row": _blank,
}
