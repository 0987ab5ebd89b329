"""Run a network that was exported for the browser, here, from its list of operations.

The same list that `assets/latent_pad.js` runs, in torch: to find out what a file that holds
such a network really draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.errors import ExportError

Op = dict[str, Any]


@torch.inference_mode()
def replay(ops: Sequence[Op], weights: np.ndarray, x: Tensor) -> Tensor:
    """Run operations on examples (n, ...) -> (n, values). weights: float32, as ops point into it.

    Raises ExportError for an operation that is not known here.
    """
    held, h = torch.from_numpy(np.ascontiguousarray(weights, np.float32)), x.flatten(1)
    for op in ops:
        if op["op"] not in _RUN:
            raise ExportError(f"The exported network has an unknown operation, {op['op']!r}.")
        h = _RUN[op["op"]](op, held, h).flatten(1)
    return h


def _part(op: Op, held: Tensor, name: str, *shape: int) -> Tensor:
    return held[op[name] : op[name] + int(np.prod(shape))].view(shape)


def _linear(op: Op, held: Tensor, h: Tensor) -> Tensor:
    w = _part(op, held, "w", op["out"], op["in"])
    return F.linear(h.view(len(h), op["rows"], op["in"]), w, _part(op, held, "b", op["out"]))


def _top_k(op: Op, held: Tensor, h: Tensor) -> Tensor:
    values, places = h.topk(op["k"], dim=1)
    return torch.zeros_like(h).scatter(1, places, values)


def _convolve(op: Op, held: Tensor, h: Tensor) -> Tensor:
    transposed, groups = op["op"] == "conv_transpose2d", op["groups"]
    n_in, n_out = op["in"][0], op["out"][0]
    b = _part(op, held, "b", n_out)
    x, settings = h.view(len(h), *op["in"]), (op["stride"], op["padding"])
    if not transposed:
        w = _part(op, held, "w", n_out, n_in // groups, *op["kernel"])
        return F.conv2d(x, w, b, *settings, op["dilation"], groups)
    w = _part(op, held, "w", groups, n_out // groups, *op["kernel"], n_in // groups)
    w = w.movedim(-1, 1).flatten(0, 1)
    extra = [
        size - ((few - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1)
        for size, few, stride, padding, dilation, kernel in zip(
            op["out"][1:], op["in"][1:], *settings, op["dilation"], op["kernel"], strict=True
        )
    ]
    return F.conv_transpose2d(x, w, b, *settings, extra, groups, op["dilation"])


def _affine(op: Op, held: Tensor, h: Tensor) -> Tensor:
    channels = op["channels"]
    x = h.view(len(h), channels, -1)
    w, b = (_part(op, held, name, channels, 1) for name in "wb")
    return x * w + b


def _layer_norm(op: Op, held: Tensor, h: Tensor) -> Tensor:
    size = op["size"]
    w, b = (_part(op, held, name, size) for name in "wb")
    return F.layer_norm(h.view(len(h), op["rows"], size), [size], w, b, op["eps"])


def _activation(op: Op, held: Tensor, h: Tensor) -> Tensor:
    return _CURVES[op["kind"]](op, h)


def _pool(op: Op, held: Tensor, h: Tensor) -> Tensor:
    x, padding = h.view(len(h), *op["in"]), op["padding"]
    if op["kind"] == "max":
        return F.max_pool2d(x, op["kernel"], op["stride"], padding)
    if op["kernel"] == op["stride"] == [1, 1]:  # nothing but a border
        return F.pad(x, [padding[1], padding[1], padding[0], padding[0]])
    counted = op["count_padding"]
    return F.avg_pool2d(x, op["kernel"], op["stride"], padding, count_include_pad=counted)


def _interpolate(op: Op, held: Tensor, h: Tensor) -> Tensor:
    x = h.view(len(h), *op["in"])
    for axis, sources in ((2, op["rows"]), (3, op["columns"])):
        low, share = torch.tensor([i for i, _ in sources]), torch.tensor([s for _, s in sources])
        last, along = x.shape[axis] - 1, [1, 1, 1, 1]
        along[axis] = len(sources)
        above = x.index_select(axis, (low + 1).clamp(max=last))
        x = torch.lerp(x.index_select(axis, low), above, share.view(along))
    return x


_RUN: dict[str, Callable[[Op, Tensor, Tensor], Tensor]] = {
    "linear": _linear,
    "top_k": _top_k,
    "conv2d": _convolve,
    "conv_transpose2d": _convolve,
    "affine": _affine,
    "layer_norm": _layer_norm,
    "activation": _activation,
    "pool2d": _pool,
    "interpolate": _interpolate,
}
_CURVES: dict[str, Callable[[Op, Tensor], Tensor]] = {
    "relu": lambda op, h: h.relu(),
    "leaky_relu": lambda op, h: F.leaky_relu(h, op["slope"]),
    "elu": lambda op, h: F.elu(h, op["alpha"]),
    "gelu": lambda op, h: F.gelu(h, approximate=op["approximate"]),
    "silu": lambda op, h: F.silu(h),
    "tanh": lambda op, h: h.tanh(),
    "sigmoid": lambda op, h: h.sigmoid(),
}
