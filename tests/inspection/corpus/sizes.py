"""How sizes change: pools, enlarging, dilation, cropping, one dimension; some as graphs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair
from tests.inspection.corpus.entries import entry, row


@entry("dilated convolutions", loss="bce", steps=500, batch=32)
class Dilated(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 6, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(6, 12, 3, stride=2, padding=2, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(12 * 49, 12),
        )
        self.decoder = nn.Sequential(
            nn.Linear(12, 12 * 49),
            nn.ReLU(),
            nn.Unflatten(1, (12, 7, 7)),
            nn.ConvTranspose2d(12, 6, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def halving(curve=nn.ReLU, ceil=False, kernel=3, pad=1):
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel, padding=pad),
        curve(),
        nn.MaxPool2d(2, ceil_mode=ceil),
        nn.Conv2d(8, 8, 3, padding=1),
        curve(),
        nn.MaxPool2d(2, ceil_mode=ceil),
    )


def enlarging(**mode):
    return nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, **mode),
        nn.Conv2d(8, 4, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, **mode),
        nn.Conv2d(4, 1, 3, padding=1),
        nn.Sigmoid(),
    )


BILINEAR = {"mode": "bilinear", "align_corners": True}


@entry("upsampling that aligns corners", loss="bce", steps=400, batch=32, lr=1e-2)
def aligned():
    return Pair(halving(), enlarging(**BILINEAR))


@entry("upsampling that aligns corners, as pt2", loss="bce", steps=200, batch=32, form="pt2")
def aligned_program():
    return Pair(halving(), enlarging(**BILINEAR))


@entry("upsampling that aligns corners, as ONNX", loss="bce", steps=200, batch=32, form="onnx")
def aligned_onnx():
    return Pair(halving(), enlarging(**BILINEAR))


class Ceil(nn.Module):
    """26 pixels after a valid convolution, 13, then 7 by a pool that counts the rest."""

    def __init__(self):
        super().__init__()
        self.encoder = halving(ceil=True, pad=0)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(), nn.ConvTranspose2d(8, 1, 2, 2), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


entry("pools in ceil mode", loss="bce", steps=300, batch=32)(Ceil)
entry("pools in ceil mode, as pt2", loss="bce", steps=200, batch=32, form="pt2")(Ceil)


@entry("output cropped to the data", loss="bce", steps=500, batch=32, lr=1e-2)
class Cropping(nn.Module):
    """Three times doubled from 4: 32 pixels, of which the corner is kept."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 6, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(6, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, 2, 1),
            nn.ReLU(),
        )
        self.bottleneck, self.expand = nn.Linear(128, 12), nn.Linear(12, 128)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 6, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        z = self.bottleneck(self.encoder(x).flatten(1))
        return self.decoder(self.expand(z).view(-1, 8, 4, 4))[:, :, :28, :28]


@entry("convolutions along a row of pixels", row, loss="bce", steps=500, batch=32, lr=1e-2)
class AlongRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 4, 9, 4, 4),
            nn.ReLU(),
            nn.Conv1d(4, 8, 9, 4, 4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 49, 12),
        )
        self.decoder = nn.Sequential(
            nn.Linear(12, 8 * 49),
            nn.ReLU(),
            nn.Unflatten(1, (8, 49)),
            nn.ConvTranspose1d(8, 4, 8, 4, 2),
            nn.ReLU(),
            nn.ConvTranspose1d(4, 1, 8, 4, 2),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("convolutions along signals, BatchNorm", row, steps=400, data="signals")
class AlongSignals(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 8, 7, 2, 3),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Conv1d(8, 8, 7, 2, 3),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Conv1d(8, 2, 7, 2, 3),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(2, 8, 7, 2, 3, output_padding=1),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.ConvTranspose1d(8, 8, 7, 2, 3, output_padding=1),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.ConvTranspose1d(8, 1, 7, 2, 3, output_padding=1),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("average at the end of the encoder", loss="bce", steps=500, batch=32, lr=1e-2)
class Averaged(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 48, 4, 3, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.z, self.back = nn.Linear(48, 12), nn.Linear(12, 784)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1)
        )

    def forward(self, x):
        h = F.relu(self.back(self.z(self.features(x)))).view(-1, 16, 7, 7)
        return torch.sigmoid(self.up(h))
