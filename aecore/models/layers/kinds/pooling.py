"""Pooling of images and signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ConfigError, ExportError
from aecore.models.layers.arguments import arguments_of, one
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect, pair
from aecore.models.layers.kinds.borders import as_image, like
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import register

Pool = nn.MaxPool1d | nn.MaxPool2d | nn.AvgPool1d | nn.AvgPool2d


def _run_max(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image, dilation, whole = x.view(len(x), *op["in"]), op["dilation"], op["ceil"]
    return F.max_pool2d(image, op["kernel"], op["stride"], op["padding"], dilation, whole)


def _run_average(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    image, whole, counted = x.view(len(x), *op["in"]), op["ceil"], op["count_padding"]
    divisor = op["divisor"] or None
    return F.avg_pool2d(image, op["kernel"], op["stride"], op["padding"], whole, counted, divisor)


MAXIMUM = Operation("pool2d", _run_max, "max")
AVERAGE = Operation("pool2d", _run_average, "average")


def _trace(layer: Pool, shape: Shape, ops: list[Op]) -> Shape:
    dims, sides = (1, "length") if _signal(layer) else (2, "height, width")
    expect(len(shape) == dims + 1, layer, shape, f"expected (channels, {sides})")
    out = _after(layer, shape)
    settings = {
        "in": list(as_image(shape)),
        "out": list(as_image(out)),
        "kernel": list(_sides(layer, layer.kernel_size, 1)),
        "stride": list(_sides(layer, layer.stride, 1)),
        "padding": list(_sides(layer, layer.padding, 0)),
        "dilation": list(_sides(layer, getattr(layer, "dilation", 1), 1)),
        "ceil": bool(layer.ceil_mode),
        "count_padding": bool(getattr(layer, "count_include_pad", True)),
        "divisor": getattr(layer, "divisor_override", None) or 0,
    }
    largest = isinstance(layer, nn.MaxPool1d | nn.MaxPool2d)
    ops.append((MAXIMUM if largest else AVERAGE).op(settings))
    return out


def _signal(layer: nn.Module) -> bool:
    return isinstance(layer, nn.MaxPool1d | nn.AvgPool1d)


def _sides(layer: Pool, value: Any, beside: int) -> tuple[int, int]:
    """A setting for height and width; `beside` for the height that a signal does not have."""
    if _signal(layer):
        return beside, value[0] if isinstance(value, tuple | list) else value
    return pair(value)


def _after(layer: Pool, before: Shape) -> Shape:
    kernel, padding = _sides(layer, layer.kernel_size, 1), _sides(layer, layer.padding, 0)
    stride = _sides(layer, layer.stride, 1)
    dilation = _sides(layer, getattr(layer, "dilation", 1), 1)
    size, sides = [], as_image(before)[1:]
    for i in (0, 1):
        room = sides[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1
        n = room // stride[i] + 1
        if layer.ceil_mode and room % stride[i]:
            # The last window begins within the image or its border before, never behind it.
            n += n * stride[i] < sides[i] + padding[i]
        size.append(n)
    return like(before, (before[0], *size))


def _multiply_adds(layer: Pool, before: Shape, after: Shape) -> int:
    return prod(after) * prod(_sides(layer, layer.kernel_size, 1))


def _line(layer: Pool) -> str:
    """Kernel, stride and border always, as PyTorch's defaults are not the same for all."""
    first = [str(one(getattr(layer, name))) for name in ("kernel_size", "stride", "padding")]
    others = arguments_of(layer, leave_out=("kernel_size", "stride", "padding"), quoted=repr)
    return ", ".join(first + others)


def _call(layer: Pool, encoder: Sequence[nn.Module]) -> list[str]:
    """Pools keep their stride even where it is the kernel's size, which is the default."""
    implied = one(layer.stride) == one(layer.kernel_size)
    return arguments_of(layer, leave_out=("stride",) if implied else ())


