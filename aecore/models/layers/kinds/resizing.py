"""Images and signals at another size."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.arguments import arguments_of, number
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.kinds.borders import as_image
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


def _sides(layer: nn.Upsample, before: Shape) -> list[int]:
    """The length, or the height and width, that it gives."""
    dims = len(before) - 1
    if layer.size is not None:
        return list(layer.size) if isinstance(layer.size, tuple | list) else [layer.size] * dims
    return [int(n * f) for n, f in zip(before[1:], _factors(layer, dims), strict=True)]


def _after(layer: nn.Upsample, before: Shape) -> Shape:
    return (before[0], *_sides(layer, before))


def _trace(layer: nn.Upsample, shape: Shape, ops: list[Op]) -> Shape:
    dims = len(shape) - 1
    expect(dims in (1, 2), layer, shape, "expected (channels, height, width)")
    if layer.mode not in ("nearest", "nearest-exact", "linear", "bilinear"):
        raise ExportError(f"upsampling mode '{layer.mode}' is not supported.")
    out = _after(layer, shape)
    if layer.size is not None or layer.recompute_scale_factor:
        scale = [n / size for n, size in zip(shape[1:], out[1:], strict=True)]
    else:
        scale = [1 / f for f in _factors(layer, dims)]
    sources = [
        _sources(layer, n, size, by) for n, size, by in zip(shape[1:], out[1:], scale, strict=True)
    ]
    rows, columns = sources if dims == 2 else ([(0, 0.0)], sources[0])
    settings = {"in": list(as_image(shape)), "out": list(as_image(out))}
    ops.append(INTERPOLATE.op({**settings, "rows": rows, "columns": columns}))
    return out


def _factors(layer: nn.Upsample, dims: int) -> list[float]:
    factor = layer.scale_factor
    if isinstance(factor, tuple):
        return list(factor)
    return [float(factor or 1)] * dims


def _sources(layer: nn.Upsample, n: int, size: int, scale: float) -> list[tuple[int, float]]:
    """For each of `size` rows (or columns) made from n: the row that it is made from, and the
    share that the next one has in it."""
    to = np.arange(size, dtype=np.float32)
    if layer.mode.startswith("nearest"):
        middle = np.float32(0.5 if layer.mode == "nearest-exact" else 0)
        at = np.floor((to + middle) * np.float32(scale))
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
    others = arguments_of(layer, leave_out=("size", "scale_factor", "mode"), quoted=repr)
    return ", ".join([size, f"mode={layer.mode!r}", *others])


def _sample(shape: Shape, pick: Pick) -> nn.Upsample | None:
    dims = len(shape) - 1
    if dims not in (1, 2):
        return None
    modes = ("nearest", "linear" if dims == 1 else "bilinear", "nearest-exact")
    mode, factor = pick(modes), pick((2.0, (1.5, 2.0)[:dims], None))
    size = None if factor else tuple(n + pick((1, 2, 3)) for n in shape[1:])
    corners = pick((None, True)) if "linear" in mode else None
    again = pick((None, True)) if factor else None
    return nn.Upsample(size, factor, mode, corners, again)


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
