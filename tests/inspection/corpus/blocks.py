"""Residual blocks, dense skips, and other ways down and up."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import entry, flat
from tests.inspection.corpus.gaussian import Gaussian


class DenseBlock(nn.Module):
    """x + W2 relu(W1 x), then a curve."""

    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return F.relu(x + self.fc2(F.relu(self.fc1(x))))


@entry("dense residual blocks", flat, steps=500)
class DenseResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 96), nn.ReLU(), DenseBlock(96), nn.Linear(96, 12)
        )
        self.decoder = nn.Sequential(
            nn.Linear(12, 96), nn.ReLU(), DenseBlock(96), nn.Linear(96, 784), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


class ConvBlock(nn.Module):
    """Two convolutions with norms, added to x, or to a 1x1 convolution of it, then a curve."""

    def __init__(self, a, b, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(b)
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(b)
        self.shortcut = nn.Sequential()
        if stride != 1 or a != b:
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + self.shortcut(x))


@entry("conv residual blocks", loss="bce", steps=450, batch=32)
class ConvResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 12, 4, 2, 1),
            nn.ReLU(),
            ConvBlock(12, 12),
            nn.Flatten(),
            nn.Linear(12 * 49, 10),
        )
        self.decoder = nn.Sequential(
            nn.Linear(10, 12 * 49),
            nn.Unflatten(1, (12, 7, 7)),
            ConvBlock(12, 12),
            nn.ConvTranspose2d(12, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("conv residual blocks with 1x1 shortcuts, VAE", loss="bce", steps=500, batch=32)
class ConvShortcut(Gaussian):
    def __init__(self, k=8):
        super().__init__()
        self.layer1, self.layer2 = ConvBlock(1, 8, 2), ConvBlock(8, 16, 2)
        self.fc_mu, self.fc_logvar = nn.Linear(784, k), nn.Linear(784, k)
        self.fc_up = nn.Linear(k, 784)
        self.up1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def forward(self, x):
        h = self.layer2(self.layer1(x)).flatten(1)
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        h = F.relu(self.fc_up(self.draw(mu, logvar))).view(-1, 16, 7, 7)
        return torch.sigmoid(self.up2(F.relu(self.up1(h)))), mu, logvar


class PreBlock(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x)))): the curve comes first, and none after."""

    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, width, 1)
        )

    def forward(self, x):
        return x + self.block(x)


@entry("residual blocks with the curve first", loss="bce", steps=500, batch=32)
class PreActivated(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 4, 2, 1), PreBlock(12), nn.ReLU()
        )
        self.to_z, self.from_z = nn.Linear(12 * 49, 10), nn.Linear(10, 12 * 49)
        self.dec = nn.Sequential(
            PreBlock(12),
            nn.ReLU(),
            nn.ConvTranspose2d(12, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        )

    def forward(self, x):
        z = self.to_z(self.enc(x).flatten(1))
        return torch.sigmoid(self.dec(self.from_z(z).view(-1, 12, 7, 7)))


class Joining(nn.Module):
    """cat([x, curve(W x)]): each layer sees all before it."""

    def __init__(self, width, more):
        super().__init__()
        self.fc = nn.Linear(width, more)

    def forward(self, x):
        return torch.cat([x, F.relu(self.fc(x))], dim=1)


@entry("dense skips that are joined, not added", flat, steps=500)
class DenseSkips(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 64), nn.ReLU(), Joining(64, 32), Joining(96, 32), nn.Linear(128, 10)
        )
        self.decoder = nn.Sequential(
            nn.Linear(10, 64), nn.ReLU(), Joining(64, 64), nn.Linear(128, 784), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("PixelShuffle on the way up", loss="bce", steps=300)
class Shuffled(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(784, 12),
        )
        self.fc = nn.Linear(12, 784)
        self.decoder = nn.Sequential(
            nn.Conv2d(16, 32, 3, 1, 1),
            nn.PixelShuffle(2),
            nn.ReLU(),
            nn.Conv2d(8, 4, 3, 1, 1),
            nn.PixelShuffle(2),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(F.relu(self.fc(self.encoder(x))).view(-1, 16, 7, 7))


@entry("residual MLP, blocks without a curve after, LayerNorm", flat, steps=500)
class MlpMixerish(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.out = nn.Linear(784, 80), nn.Linear(80, 784)
        self.down, self.up = nn.Linear(80, 10), nn.Linear(10, 80)
        self.res1, self.res2 = self.block(), self.block()

    def block(self):
        return nn.Sequential(nn.LayerNorm(80), nn.Linear(80, 80), nn.GELU(), nn.Linear(80, 80))

    def forward(self, x):
        h = self.inp(x)
        h = self.up(self.down(h + self.res1(h)))
        return torch.sigmoid(self.out(h + self.res2(h)))
