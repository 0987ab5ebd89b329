"""What goes around some layers: added to what they give, or joined to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError, ExportError
from aecore.models.layers.entry import LayerEntry, Pick, Shape, expect
from aecore.models.layers.lines import write_layer
from aecore.models.layers.operation import Description, Op, Operation
from aecore.models.layers.registry import call, entry_of, register


class Residual(nn.Module):
    """shortcut(x) + body(x), (B, ...) -> (B, ...): He et al. 2016, 'Deep residual learning'.

    body: its layers are called "0", "1", and so on. shortcut: layers; without them x itself.
    """

    def __init__(self, *body: nn.Module, shortcut: Sequence[nn.Module] = ()):
        super().__init__()
        self.depth = len(body)
        for i, layer in enumerate(body):
            self.add_module(str(i), layer)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        around, through = self.shortcut(x), x
        for i in range(self.depth):
            through = self.get_submodule(str(i))(through)
        if around.shape[1:] != through.shape[1:]:
            raise ValueError(f"{tuple(around.shape[1:])} + {tuple(through.shape[1:])} do not fit")
        return around + through


class Skip(nn.Module):
    """x and body(x) behind it, along the channels: (B, c, ...) -> (B, c + c', ...)."""

    def __init__(self, *body: nn.Module):
        super().__init__()
        self.depth = len(body)
        for i, layer in enumerate(body):
            self.add_module(str(i), layer)

    def forward(self, x: Tensor) -> Tensor:
        through = x
        for i in range(self.depth):
            through = self.get_submodule(str(i))(through)
        return torch.cat([x, through], dim=1)


def _body(layer: Residual | Skip) -> list[nn.Module]:
    return [layer.get_submodule(str(i)) for i in range(layer.depth)]


def _ways(layer: Residual | Skip) -> tuple[Sequence[nn.Module], ...]:
    body = _body(layer)
    return (body, list(layer.shortcut)) if isinstance(layer, Residual) else (body,)


def _residual(*body: object, shortcut: object = ()) -> Residual:
    around = shortcut if isinstance(shortcut, tuple | list) else (shortcut,)
    return Residual(*_layers("Residual", body), shortcut=_layers("Residual's shortcut", around))


def _skip(*body: object) -> Skip:
    return Skip(*_layers("Skip", body))


def _layers(name: str, given: Sequence[object]) -> list[nn.Module]:
    found = [layer for layer in given if isinstance(layer, nn.Module)]
    if len(found) < len(given) or not (found or "'" in name):
        raise ConfigError(f"{name} takes layers, at least one, like Residual(Linear(8, 8)).")
    return found


# Lines and sizes --------------------------------------------------------------------------


def _line(layer: Residual | Skip) -> str:
    return ", ".join(_written(layer, [list(map(write_layer, way)) for way in _ways(layer)]))


def _call(layer: Residual | Skip, encoder: Sequence[nn.Module]) -> list[str] | None:
    ways = []
    for way in _ways(layer):
        calls = [call(inner, encoder) for inner in way]
        if None in calls:
            return None
        ways.append([text for text in calls if text is not None])
    return _written(layer, ways)


def _written(layer: Residual | Skip, ways: list[list[str]]) -> list[str]:
    """The arguments of a call that makes it, of the calls that make what it holds."""
    body, around = ways[0], ways[1] if len(ways) > 1 else []
    ends = "," if len(around) == 1 else ""
    return [*body, *([f"shortcut=({', '.join(around)}{ends})"] if around else [])]


def _through(layers: Iterable[nn.Module], shape: Shape) -> Shape:
    for layer in layers:
        entry = entry_of(layer)
        shape = entry.after(layer, shape) if entry is not None else shape
    return shape


def _after(layer: Residual | Skip, before: Shape) -> Shape:
    after = _through(_body(layer), before)
    return (before[0] + after[0], *after[1:]) if isinstance(layer, Skip) else after


def _multiply_adds(layer: Residual | Skip, before: Shape, after: Shape) -> int:
    total = prod(after) if isinstance(layer, Residual) else 0
    for way in _ways(layer):
        shape = before
        for inner in way:
            entry = entry_of(inner)
            if entry is not None:
                behind = entry.after(inner, shape)
                total += entry.multiply_adds(inner, shape, behind)
                shape = behind
    return total


# In the browser ---------------------------------------------------------------------------

Kept = list[Tensor]


def _keep(op: Description, x: Tensor, kept: Kept) -> Tensor:
    kept.append(x)
    return x


def _exchange(op: Description, x: Tensor, kept: Kept) -> Tensor:
    first = kept.pop()
    kept.append(x)
    return first


def _add(op: Description, x: Tensor, kept: Kept) -> Tensor:
    return kept.pop().flatten(1) + x.flatten(1)


def _join(op: Description, x: Tensor, kept: Kept) -> Tensor:
    return torch.cat([kept.pop().flatten(1), x.flatten(1)], dim=1)


#: A value is put on a pile; it and the value at hand change places; it is taken off again and
#: added to the value at hand, or put before it.
KEEP = Operation("keep", pile=_keep)
EXCHANGE = Operation("exchange", pile=_exchange)
ADD = Operation("add", pile=_add)
JOIN = Operation("join", pile=_join)


def _traced(layers: Iterable[nn.Module], shape: Shape, ops: list[Op]) -> Shape:
    for layer in layers:
        entry, count = entry_of(layer), len(ops)
        if entry is None or entry.trace is None:
            raise ExportError(f"the browser decoder does not know {type(layer).__name__} layers.")
        shape = entry.trace(layer, shape, ops)
        for op in ops[count:]:
            op.description.setdefault("writes", prod(shape))
    return shape


def _append(ops: list[Op], operation: Operation, shape: Shape) -> None:
    ops.append(operation.op({"writes": prod(shape)}))


def _trace_residual(layer: Residual, shape: Shape, ops: list[Op]) -> Shape:
    _append(ops, KEEP, shape)
    out = _traced(_body(layer), shape, ops)
    if len(layer.shortcut):
        _append(ops, EXCHANGE, shape)
        around = _traced(layer.shortcut, shape, ops)
    else:
        around = shape
    expect(around == out, layer, shape, f"{around} and {out} cannot be added")
    _append(ops, ADD, out)
    return out


def _trace_skip(layer: Skip, shape: Shape, ops: list[Op]) -> Shape:
    _append(ops, KEEP, shape)
    inner = _traced(_body(layer), shape, ops)
    expect(inner[1:] == shape[1:], layer, shape, f"{shape} and {inner} cannot be joined")
    out = (shape[0] + inner[0], *shape[1:])
    _append(ops, JOIN, out)
    return out


# Samples ----------------------------------------------------------------------------------


def _curved(shape: Shape, pick: Pick) -> list[nn.Module]:
    """Two layers that leave a shape as it is."""
    mixing = (
        nn.Conv2d(shape[0], shape[0], 3, padding=1)
        if len(shape) == 3
        else nn.Linear(shape[-1], shape[-1])
    )
    return [mixing, pick((nn.ReLU(), nn.Tanh(), nn.Identity()))]


def _sample_residual(shape: Shape, pick: Pick) -> Residual:
    around = pick((0, 1))
    return Residual(*_curved(shape, pick), shortcut=_curved(shape, pick)[:around])


def _sample_skip(shape: Shape, pick: Pick) -> Skip:
    return Skip(*_curved(shape, pick), *pick(((), (Residual(*_curved(shape, pick)),))))


register(
    LayerEntry(
        layer=Residual,
        sample=_sample_residual,
        after=_after,
        make=_residual,
        line=_line,
        script=_call,
        inner=_ways,
        trace=_trace_residual,
        operations=(KEEP, EXCHANGE, ADD),
        multiply_adds=_multiply_adds,
        weighted=True,
    )
)
register(
    LayerEntry(
        layer=Skip,
        sample=_sample_skip,
        after=_after,
        make=_skip,
        line=_line,
        script=_call,
        inner=_ways,
        trace=_trace_skip,
        operations=(KEEP, JOIN),
        multiply_adds=_multiply_adds,
        weighted=True,
    )
)
