"""How convolutions are usually run: strides, paddings and pooling, by how seldom one sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How one convolution is run, and what stands around it.

    before: an enlargement to this side, 0 for none. after: pooling (kernel, stride) or None, with a
    third number where it counts what is left over as well (ceil_mode).
    squeeze: after all, average pooling to this side before a linear layer, 0 for none. dilation:
    of the convolution.
    """

    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    before: int = 0
    after: tuple[int, ...] | None = None
    squeeze: int = 0
    dilation: int = 1


# kernel: (cost, stride, padding, pooling) on the way down. Costs are how seldom one sees it.
_POOL, _CEIL = (2, 2), (2, 2, 1)
_DOWN: dict[int, list] = {
    1: [(0, 1, 0, None), (0.6, 2, 0, None)],
    2: [(0, 2, 0, None), (0.6, 1, 0, None)],
    3: [
        (0, 2, 1, None),
        (0, 1, 1, _POOL),
        (0.1, 1, 1, None),
        (0.3, 1, 0, _POOL),
        (0.6, 1, 1, _CEIL),
        (0.9, 1, 0, _CEIL),
        (0.4, 1, 0, None),
        (0.4, 2, 0, None),
        (0.6, 3, 1, _POOL),
        (0.6, 2, 1, (2, 1)),
        (1.2, 2, 1, _POOL),
        (1.4, 3, 1, None),
        (1.6, 3, 0, None),
    ],
    4: [
        (0, 2, 1, None),
        (0.2, 1, 0, None),
        (0.6, 2, 0, None),
        (1, 1, 1, None),
        (1, 2, 2, None),
        (1.2, 3, 1, None),
        (1.4, 4, 0, None),
    ],
    5: [
        (0, 2, 2, None),
        (0.2, 1, 2, _POOL),
        (0.2, 1, 2, None),
        (0.2, 1, 0, _POOL),
        (0.8, 1, 2, _CEIL),
        (0.3, 1, 0, None),
        (0.3, 2, 0, None),
        (0.6, 2, 1, None),
        (1.2, 3, 1, None),
        (1.2, 3, 2, None),
    ],
    7: [
        (0, 1, 0, None),
        (0.2, 1, 3, None),
        (0.3, 1, 3, _POOL),
        (0.3, 2, 3, None),
        (1.2, 7, 0, None),
    ],
}
# kernel: (cost, stride, padding, output padding) of a transposed convolution.
_UP: dict[int, list] = {
    1: [(0, 1, 0, 0)],
    2: [(0, 2, 0, 0), (0.5, 2, 1, 0)],
    3: [
        (0, 2, 1, 1),
        (0.1, 2, 1, 0),
        (0.2, 1, 1, 0),
        (0.3, 1, 0, 0),
        (0.3, 2, 0, 0),
        (0.6, 2, 0, 1),
        (1.2, 3, 1, 0),
        (1.2, 3, 0, 0),
    ],
    4: [(0, 2, 1, 0), (0.1, 1, 0, 0), (0.6, 2, 0, 0), (0.7, 2, 2, 0), (1, 1, 1, 0), (1.4, 4, 0, 0)],
    5: [
        (0, 2, 2, 1),
        (0.2, 2, 2, 0),
        (0.2, 1, 0, 0),
        (0.3, 1, 2, 0),
        (0.3, 2, 0, 0),
        (0.5, 2, 0, 1),
        (0.6, 2, 1, 0),
        (0.7, 2, 1, 1),
        (0.5, 3, 1, 0),
        (1.2, 3, 1, 1),
        (1.2, 3, 0, 0),
    ],
    6: [(0.1, 2, 2, 0), (0.2, 2, 0, 0), (0.3, 1, 0, 0)],
    7: [(0, 1, 0, 0), (0.3, 1, 3, 0), (0.4, 2, 3, 1), (1.2, 7, 0, 0)],
}


# Networks of tutorials that many copied, whose settings one would not guess: ways and kernels to
# settings.
RECIPES: dict[tuple, tuple[Setting, ...]] = {
    (("conv", 3), ("conv", 3), ("transposed", 3), ("transposed", 5), ("transposed", 2)): (
        Setting(3, 1, after=_POOL),
        Setting(2, 1, after=(2, 1)),
        Setting(2, 0),
        Setting(3, 1),
        Setting(2, 1),
    )
}


def down(kernel: int) -> list:
    """(cost, stride, padding, pooling) of a convolution on the way down."""
    half = (kernel - 1) // 2
    return _DOWN.get(kernel) or [
        (0.4, 1, 0, None),
        (0.4, 2, half, None),
        (0.5, 1, half, None),
        (0.6, 1, half, _POOL),
        (0.7, 4, half, None),
        (1, kernel, 0, None),
    ]


def up(kernel: int) -> list:
    """(cost, stride, padding, output padding) of a transposed convolution."""
    half = (kernel - 1) // 2
    doubling = [(0.3, kernel // 2, kernel // 4, 0)] if kernel % 4 == 0 else []
    return _UP.get(kernel) or [
        *doubling,
        (0.4, 1, 0, 0),
        (0.4, 2, half, 1),
        (0.5, 2, half, 0),
        (0.5, 1, half, 0),
        (0.8, 4, half, 3),
        (1, kernel, 0, 0),
    ]
