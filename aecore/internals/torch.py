"""What is reached inside PyTorch. A test fails when a name goes or does something else."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

#: PyTorch's kernels, None where this version has none: its public function does the same, slower.
_foreach_add = getattr(torch, "_foreach_add_", None)
_fused_adam = getattr(torch, "_fused_adam_", None)
_onednn_linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)

ONEDNN_MARGIN = 1.25  # times as fast as MKL


def has_cpu_kernel(operation: Any) -> bool:
    """Whether an aten operation has a kernel of its own for processors. One that writes into given
    memory and has none computes elsewhere and copies."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(operation.name(), "CPU")


def onednn_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x @ weight.T + bias by oneDNN: x (m, k), weight (n, k), bias (n,) or None -> (m, n)."""
    assert _onednn_linear is not None, "ask onednn_is_faster first"
    return _onednn_linear(x, weight, bias, "none", [], "")


@functools.cache
def onednn_is_faster() -> bool:
    """Whether oneDNN multiplies float32 matrices of a small network much faster here than MKL,
    which PyTorch uses: MKL goes another way on processors that are not Intel's.

    The best of a few tries each, once a process; by a margin that noise does not make.
    """
    if _onednn_linear is None or not torch.backends.mkldnn.is_available():
        return False
    x, weight, out = torch.ones(128, 784), torch.ones(128, 784), torch.empty(128, 128)
    with torch.inference_mode():
        tried = [
            lambda: torch.mm(x, weight.t(), out=out),
            lambda: onednn_product(x, weight, None),
        ]
        best = [min(_seconds(one) for _ in range(12)) for one in tried]
    return best[0] > ONEDNN_MARGIN * best[1]


def _seconds(compute: Callable[[], Any]) -> float:
    began = time.perf_counter()
    compute()
    return time.perf_counter() - began


def memory_of(tensor: Tensor) -> int:
    """A number that tensors have in common which look at the same memory, while it is there."""
    return tensor.untyped_storage()._cdata  # pyright: ignore[reportAttributeAccessIssue]


def same_generator(one: Any, other: torch.Generator) -> bool:
    """Whether something is that very generator, also as the new object that a dispatcher gives."""
    here = other._cdata  # pyright: ignore[reportAttributeAccessIssue]
    return isinstance(one, torch.Generator) and getattr(one, "_cdata", None) == here


def fused_adam_step(
    parameters: list[Tensor],
    gradients: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    steps: list[Tensor],
    *,
    learning_rate: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    counted: bool = False,
) -> None:
    """Move parameters by one step of Adam, in place, with its memory and its counters.

    All lists in one order; all tensors float32 on one device, `steps` of shape (). counted: the
    caller has added one to them already, in one go where they are views of one tensor. `adam`,
    which is public, sorts the same tensors into the same groups at every call before it comes to
    these two kernels: half of the time of a step of a small network.
    """
    if _foreach_add is not None and _fused_adam is not None:
        if not counted:
            _foreach_add(steps, 1)
        _fused_adam(
            parameters,
            gradients,
            exp_avgs,
            exp_avg_sqs,
            [],
            steps,
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            weight_decay=weight_decay,
            eps=eps,
            amsgrad=False,
            maximize=False,
        )
    else:
        if counted:
            for step in steps:
                step.sub_(1)
        adam(
            parameters,
            gradients,
            exp_avgs,
            exp_avg_sqs,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=betas[0],
            beta2=betas[1],
            lr=learning_rate,
            weight_decay=weight_decay,
            eps=eps,
            maximize=False,
        )
