"""Images at another size."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.arguments import number
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect_image, pair
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register


class Resize(nn.Module):
    """An image at another size, bilinear, (B, C, H, W) -> (B, C, height, width)."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.size = (height, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image = x.view(len(x), *op["in"])
    for axis, sources in ((2, op["rows"]), (3, op["columns"])):
        low, share = torch.tensor([i for i, _ in sources]), torch.tensor([s for _, s in sources])
        last, along = image.shape[axis] - 1, [1, 1, 1, 1]
        along[axis] = len(sources)
        above = image.index_select(axis, (low + 1).clamp(max=last))
        image = torch.lerp(image.index_select(axis, low), above, share.view(along))
    return image


INTERPOLATE = Operation("interpolate", _run)


def _after(layer: nn.Upsample, before: Shape) -> Shape:
    if layer.size is not None:
        return (before[0], *pair(layer.size))
    down, right = _factors(layer)
    return (before[0], int(before[1] * down), int(before[2] * right))


def _trace(layer: nn.Upsample, shape: Shape, ops: list[Op]) -> Shape:
    expect_image(layer, shape)
    if layer.mode not in ("nearest", "bilinear"):
        raise ExportError(f"upsampling mode '{layer.mode}' is not supported.")
    if layer.size is not None:
        size = pair(layer.size)
        scale = [shape[1 + i] / size[i] for i in (0, 1)]
    else:
        factors = _factors(layer)
        size = (int(shape[1] * factors[0]), int(shape[2] * factors[1]))
        scale = [1 / f for f in factors]
    out = (shape[0], *size)
    ops.append(
        INTERPOLATE.op(
            {
                "in": list(shape),
                "out": list(out),
                "rows": _sources(layer, shape[1], size[0], scale[0]),
                "columns": _sources(layer, shape[2], size[1], scale[1]),
            }
        )
    )
    return out


def _factors(layer: nn.Upsample) -> tuple[float, float]:
    factor = layer.scale_factor
    if isinstance(factor, tuple):
        down, right = factor
        return down, right
    return float(factor or 1), float(factor or 1)


def _sources(layer: nn.Upsample, n: int, size: int, scale: float) -> list[tuple[int, float]]:
    """For each of `size` rows (or columns) made from n: the row that it is made from, and the
    share that the next one has in it."""
    to = np.arange(size, dtype=np.float32)
    if layer.mode == "nearest":
        at = np.floor(to * np.float32(scale))
    elif layer.align_corners:
        at = to * np.float32((n - 1) / (size - 1) if size > 1 else 0)
    else:
        at = np.maximum(0, (to + np.float32(0.5)) * np.float32(scale) - np.float32(0.5))
    low = np.minimum(n - 1, np.floor(at).astype(int))
    share = np.where(low + 1 < n, at - low, 0)
    return [(int(i), float(s)) for i, s in zip(low, share, strict=True)]


def _multiply_adds(layer: nn.Module, before: Shape, after: Shape) -> int:
    return 4 * prod(after)


def _line(layer: nn.Upsample) -> str:
    if layer.size is not None:
        size = f"size={layer.size}"
    elif isinstance(layer.scale_factor, tuple):
        size = f"scale_factor={layer.scale_factor}"
    else:
        size = f"scale_factor={number(float(layer.scale_factor or 1))}"
    corners = ", align_corners=True" if layer.align_corners else ""
    return f"{size}, mode='{layer.mode}'{corners}"


def _sample(shape: Shape, pick: Pick) -> nn.Upsample | None:
    if len(shape) != 3:
        return None
    mode, factor = pick(("nearest", "bilinear")), pick((2.0, (1.0, 2.0), None))
    size = None if factor else (shape[1] + pick((1, 2)), shape[2] + pick((3, 0)))
    corners = pick((None, True)) if mode == "bilinear" else None
    return nn.Upsample(size, factor, mode, corners)


register(
    LayerEntry(
        layer=nn.Upsample,
        sample=_sample,
        after=_after,
        line=_line,
        trace=_trace,
        operations=(INTERPOLATE,),
        multiply_adds=_multiply_adds,
    )
)


def _trace_resize(layer: Resize, shape: Shape, ops: list[Op]) -> Shape:
    return _trace(nn.Upsample(size=layer.size, mode="bilinear"), shape, ops)


def _sizes(layer: Resize) -> list[str]:
    return [str(n) for n in layer.size]


def _resize_call(layer: Resize, encoder: Sequence[nn.Module]) -> list[str]:
    return _sizes(layer)


def _resize_sample(shape: Shape, pick: Pick) -> Resize | None:
    return Resize(pick((5, 3, 8)), pick((4, 7))) if len(shape) == 3 else None


register(
    LayerEntry(
        layer=Resize,
        sample=_resize_sample,
        after=lambda layer, before: (before[0], *layer.size),
        line=lambda layer: ", ".join(_sizes(layer)),
        script=_resize_call,
        trace=_trace_resize,
        operations=(INTERPOLATE,),
        multiply_adds=_multiply_adds,
    )
)
