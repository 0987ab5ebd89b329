"""More names and nestings."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair, TwoK
from tests.inspection.corpus.entries import entry, flat, signed, unsigned
from tests.inspection.corpus.gaussian import Gaussian


def named(curve, names, widths=(784, 160, 24), last=nn.Sigmoid):
    """Four layers under the given names, hidden curves between."""

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [*widths, *widths[-2::-1]]
            for name, (a, b) in zip(names, itertools.pairwise(sizes), strict=True):
                setattr(self, name, nn.Linear(a, b))
            self.curve, self.last = curve(), last()

        def forward(self, x):
            first, second, third, fourth = (getattr(self, n) for n in names)
            z = second(self.curve(first(x)))
            return self.last(fourth(self.curve(third(z))))

    return Named()


HIDDEN_OUTPUT = [
    f"{half}_{place}_layer" for half in ("encoder", "decoder") for place in ("hidden", "output")
]


@entry("encoder_hidden_layer and so on, tanh", flat)
def hidden_output_tanh():
    return named(nn.Tanh, HIDDEN_OUTPUT)


@entry("encoder_hidden_layer and so on, ELU, as safetensors", flat, by_name=True)
def hidden_output_elu():
    return named(nn.ELU, HIDDEN_OUTPUT)


@entry("linear1 to linear4, GELU", flat)
def linear_numbers():
    return named(nn.GELU, [f"linear{i}" for i in range(1, 5)])


@entry("in_layer, bottleneck, expand, out_layer, SELU", flat)
def worded():
    return named(nn.SELU, ["in_layer", "bottleneck", "expand", "out_layer"])


@entry("e1 e2 d1 d2, sigmoid curves", flat, lr=1e-2)
def short_names():
    return named(nn.Sigmoid, ["e1", "e2", "d1", "d2"])


class Forwarded(nn.Module):
    """Parts that run in order, saved under their names."""

    def __init__(self, parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x


@entry("inference and generative networks, tanh, signed", lambda x: flat(signed(x)), unsigned)
def two_networks():
    return Forwarded(
        {
            "inference": nn.Sequential(nn.Linear(784, 120), nn.Tanh(), nn.Linear(120, 18)),
            "generative": nn.Sequential(
                nn.Linear(18, 120), nn.Tanh(), nn.Linear(120, 784), nn.Tanh()
            ),
        }
    )


class FCVAE(Gaussian):
    """FC_input, FC_mean, FC_var in an Encoder of its own, LeakyReLU 0.2."""

    def __init__(self):
        super().__init__()
        self.Encoder = nn.ModuleDict(
            {
                "FC_input": nn.Linear(784, 200),
                "FC_mean": nn.Linear(200, 12),
                "FC_var": nn.Linear(200, 12),
            }
        )
        self.Decoder = nn.ModuleDict(
            {
                "FC_hidden": nn.Linear(12, 200),
                "FC_output": nn.Linear(200, 784),
            }
        )

    def forward(self, x):
        h = F.leaky_relu(self.Encoder["FC_input"](x), 0.2)
        mu, logvar = self.Encoder["FC_mean"](h), self.Encoder["FC_var"](h)
        h = F.leaky_relu(self.Decoder["FC_hidden"](self.draw(mu, logvar)), 0.2)
        return torch.sigmoid(self.Decoder["FC_output"](h)), mu, logvar


entry("FC_input, FC_mean, FC_var, LeakyReLU 0.2", flat, loss="bce")(FCVAE)


@entry("tanh VAE head of 2k, as safetensors", flat, loss="bce", by_name=True)
class TanhTwoK(TwoK):
    def __init__(self):
        super().__init__(k=6)
        self.enc[1], self.dec[1] = nn.Tanh(), nn.Tanh()


@entry("ELU stack of four hidden layers", flat, steps=900)
def deep_elu():
    sizes = [784, 256, 96, 20]
    down = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ELU())][:-1]
    back = [m for a, b in itertools.pairwise(sizes[::-1]) for m in (nn.Linear(a, b), nn.ELU())]
    return Pair(nn.Sequential(*down), nn.Sequential(*back[:-1], nn.Sigmoid()))
