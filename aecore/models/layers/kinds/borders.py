"""Borders around images and signals, and their removal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError, ExportError
from aecore.models.layers.arguments import number
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register

#: What is put before and behind each axis of an image: ((top, bottom), (left, right)).
Border = tuple[tuple[int, int], tuple[int, int]]


class Pad(nn.Module):
    """A border of zeros around an image, (B, C, H, W) -> (B, C, H + 2n, W + 2n); n < 0 crops."""

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, [self.n] * 4)


class Crop(nn.Module):
    """A window of an image, (B, C, H, W) -> (B, C, height, width)."""

    def __init__(self, top: int, left: int, height: int, width: int):
        super().__init__()
        self.top, self.left, self.height, self.width = top, left, height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.top : self.top + self.height, self.left : self.left + self.width]


def _run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image = x.view(len(x), *op["in"])
    for axis, places in ((2, op["rows"]), (3, op["columns"])):
        at, along = torch.tensor(places), [1, 1, 1, 1]
        along[axis] = len(places)
        image = image.index_select(axis, at.clamp(min=0)) * (at >= 0).view(along)
    return image


#: Rows and columns of an image put together anew: each from one that was there, -1 for zeros.
PICK = Operation("pick", _run)

_SOURCES: dict[str, Callable[[int, int], int]] = {
    "zeros": lambda i, n: i if 0 <= i < n else -1,
    "reflect": lambda i, n: n - 1 - abs(n - 1 - abs(i)),
    "replicate": lambda i, n: min(max(i, 0), n - 1),
    "circular": lambda i, n: i % n,
}


def pick(image: Shape, border: Border, mode: str = "zeros") -> tuple[Op, Shape]:
    """A border of a mode around an image (C, H, W) as an operation, and the shape behind it."""
    source = _SOURCES[mode]
    rows, columns = (
        [source(i, n) for i in range(-before, n + behind)]
        for n, (before, behind) in zip(image[1:], border, strict=True)
    )
    settings = {"in": list(image), "rows": rows, "columns": columns}
    return PICK.op(settings), (image[0], len(rows), len(columns))


def as_image(shape: Shape) -> Shape:
    """A signal (C, L) as an image of one row (C, 1, L); an image as it is."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def like(shape: Shape, image: Shape) -> Shape:
    """The shape of an image as that of a signal, where `shape` is one."""
    return (image[0], image[2]) if len(shape) == 2 else image


def _bordered(layer: nn.Module, shape: Shape, border: Border) -> Shape:
    image = as_image(shape)
    sizes = [n + sum(both) for n, both in zip(image[1:], border, strict=True)]
    return like(shape, (image[0], *sizes))


def _appended(layer: nn.Module, shape: Shape, ops: list[Op], border: Border, mode: str) -> Shape:
    expect(len(shape) in (2, 3), layer, shape, "expected (channels, height, width)")
    expect(min(_bordered(layer, shape, border)) > 0, layer, shape, "nothing would be left of it")
    op, out = pick(as_image(shape), border, mode)
    ops.append(op)
    return like(shape, out)


# The same on all sides, and a window -------------------------------------------------------


def _pad_border(layer: Pad) -> Border:
    return (layer.n, layer.n), (layer.n, layer.n)


def _pad_sample(shape: Shape, pick: Pick) -> Pad | None:
    if len(shape) != 3:
        return None
    return Pad(pick((1, 2) if min(shape[1:]) < 4 else (1, 2, -1)))


register(
    LayerEntry(
        layer=Pad,
        sample=_pad_sample,
        after=lambda layer, before: _bordered(layer, before, _pad_border(layer)),
        trace=lambda layer, shape, ops: _appended(layer, shape, ops, _pad_border(layer), "zeros"),
        operations=(PICK,),
        multiply_adds=lambda layer, before, after: prod(after),
    )
)


def _crop_border(layer: Crop, shape: Shape) -> Border:
    # Behind an end, as a slice: there is no more to take.
    (_, height, width), found = shape, []
    for n, start, size in ((height, layer.top, layer.height), (width, layer.left, layer.width)):
        end = min(n, start + size)
        found.append((-min(start, n), end - n))
    return found[0], found[1]


def _window(top: int, left: int, height: int, width: int) -> Crop:
    if min(top, left) < 0 or min(height, width) < 1:
        raise ConfigError("Crop takes the first row and column from 0, and a height and a width.")
    return Crop(top, left, height, width)


