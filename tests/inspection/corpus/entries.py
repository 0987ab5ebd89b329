"""Autoencoders as people write them: plain torch classes in many styles, unknown to aecore.

Each entry makes a network, says how it prepares images and undoes it, and how it is trained. The
check-up gets nothing of this but the state dict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Entry:
    """make: the network. prepare: x (B, 1, 28, 28) in [0, 1] to what it takes. undo: back.

    loss: "mse", "bce" or "logits" (on what it gives), plus KL where forward gives (y, mu, logvar).
    save: the network to what is saved. steps: of Adam, batches of 64.
    """

    make: Callable[[], nn.Module]
    prepare: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]
    loss: str
    save: Callable[[nn.Module], dict]
    steps: int
    lr: float
    target: Callable[[Tensor], Tensor] | None
    sorted: bool  # saved as .safetensors, which forgets the order
    kl: float

    def reconstruct(self, net: nn.Module, x: Tensor) -> Tensor:
        """What the network makes of x, by its mean where it has one; x and it in [0, 1]."""
        net.eval()
        with torch.inference_mode():
            y = (
                net.reconstruct(self.prepare(x))
                if hasattr(net, "reconstruct")
                else net(self.prepare(x))
            )
            y = y[0] if isinstance(y, tuple) else y
            if self.loss == "logits":
                y = torch.sigmoid(y)
            return self.undo(y).reshape(x.shape)


ENTRIES: dict[str, Entry] = {}


def same(x: Tensor) -> Tensor:
    return x


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def signed(x: Tensor) -> Tensor:
    return 2 * x - 1


def unsigned(y: Tensor) -> Tensor:
    return (y + 1) / 2


def normal(x: Tensor) -> Tensor:
    return (x - 0.1307) / 0.3081


def unnormal(y: Tensor) -> Tensor:
    return y * 0.3081 + 0.1307


def padded(x: Tensor) -> Tensor:
    return F.pad(x, [2] * 4)


def cropped(y: Tensor) -> Tensor:
    return y[..., 2:-2, 2:-2]


def entry(
    name,
    prepare=same,
    undo=same,
    loss="mse",
    save=None,
    steps=600,
    lr=5e-3,
    target=None,
    by_name=False,
    kl=1.0,
):
    """Register the function or class below as a maker of networks."""

    def add(make):
        ENTRIES[name] = Entry(
            make,
            prepare,
            undo,
            loss,
            save or (lambda net: net.state_dict()),
            steps,
            lr,
            target,
            by_name,
            kl,
        )
        return make

    return add


def train(e: Entry, x: Tensor, seed: int = 0) -> nn.Module:
    """A network trained briefly on images x (n, 1, 28, 28) in [0, 1]."""
    torch.manual_seed(seed)
    net = e.make()
    net.train()
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], e.lr)
    fade = torch.optim.lr_scheduler.CosineAnnealingLR(adam, e.steps)
    for _ in range(e.steps):
        batch = x[torch.randint(len(x), (64,))]
        given = e.prepare(batch)
        wanted = (e.target or e.prepare)(batch)
        out = net(given)
        y, mu, logvar = out if isinstance(out, tuple) else (out, None, None)
        wanted = wanted.reshape(y.shape)
        if e.loss == "mse":
            loss = (y - wanted).square().flatten(1).sum(1).mean()
        elif e.loss == "bce":
            loss = F.binary_cross_entropy(y, wanted, reduction="sum") / len(y)
        else:
            loss = F.binary_cross_entropy_with_logits(y, wanted, reduction="sum") / len(y)
        if mu is not None:
            mu, logvar = mu.flatten(1), logvar.flatten(1)
            loss = loss - 0.5 * e.kl * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        fade.step()
    return net.eval()
