"""What is known about PyTorch's operations: which can be replayed, and how each is called so that
it writes into given memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from aecore.internals.torch import has_cpu_kernel

_aten = torch.ops.aten
REFUSED = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
#: Their result is memory without values: whoever asked for it fills it.
BLANK = {"empty_like", "empty", "empty_strided", "new_empty", "new_empty_strided"}
#: Operations without a kernel that writes into given memory, by one that has, the very same.
INTO: dict[Any, Callable[..., Any]] = {
    _aten.relu.default: lambda x, out: torch.clamp_min(x, 0, out=out),
    _aten.mul.Scalar: lambda x, s, out: torch.mul(x, s, out=out),
    _aten.div.Scalar: lambda x, s, out: torch.div(x, s, out=out),
    _aten.add.Scalar: lambda x, s, alpha=1, out=None: torch.add(x, s, alpha=alpha, out=out),
    _aten.sub.Scalar: lambda x, s, alpha=1, out=None: torch.sub(x, s, alpha=alpha, out=out),
    _aten.mean.default: lambda x, out, **_: torch.mean(x, tuple(range(x.ndim)), out=out),
    _aten.sum.default: lambda x, out, **_: torch.sum(x, tuple(range(x.ndim)), out=out),
    _aten.ones_like.default: lambda x, out, **_: out.fill_(1),
    _aten.zeros_like.default: lambda x, out, **_: out.zero_(),
    _aten.clone.default: lambda x, out, **_: out.copy_(x),
    _aten._to_copy.default: lambda x, out, **_: out.copy_(x),
}


#: Called through PyTorch's own Python functions, which take half as long to be reached as the
#: operations themselves; after a large product has emptied the caches that is 10 us a call.
BY_NAME: dict[Any, Callable[..., Any]] = {
    _aten.mm.default: torch.mm,
    _aten.addmm.default: torch.addmm,
    _aten.add.Tensor: torch.add,
    _aten.sub.Tensor: torch.sub,
    _aten.mul.Tensor: torch.mul,
    _aten.div.Tensor: torch.div,
    _aten.sum.dim_IntList: torch.sum,
    _aten.linalg_vector_norm.default: torch.linalg.vector_norm,
}
#: The same for those that change their first argument, or may write over it.
IN_PLACE = {
    _aten.relu.default: "relu_",
    _aten.exp.default: "exp_",
    _aten.log.default: "log_",
    _aten.neg.default: "neg_",
    _aten.sigmoid.default: "sigmoid_",
    _aten.tanh.default: "tanh_",
    _aten.pow.Tensor_Scalar: "pow_",
    _aten.pow_.Scalar: "pow_",
} | {
    getattr(getattr(_aten, name), overload): name.rstrip("_") + "_"
    for name in ("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_")
    for overload in ("Tensor", "Scalar")
}
#: Their values depend on nothing but shapes.
CONSTANT = {"ones_like", "zeros_like", "ones", "zeros", "new_ones", "new_zeros", "scalar_tensor"}


def by_numbers(func, args: tuple) -> bool:
    """Whether something is indexed by numbers; by yes and no, its size would depend on values."""
    return func is _aten.index.Tensor and all(
        i is None or i.dtype in (torch.int32, torch.int64) for i in args[1]
    )


def changed_by(func, args: tuple, kwargs: dict[str, Any]) -> list:
    """The arguments that an operation changes."""
    named = {a.name: value for a, value in zip(func._schema.arguments, args, strict=False)} | kwargs
    changing = [a.name for a in func._schema.arguments if a.alias_info and a.alias_info.is_write]
    return [named[name] for name in changing if name in named]


def writing_into(func) -> tuple[Any, list[str]] | None:
    """The same operation writing into given memory, and its outputs' names; None if it has none."""
    wanted = [(a.name, str(a.type)) for a in func._schema.arguments]
    for overload in func.overloadpacket.overloads():
        other = getattr(func.overloadpacket, overload)
        outs = [a.name for a in other._schema.arguments if a.is_out]
        others = [(a.name, str(a.type)) for a in other._schema.arguments if not a.is_out]
        if outs and others == wanted and has_cpu_kernel(other):
            return other, outs
    return None
