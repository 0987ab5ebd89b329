"""Layers as both kinds of graphs tell them: settings in, operations out; ValueError for none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from aecore.inspection.files.steps import Graph, one

MAX_PICKED = 1 << 20  # values of an example whose places are written down


def pool(
    g: Graph,
    x: str,
    output: str,
    said: str,
    *,
    mean: bool,
    kernel: Sequence[int],
    stride: Any,
    pads: Sequence[int],
    dilation: Any = 1,
    ceil: bool = False,
    counted: bool = True,
    divisor: Any = None,
) -> None:
    """A maximum or mean of images or signals. pads: before and after, of each direction in order.

    counted: a mean counts its border as zeros.
    """
    count = len(kernel)
    before, after = list(pads[:count]), list(pads[count:])
    settings: dict[str, Any] = {"kernel_size": one(kernel), "stride": one(stride)}
    if before != after:
        if not mean:
            raise ValueError("a maximum whose border is not the same on both sides")
        if not counted or ceil:
            raise ValueError("a mean whose border is not the same on both sides")
        x = border(g, x, f"{output}.border", said, "constant", before, after)
        before = [0] * count
    settings["padding"] = one(before)
    if ceil:
        settings["ceil_mode"] = True
    if mean:
        if one(dilation) != 1:
            raise ValueError("a mean of values that do not lie side by side")
        if not counted and any(before):
            settings["count_include_pad"] = False
        if divisor:
            settings["divisor_override"] = int(divisor)
    elif one(dilation) != 1:
        settings["dilation"] = one(dilation)
    g.step(f"{'AvgPool' if mean else 'MaxPool'}{count}d", [x], output, said, settings)


def border(
    g: Graph,
    x: str,
    output: str,
    said: str,
    mode: str,
    before: Sequence[int],
    after: Sequence[int],
    value: float = 0.0,
) -> str:
    """A border around images or signals, or one taken away (below 0); the output's name."""
    if value != 0:
        raise ValueError("a border that is not of zeros")
    if mode in ("edge", "replicate", "reflect"):
        kind = "ReplicationPad" if mode != "reflect" else "ReflectionPad"
        sides = [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]
        settings = {"padding": one(sides)}
        g.step(f"{kind}{len(before)}d", [x], output, said, settings)
        return output
    if mode != "constant":
        raise ValueError(f"a border made in another way ({mode})")
    if len({*before, *after}) == 1:
        settings = {"n": before[0]} if len(before) == 2 else {"padding": before[0]}
        g.step("Pad" if len(before) == 2 else "ZeroPad1d", [x], output, said, settings)
    elif len(before) == 2:
        top, left, bottom, right = *before, *after
        g.step("ZeroPad2d", [x], output, said, {"padding": [left, right, top, bottom]})
    else:
        g.step("ZeroPad1d", [x], output, said, {"padding": [before[0], after[0]]})
    return output


def crop(
    g: Graph, x: str, output: str, said: str, starts: dict[int, int], stops: dict[int, int]
) -> None:
    """A part of images: from starts to stops of the dimensions 2 and 3."""
    _, _, height, width = g.sizes_of(x)
    top, left = starts.get(2, 0), starts.get(3, 0)
    bottom, right = stops.get(2, height), stops.get(3, width)
    if bottom is None or right is None:
        raise ValueError("an open size")
    settings = {"top": top, "left": left, "height": bottom - top, "width": right - left}
    g.step("Crop", [x], output, said, settings)


def resize(
    g: Graph,
    x: str,
    output: str,
    said: str,
    mode: str,
    *,
    factors: Sequence[float] | None = None,
    sizes: Sequence[int] | None = None,
    align_corners: bool = False,
) -> None:
    """Images at another size. mode: "nearest", "bilinear" or "bicubic"."""
    settings: dict[str, Any] = {"mode": mode}
    if sizes is not None:
        settings["size"] = tuple(int(n) for n in sizes)
    elif factors is not None:
        settings["scale_factor"] = tuple(float(f) for f in factors)
        if len(set(settings["scale_factor"])) == 1:
            settings["scale_factor"] = settings["scale_factor"][0]
    else:
        raise ValueError("an open size")
    if align_corners and mode != "nearest":
        settings["align_corners"] = True
    g.step("Upsample", [x], output, said, settings)


