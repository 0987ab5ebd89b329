"""Parts of a file as places in a list: lines with their weights, norms, curves, blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.links import Link
from aecore.inspection.understanding.parts import Part
from aecore.inspection.understanding.usual_settings import Setting

_CONV = {"conv": "Conv", "transposed": "ConvTranspose"}


@dataclass(frozen=True)
class Style:
    """How a network's blocks are written, which shapes do not tell.

    before: a curve in front of each layer of a block, and none between what stands before it and
    the block. after: a curve behind each sum. closing: one behind the last of several blocks in a
    row. cost: how much less usual that is.
    """

    before: bool = False
    after: bool = True
    closing: bool = True
    cost: float = 0.0


def main_layer(link: Link, setting: Setting | None, two: bool, axes: int) -> Layer:
    """The line of a link's own layer. two: it gives both heads."""
    part = link.part
    weights = _own(part)
    n_out = link.gives
    if link.extra:
        n_out = link.n_out
        weights = {role: value[:n_out] for role, value in weights.items()}
    if link.second is not None:
        other = link.second
        weights = {r: torch.cat([v, _of(other, r)]) for r, v in weights.items()}
        n_out *= 2
    line = _line(part, link.way, link.n_in + link.told, n_out, setting, axes, link.groups)
    # A transposed convolution's outputs are its weight's second size: such heads are left as is.
    return Layer(line, weights=weights, swap=two and link.way != "transposed")


def _own(part: Part) -> dict[str, Tensor]:
    weights = {r: part.tensors[r] for r in ("weight", "bias") if r in part.tensors}
    weights["weight"] = part.weight
    return weights


def _line(
    part: Part,
    way: str,
    n_in: int,
    n_out: int,
    setting: Setting | None,
    axes: int,
    groups: int = 1,
) -> str:
    bias = "" if "bias" in part.tensors else ", bias=False"
    if setting is None:
        return f"Linear({n_in}, {n_out}{bias})"
    sizes = tuple(part.tensors["weight"].shape[2:])
    kernel = str(sizes[0]) if len(set(sizes)) == 1 else str(sizes)
    more = f", output_padding={setting.output_padding}" if setting.output_padding else ""
    more += f", dilation={setting.dilation}" if setting.dilation > 1 else ""
    more += f", groups={groups}" if groups > 1 else ""
    return (
        f"{_CONV[way]}{axes}d({n_in}, {n_out}, {kernel}, stride={setting.stride}, "
        f"padding={setting.padding}{more}{bias})"
    )


def _of(part: Part, role: str) -> Tensor:
    if role == "weight":
        return part.weight
    if role in part.tensors:
        return part.tensors[role]
    return torch.zeros(part.weight.shape[0])


def norm_and_curve(link: Link, maps: bool, gap: str, axes: int) -> list[Layer]:
    """What follows a link's layer: its norm, and a curve (gap), in the order that is known."""
    return _after(link.part, maps, gap, axes)


def _after(part: Part, maps: bool, gap: str, axes: int) -> list[Layer]:
    curve = [Layer(gap=gap)] if gap else []
    if part.slope is not None:
        slope = part.slope.tensors["weight"]
        curve = [Layer(f"PReLU({slope.numel()})", weights={"weight": slope})]
    if part.norm is None:
        return curve
    norm = norm_layer(part.norm, maps, axes)
    if part.norm_after is None and curve and "GROUPS" not in norm.line:
        before, after = (
            Layer(norm.line, "norm", norm.weights, norm=which) for which in (False, True)
        )
        return [before, *curve, after]
    return [*curve, norm] if part.norm_after else [norm, *curve]


def norm_layer(norm: Part, maps: bool, axes: int) -> Layer:
    """A norm on its own, always there."""
    own = dict(norm.tensors)
    if norm.kind == "batch":
        affine = "" if "weight" in own else ", affine=False"
        own.setdefault("num_batches_tracked", torch.tensor(0))
        return Layer(f"BatchNorm{axes if maps else 1}d({norm.size}{affine})", weights=own)
    if norm.kind == "layer":
        return Layer(f"LayerNorm({list(own['weight'].shape)})", weights=own)
    if not maps:
        return Layer(f"LayerNorm({norm.size})", weights=own)
    return Layer(f"GroupNorm(GROUPS, {norm.size})", "norm", own)


def pooling(setting: Setting, axes: int) -> list[Layer]:
    """Pooling behind a convolution."""
    found = []
    if setting.after is not None:
        k, stride, *ceil = setting.after
        sizes = (k, stride, axes, *ceil) if axes == 1 or ceil else (k, stride)
        found.append(Layer(gap="pool", setting=sizes))
    if setting.squeeze:
        found.append(Layer(f"AdaptiveAvgPool{axes}d({setting.squeeze})"))
    return found


def block(
    link: Link, setting: Setting | None, gap: str, style: Style, axes: int, last: bool
) -> list[Layer]:
    """A residual block with what stands around it.

    gap: the curve of its half. last: no block follows.
    """
    part, inner = link.part, []
    curve = Layer(gap=gap)
    first = True
    for i, own in enumerate(part.inner):
        strided = setting is not None and first and own.axes
        here = None
        if own.axes:
            k = own.kernel
            here = Setting(setting.stride if strided and setting else 1, (k - 1) // 2)
        if own.before is not None:
            inner.append(norm_layer(own.before, setting is not None, axes))
        if style.before and own.slope is None:
            inner.append(curve)
        inner.append(_inner(own, here, axes))
        ends = i == len(part.inner) - 1
        inner += _after(own, setting is not None, "" if ends or style.before else gap, axes)
        first = False
    short = []
    for own in part.shortcut:
        here = Setting(setting.stride, (own.kernel - 1) // 2) if setting is not None else None
        short.append(_inner(own, here, axes))
        short += _after(own, setting is not None, "", axes)
    found = [Layer("Residual", inner=inner, shortcut=short)]
    if style.after or (style.closing and last):
        found.append(curve)
    if setting is not None:
        found += pooling(setting, axes)
    return found


def _inner(part: Part, setting: Setting | None, axes: int) -> Layer:
    shape = part.weight.shape
    n_in, n_out = (shape[0], shape[1]) if part.way == "transposed" else (shape[1], shape[0])
    return Layer(_line(part, part.way, n_in, n_out, setting, axes), weights=_own(part))
