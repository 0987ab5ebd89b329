"""What is reached inside PyTorch. A test fails when a name goes or does something else."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam

#: PyTorch's kernels, None where this version has none: its public function does the same, slower.
_foreach_add = getattr(torch, "_foreach_add_", None)
_fused_adam = getattr(torch, "_fused_adam_", None)


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
) -> None:
    """Move parameters by one step of Adam, in place, with its memory and its counters.

    All lists in one order; all tensors float32 on one device, `steps` of shape (). `adam`, which is
    public, sorts the same tensors into the same groups at every call before it comes to these two
    kernels: half of the time of a step of a small network.
    """
    if _foreach_add is not None and _fused_adam is not None:
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
