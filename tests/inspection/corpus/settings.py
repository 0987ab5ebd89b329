"""Norms, curves and ends that shapes do not tell; some in files that say what they compute."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair
from tests.inspection.corpus.entries import entry, flat, same, signed, unsigned


def strided(norm, curve, k=10, width=8):
    """Two strided convolutions each way, with a norm and a curve made for their channels."""
    return Pair(
        nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            norm(width),
            curve(width),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            norm(2 * width),
            curve(2 * width),
            nn.Flatten(),
            nn.Linear(98 * width, k),
        ),
        nn.Sequential(
            nn.Linear(k, 98 * width),
            nn.Unflatten(1, (2 * width, 7, 7)),
            curve(2 * width),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            norm(width),
            curve(width),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Sigmoid(),
        ),
    )


@entry("conv with GroupNorm of two groups, ReLU", loss="bce", steps=500, batch=32)
def group_norm():
    return strided(lambda c: nn.GroupNorm(2, c), lambda c: nn.ReLU())


@entry("conv with InstanceNorm and LeakyReLU 0.2", loss="bce", steps=500, batch=32)
def instance_norm():
    return strided(lambda c: nn.InstanceNorm2d(c, affine=True), lambda c: nn.LeakyReLU(0.2))


@entry("conv with a PReLU a channel", loss="bce", steps=500, batch=32)
def prelu_channels():
    return strided(lambda c: nn.BatchNorm2d(c), nn.PReLU)


@entry("conv with norms after the curve, valid", signed, steps=500, batch=32, target=same)
class Valid(nn.Module):
    """BatchNorm after LeakyReLU; pixels between -1 and 1 in, between 0 and 1 out."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1),
            nn.LeakyReLU(),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 4, 2, 1),
            nn.LeakyReLU(),
            nn.BatchNorm2d(8),
        )
        self.fc1, self.fc2 = nn.Linear(392, 6), nn.Linear(6, 392)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, 2, 1),
            nn.LeakyReLU(),
            nn.BatchNorm2d(8),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        z = self.fc1(self.encoder(x).flatten(1))
        return self.decoder(self.fc2(z).view(-1, 8, 7, 7))


@entry("LayerNorm without weights, as pt2", flat, steps=400, form="pt2")
def bare_norm():
    return nn.Sequential(
        nn.Linear(784, 96),
        nn.LayerNorm(96, elementwise_affine=False),
        nn.GELU(),
        nn.Linear(96, 12),
        nn.Linear(12, 96),
        nn.LayerNorm(96, elementwise_affine=False),
        nn.GELU(),
        nn.Linear(96, 784),
        nn.Sigmoid(),
    )


class Clamping(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 96), nn.Linear(96, 12)
        self.fc3, self.fc4 = nn.Linear(12, 96), nn.Linear(96, 784)

    def forward(self, x):
        y = self.fc4(F.relu(self.fc3(self.fc2(F.relu(self.fc1(x))))))
        # While it is trained, values beyond the range need a gradient.
        return y if self.training else y.clamp(0, 1)


entry("output clamped to [0, 1]", flat, steps=500)(Clamping)
entry("output clamped to [0, 1], as ONNX", flat, steps=300, form="onnx")(Clamping)


@entry("ReLU at the very end, and on the code", flat, steps=500, lr=2e-3)
def relu_end():
    return Pair(
        nn.Sequential(nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 16), nn.ReLU()),
        nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Linear(96, 784), nn.ReLU()),
    )


@entry("tanh on the code, signed", lambda x: flat(signed(x)), unsigned, steps=600, lr=1e-3)
def tanh_code():
    return Pair(
        nn.Sequential(nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 12), nn.Tanh()),
        nn.Sequential(nn.Linear(12, 96), nn.ReLU(), nn.Linear(96, 784), nn.Tanh()),
    )


@entry("softmax on the code, as pt2", flat, loss="bce", steps=600, lr=1e-2, form="pt2")
def softmax_code():
    last = nn.Linear(96, 16)
    with torch.no_grad():
        last.weight *= 10  # otherwise all shares begin equal and stay so for long
    return Pair(
        nn.Sequential(nn.Linear(784, 96), nn.ReLU(), last, nn.Softmax(dim=1)),
        nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Linear(96, 784), nn.Sigmoid()),
    )


@entry("code wider than the data, sparse", flat, steps=800, data="digits", lr=3e-3)
def wide():
    return Pair(
        nn.Sequential(nn.Linear(64, 128), nn.ReLU()),
        nn.Sequential(nn.Linear(128, 64), nn.Sigmoid()),
    )


@entry("convolutions without strides, more numbers than pixels", loss="bce", steps=120)
def no_bottleneck():
    return Pair(
        nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(8, 1, 3, padding=1), nn.Sigmoid()),
    )


@entry("norm before the first layer", flat, steps=500)
def norm_first():
    return nn.Sequential(
        nn.BatchNorm1d(784),
        nn.Linear(784, 96),
        nn.ReLU(),
        nn.Linear(96, 12),
        nn.Linear(12, 96),
        nn.ReLU(),
        nn.Linear(96, 784),
        nn.Sigmoid(),
    )