def clamp(g: Graph, x: str, output: str, said: str, low: float | None, high: float | None) -> None:
    """Values cut off below and above, or left as they are."""
    low = None if low is None or low <= -3e38 else low
    high = None if high is None or high >= 3e38 else high
    if low is None and high is None:
        g.same(output, x)
    elif (low, high) == (0.0, None):
        g.step("ReLU", [x], output, said)
    elif (low, high) == (0.0, 6.0):
        g.step("ReLU6", [x], output, said)
    else:
        g.step("Clamp", [x], output, said, {"low": low, "high": high})


def mean(g: Graph, x: str, output: str, said: str, axes: Sequence[int], kept: bool) -> None:
    """The mean over all places of images or signals."""
    rank = g.rank(x)
    if rank not in (3, 4) or sorted(a % rank for a in axes) != list(range(2, rank)):
        raise ValueError("a mean over something else than an image")
    made = output if kept else f"{output}.kept"
    g.step(f"AdaptiveAvgPool{rank - 2}d", [x], made, said, {"output_size": 1})
    if not kept:
        g.step("Flatten", [made], output, said)


def in_parts(
    g: Graph, x: str, outputs: Sequence[str], said: str, sizes: Sequence[int], axis: int
) -> None:
    """A value cut along an axis that is not the batch: one operation for each part."""
    if axis != 1:
        pick(g, x, outputs, said, lambda v: v.split(list(sizes), axis))
        return
    start = 0
    for output, size in zip(outputs, sizes, strict=True):
        g.part(x, output, said, start, start + size)
        start += size


def pick(
    g: Graph, x: str, outputs: Sequence[str], said: str, take: Callable[[Tensor], Sequence[Tensor]]
) -> None:
    """Values moved or left out, by doing it with their numbers. take: on a batch of one."""
    sizes = g.sizes_of(x)[1:]
    if any(size is None for size in sizes):
        raise ValueError("an open size")
    known = [int(size) for size in sizes if size is not None]
    count = math.prod(known)
    if count > MAX_PICKED:
        raise ValueError("too many values to be moved")
    found = take(torch.arange(count).reshape(1, *known))
    for output, places in zip(outputs, found, strict=True):
        if places.dim() < 2 or len(places) != 1:
            raise ValueError("values of several examples mixed")
        shape = list(places.shape[1:])
        index = places.reshape(-1)
        g.shapes[output] = [g.sizes_of(x)[0], *shape]
        if len(index) == count and bool((index == torch.arange(count)).all()):
            g.reshape(x, output, said, shape)
        else:
            g.step("Pick", [x], output, said, {"index": index.tolist(), "sizes": shape})


def nearest_is_torchs(size: int, factor: float, corners: str, rounding: str) -> bool:
    """Whether ONNX's rule takes for every new row the same old one as PyTorch's "nearest"."""
    new = int(size * factor)
    for i in range(new):
        if corners in ("half_pixel", "pytorch_half_pixel"):
            at = (i + 0.5) / factor - 0.5
        elif corners == "asymmetric":
            at = i / factor
        elif corners == "align_corners":
            at = i * (size - 1) / (new - 1) if new > 1 else 0.0
        else:
            return False
        if rounding == "floor":
            row = math.floor(at)
        elif rounding == "ceil":
            row = math.ceil(at)
        elif rounding == "round_prefer_ceil":
            row = math.floor(at + 0.5)
        else:
            row = math.ceil(at - 0.5)
        if min(max(row, 0), size - 1) != min(math.floor(i / factor), size - 1):
            return False
    return True
