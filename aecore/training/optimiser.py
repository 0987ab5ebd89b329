"""Adam (Kingma and Ba 2015) as PyTorch computes it, without its bookkeeping at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from aecore.internals.torch import fused_adam_step


class Adam(torch.optim.Adam):
    """PyTorch's fused Adam with another way to step: `advance` equals `step` to the last bit.

    With small layers and batches, half of the time of `step` goes into sorting the same tensors
    into the same groups again. State, state_dict and loading are PyTorch's.
    """

    def __init__(self, parameters, learning_rate: float):
        super().__init__(parameters, lr=learning_rate, fused=True)
        self._moving: tuple[bool, ...] = ()  # which weights had a gradient at the last step
        # What `advance_again` may be given, and those of it that are not None.
        self._given: Sequence[torch.Tensor | None] | None = None
        self._present: list[torch.Tensor] = []
        self._lists: tuple[list[torch.Tensor], ...] = ()
        self._counters = torch.zeros(0)  # the steps of those weights, which PyTorch's are views of

    def load_state_dict(self, state_dict: dict) -> None:
        self._moving, self._given = (), None
        super().load_state_dict(state_dict)

    @torch.no_grad()
    def advance(self, gradients: Sequence[torch.Tensor | None] | None = None) -> None:
        """Move every weight that has a gradient by one step, and forget the gradients.

        gradients: one a weight in their order, None for a weight that stays; else the weights' own.
        """
        (group,) = self.param_groups
        parameters = group["params"]
        self._given = None
        given = [p.grad for p in parameters] if gradients is None else gradients
        moving = tuple([g is not None for g in given])
        if moving == self._moving:
            self._move([g for g in given if g is not None])
            self._given = gradients
        else:
            # The first step of a weight makes Adam's memory of it.
            for p, gradient in zip(parameters, given, strict=True):
                p.grad = gradient
            self.step()
            self._collect([p for p in parameters if p.grad is not None])
            self._moving = moving
        for p in parameters:
            p.grad = None

    def advance_again(self, gradients: Sequence[torch.Tensor | None]) -> bool:
        """The same with the very list of the last `advance` and the same tensors in it, with other
        values, in less time. Returns whether it is that list; else nothing is done."""
        if gradients is not self._given:
            return False
        self._move(self._present)
        return True

    def _move(self, present: list[torch.Tensor]) -> None:
        self._present = present
        (group,) = self.param_groups
        weights, exp_avgs, exp_avg_sqs, steps = self._lists
        self._counters.add_(1)
        fused_adam_step(
            weights,
            present,
            exp_avgs,
            exp_avg_sqs,
            steps,
            learning_rate=group["lr"],
            betas=group["betas"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            counted=True,
        )

    def _collect(self, weights: list[torch.Tensor]) -> None:
        """Adam's memory of some weights as lists in their order."""
        of = [self.state[p] for p in weights]
        self._counters = torch.stack([s["step"] for s in of]) if of else torch.zeros(0)
        for n, s in enumerate(of):
            s["step"] = self._counters[n]
        memory = ([s[key] for s in of] for key in ("exp_avg", "exp_avg_sq", "step"))
        self._lists = (weights, *memory)
