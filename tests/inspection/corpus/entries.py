"""Autoencoders as people write them: plain torch classes in many styles, unknown to aecore.

Each entry makes a network, says how it prepares examples and undoes it, how it is trained, what is
saved of it, and what the check-up should make of that. The check-up gets nothing of this but the
file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What the check-up should make of a file: the very function; what it is, without a model; to say
# that it is not understood, and blame nobody; one sentence with a remedy.
EXPECTED = ("right", "named", "open", "refused")


@dataclass(frozen=True)
class Entry:
    """make: the network. prepare: x (B, *shape) in [0, 1] to what it takes. undo: back.

    loss: "mse", "bce" or "logits" (on what it gives), plus KL where forward gives (y, mu, second).
    save: the network to what is saved. steps: of Adam, batches of `batch`; 0 for first weights.
    target: what should come out, where that is not what goes in. form: "pt", "safetensors" (which
    forgets the order), "pt2" or "onnx" (which say what they compute), "module" or "script".
    kl: its weight. style: what it is an example of. expected: one of EXPECTED. kind: what it is,
    of Kind.name; alone: only this half is saved. told: forward takes (x, labels). damage: what the
    network gets to see of x in training, in [0, 1]. data: what it is made for. faults:
    titles of findings that are true of it.
    """

    make: Callable[[], nn.Module]
    prepare: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]
    loss: str
    save: Callable[[nn.Module], object]
    steps: int
    lr: float
    target: Callable[[Tensor], Tensor] | None
    form: str
    kl: float
    style: str
    expected: str = "right"
    kind: str = "autoencoder"
    alone: str = ""
    told: bool = False
    damage: Callable[[Tensor], Tensor] | None = None
    data: str = "mnist"
    batch: int = 64
    faults: tuple[str, ...] = ()

    @property
    def sorted(self) -> bool:
        return self.form == "safetensors"

    @property
    def is_graph(self) -> bool:
        return self.form in ("pt2", "onnx")

    def run(
        self,
        net: nn.Module,
        x: Tensor,
        labels: Tensor | None = None,
        eps: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """What the network makes of x in the data's range, and mu and std if it has them.

        x: (B, *shape) -> (B, *shape), then (B, k) twice for a variational network. eps: (B, k)
        where z is to be mu + std * eps instead of mu.
        """
        net.eval()
        net.eps = eps
        with torch.inference_mode():
            out = net(self.prepare(x), labels) if self.told else net(self.prepare(x))
            y, *q = out if isinstance(out, tuple) else (out,)
            shown = self.shown(y).reshape(x.shape)
            return (shown, *spread(net, *q)) if q else (shown,)

    def reconstruct(self, net: nn.Module, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the network makes of x, by its mean where it has one; x and it in [0, 1]."""
        return self.run(net, x, labels)[0]

    def shown(self, y: Tensor) -> Tensor:
        """What a network or its decoder gives, in the data's range."""
        return self.undo(torch.sigmoid(y) if self.loss == "logits" else y)


def spread(net: nn.Module, mu: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both parameters of q(z|x) as (B, k): mu and the standard deviation."""
    return mu.flatten(1), net.deviation(second).flatten(1)


ENTRIES: dict[str, Entry] = {}


def same(x: Tensor) -> Tensor:
    return x


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def row(x: Tensor) -> Tensor:
    """One channel of values, as a convolution along a signal takes them."""
    return x.flatten(1).unsqueeze(1)


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


def enlarged(x: Tensor) -> Tensor:
    """28 pixels enlarged to 32."""
    return F.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)


def shrunk(y: Tensor) -> Tensor:
    return F.interpolate(y, size=(28, 28), mode="bilinear", align_corners=False)


def noisy(x: Tensor) -> Tensor:
    return (x + 0.4 * torch.randn_like(x)).clamp(0, 1)


def state(net: nn.Module) -> dict[str, Tensor]:
    return net.state_dict()


def entry(
    name,
    prepare=same,
    undo=same,
    loss="mse",
    save=state,
    steps=600,
    lr=5e-3,
    target=None,
    by_name=False,
    kl=1.0,
    form="pt",
    **more,
):
    """Register the function or class below as a maker of networks; its module is its style."""

    def add(make):
        if name in ENTRIES:
            raise ValueError(f"Two entries are called {name!r}.")
        chosen = "safetensors" if by_name else form
        style = make.__module__.rpartition(".")[2]
        named = {"style": style} | more
        ENTRIES[name] = Entry(
            make, prepare, undo, loss, save, steps, lr, target, chosen, kl, **named
        )
        return make

    return add


def train(e: Entry, x: Tensor, labels: Tensor | None = None, seed: int = 0) -> nn.Module:
    """A network trained briefly on examples x (n, *shape) in [0, 1], labels (n,) if it is told."""
    torch.manual_seed(seed)
    net = e.make().train()
    parameters = [p for p in net.parameters() if p.requires_grad]
    # One pass over the weights instead of a dozen: a third less time at this size.
    adam = torch.optim.Adam(parameters, e.lr, fused=True)
    given = None if e.damage else e.prepare(x)
    wanted = (e.target or e.prepare)(x)
    for step in range(e.steps):
        adam.param_groups[0]["lr"] = e.lr * (1 + math.cos(math.pi * step / e.steps)) / 2
        rows = torch.randint(len(x), (e.batch,))
        seen = e.prepare(e.damage(x[rows])) if given is None else given[rows]
        out = net(seen, labels[rows]) if e.told else net(seen)
        adam.zero_grad()
        objective(e, net, out, wanted[rows]).backward()
        adam.step()
    return net.eval()


def objective(e: Entry, net: nn.Module, out: Tensor | tuple, wanted: Tensor) -> Tensor:
    """The loss of a batch, sums over values and means over examples."""
    y, *q = out if isinstance(out, tuple) else (out,)
    wanted = wanted.reshape(y.shape)
    compare = {
        "mse": F.mse_loss,
        "bce": F.binary_cross_entropy,
        "logits": F.binary_cross_entropy_with_logits,
    }
    loss = compare[e.loss](y, wanted, reduction="sum") / len(y)
    if q:
        mu, std = spread(net, *q)
        variance = std.square() + 1e-12
        loss = loss + 0.5 * e.kl * (mu.square() + variance - 1 - variance.log()).sum(1).mean()
    return loss