def _trace_crop(layer: Crop, shape: Shape, ops: list[Op]) -> Shape:
    expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")
    return _appended(layer, shape, ops, _crop_border(layer, shape), "zeros")


def _crop_sample(shape: Shape, pick: Pick) -> Crop | None:
    if len(shape) != 3:
        return None
    return Crop(pick((1, 0)), pick((0, 1)), pick((2, 1)), pick((3, 1, 2)))


register(
    LayerEntry(
        layer=Crop,
        sample=_crop_sample,
        after=lambda layer, before: _bordered(layer, before, _crop_border(layer, before)),
        make=_window,
        trace=_trace_crop,
        operations=(PICK,),
        multiply_adds=lambda layer, before, after: prod(after),
    )
)

# PyTorch's own ----------------------------------------------------------------------------


def _sides(layer: Any) -> tuple[int, ...]:
    """(left, right) or (left, right, top, bottom)."""
    return tuple(layer.padding)


def _border(layer: nn.Module) -> Border:
    left, right, *rest = _sides(layer)
    return (rest[0], rest[1]) if rest else (0, 0), (left, right)


def _makes(cls: type[nn.Module]) -> Callable[..., nn.Module]:
    """Reads ReflectionPad2d(1), (1, 2, 1, 2) as PyTorch prints it, and 1, 2, 1, 2."""

    def make(*sides: int | Sequence[int]) -> nn.Module:
        given = sides[0] if len(sides) == 1 else sides
        if not isinstance(given, int) and len(given) != (4 if "2d" in cls.__name__ else 2):
            raise ConfigError(f"{cls.__name__} takes one size, or one for each side.")
        return cls(given)

    return make


def _samples(cls: type[nn.Module], dims: int) -> Callable[[Shape, Pick], nn.Module | None]:
    def sample(shape: Shape, pick: Pick) -> nn.Module | None:
        if len(shape) != dims + 1 or min(shape[1:]) < 3:
            return None
        sides = [pick((1, 2, 0)) for _ in range(2 * dims)]
        return cls(pick((tuple(sides), sides[0])))

    return sample


def _traces(mode: str) -> Callable[[nn.Module, Shape, list[Op]], Shape]:
    return lambda layer, shape, ops: _appended(layer, shape, ops, _border(layer), mode)


_MODES = {
    "zeros": (nn.ZeroPad1d, nn.ZeroPad2d),
    "reflect": (nn.ReflectionPad1d, nn.ReflectionPad2d),
    "replicate": (nn.ReplicationPad1d, nn.ReplicationPad2d),
    "circular": (nn.CircularPad1d, nn.CircularPad2d),
}
for _mode, _classes in _MODES.items():
    for _dims, _cls in enumerate(_classes, 1):
        register(
            LayerEntry(
                layer=_cls,
                sample=_samples(_cls, _dims),
                after=lambda layer, before: _bordered(layer, before, _border(layer)),
                make=_makes(_cls),
                line=lambda layer: ", ".join(map(str, _sides(layer))),
                trace=_traces(_mode),
                operations=(PICK,),
                multiply_adds=lambda layer, before, after: prod(after),
            )
        )


# Another value than zero ------------------------------------------------------------------


def _constant_line(layer: Any) -> str:
    return f"{_sides(layer)}, {number(float(layer.value))}"


def _trace_constant(layer: Any, shape: Shape, ops: list[Op]) -> Shape:
    if layer.value:
        raise ExportError("a border of another value than 0 is not supported.")
    return _appended(layer, shape, ops, _border(layer), "zeros")


def _constant_samples(
    cls: Callable[..., nn.Module], dims: int
) -> Callable[[Shape, Pick], nn.Module | None]:
    def sample(shape: Shape, pick: Pick) -> nn.Module | None:
        return cls(pick((1, (2, 1) * dims)), 0.0) if len(shape) == dims + 1 else None

    return sample


for _dims, _cls in enumerate((nn.ConstantPad1d, nn.ConstantPad2d), 1):
    register(
        LayerEntry(
            layer=_cls,
            sample=_constant_samples(_cls, _dims),
            after=lambda layer, before: _bordered(layer, before, _border(layer)),
            line=_constant_line,
            trace=_trace_constant,
            operations=(PICK,),
            multiply_adds=lambda layer, before, after: prod(after),
        )
    )