def without_places(cls: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Reads a pool that gives the largest values alone, not also where each of them was."""

    def make(*args: Any, return_indices: bool = False, **named: Any) -> nn.Module:
        layer = cls(*args, **named)
        if return_indices or getattr(layer, "return_indices", False):
            raise ConfigError(
                "A pool with return_indices gives two results, of which a list of layers can pass "
                "on one: write it without, and what unpools another way."
            )
        return layer

    return make


def _kernels(shape: Shape, dims: int) -> list[Any]:
    return [2, 1, 3] if dims == 1 else [2, (2, 1), 1, (3, 2)]


def _sample_max(cls: Callable[..., Any], dims: int) -> Callable[[Shape, Pick], Any]:
    def sample(shape: Shape, pick: Pick) -> Any:
        if len(shape) != dims + 1 or min(shape[1:]) < 3:
            return None
        kernel, dilation = pick(_kernels(shape, dims)), pick((1, 2))
        border = 0 if kernel not in (2, 3) or dilation == 2 else pick((0, 1))
        if dilation == 2 and kernel != 1 and min(shape[1:]) < 5:
            dilation = 1
        whole, stride = pick((False, True)), pick((None, 1, 2))
        return cls(kernel, stride, border, dilation=dilation, ceil_mode=whole)

    return sample


def _sample_average(cls: Callable[..., Any], dims: int) -> Callable[[Shape, Pick], Any]:
    def sample(shape: Shape, pick: Pick) -> Any:
        if len(shape) != dims + 1 or min(shape[1:]) < 3:
            return None
        kernel = pick(_kernels(shape, dims))
        border = 0 if kernel not in (2, 3) else pick((0, 1))
        more = {"divisor_override": pick((None, 3))} if dims == 2 else {}
        stride, whole, counted = pick((None, 1, 2)), pick((False, True)), pick((True, False))
        return cls(kernel, stride, border, ceil_mode=whole, count_include_pad=counted, **more)

    return sample


for _dims, _largest in enumerate((nn.MaxPool1d, nn.MaxPool2d), 1):
    register(
        LayerEntry(
            layer=_largest,
            sample=_sample_max(_largest, _dims),
            after=_after,
            make=without_places(_largest),
            line=_line,
            script=_call,
            trace=_trace,
            operations=(MAXIMUM,),
            multiply_adds=_multiply_adds,
        )
    )
for _dims, _mean in enumerate((nn.AvgPool1d, nn.AvgPool2d), 1):
    register(
        LayerEntry(
            layer=_mean,
            sample=_sample_average(_mean, _dims),
            after=_after,
            line=_line,
            script=_call,
            trace=_trace,
            operations=(AVERAGE,),
            multiply_adds=_multiply_adds,
        )
    )


# To a size --------------------------------------------------------------------------------

Adaptive = nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d


def _trace_adaptive(layer: Adaptive, shape: Shape, ops: list[Op]) -> Shape:
    out = _adapted(layer, shape)
    (_, height, width), (_, rows, columns) = as_image(shape), as_image(out)
    if height % rows or width % columns:
        raise ExportError("adaptive pooling is supported only where the sizes divide evenly.")
    largest = isinstance(layer, nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d)
    window = (height // rows, width // columns)
    _trace(nn.MaxPool2d(window) if largest else nn.AvgPool2d(window), as_image(shape), ops)
    return out


def _adapted(layer: Adaptive, shape: Shape) -> Shape:
    wanted, dims = layer.output_size, 1 if "1d" in type(layer).__name__ else 2
    expect(len(shape) == dims + 1, layer, shape, f"expected channels and {dims} more")
    sides = wanted if isinstance(wanted, tuple | list) else (wanted,) * dims
    return (shape[0], *(n or shape[1 + i] for i, n in enumerate(sides)))


def _sample_adaptive(cls: Callable[..., Any], dims: int) -> Callable[[Shape, Pick], Any]:
    def sample(shape: Shape, pick: Pick) -> Any:
        if len(shape) != dims + 1:
            return None
        sides = tuple(pick([n for n in (1, 2, 3) if side % n == 0]) for side in shape[1:])
        return cls(pick((1, sides, (None, 1))) if dims == 2 else pick((1, sides[0])))

    return sample


def _adaptive_line(layer: Adaptive) -> str:
    return ", ".join(arguments_of(layer, leave_out=("return_indices",), quoted=repr))


for _cls in (
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
):
    _dims = 1 if "1d" in _cls.__name__ else 2
    register(
        LayerEntry(
            layer=_cls,
            sample=_sample_adaptive(_cls, _dims),
            after=_adapted,
            make=without_places(_cls),
            line=_adaptive_line,
            trace=_trace_adaptive,
            operations=(MAXIMUM,) if "Max" in _cls.__name__ else (AVERAGE,),
            # Each value that enters is looked at once.
            multiply_adds=lambda layer, before, after: prod(before),
        )
    )
