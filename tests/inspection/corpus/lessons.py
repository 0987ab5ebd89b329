"""The presets of lessons, as people copy them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import entry, flat, signed, unsigned
from tests.inspection.corpus.gaussian import Gaussian


@entry("lesson first: fc, linear output", flat)
class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 32)
        self.fc3 = nn.Linear(32, 128)
        self.fc4 = nn.Linear(128, 784)

    def forward(self, x):
        z = self.fc2(F.relu(self.fc1(x)))
        return self.fc4(F.relu(self.fc3(z)))


@entry("lesson deep 3, sequential halves", flat, steps=1200, batch=32)
class Deep3(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 12),
            nn.ReLU(),
            nn.Linear(12, 3),
        )
        self.decoder = nn.Sequential(
            nn.Linear(3, 12),
            nn.ReLU(),
            nn.Linear(12, 64),
            nn.ReLU(),
            nn.Linear(64, 128),
            nn.ReLU(),
            nn.Linear(128, 784),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("lesson deep 3, tanh and signed", lambda x: flat(signed(x)), unsigned, steps=1200, batch=32)
class Deep3Tanh(Deep3):
    def __init__(self):
        super().__init__()
        self.decoder[-1] = nn.Tanh()


@entry("lesson deep 32, sigmoid", flat, loss="bce", steps=900, batch=32)
class Deep32(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1 = nn.Linear(784, 256)
        self.enc2 = nn.Linear(256, 128)
        self.enc3 = nn.Linear(128, 64)
        self.enc4 = nn.Linear(64, 32)
        self.dec1 = nn.Linear(32, 64)
        self.dec2 = nn.Linear(64, 128)
        self.dec3 = nn.Linear(128, 256)
        self.dec4 = nn.Linear(256, 784)

    def forward(self, x):
        for layer in (self.enc1, self.enc2, self.enc3, self.enc4):
            x = F.relu(layer(x))
        for layer in (self.dec1, self.dec2, self.dec3):
            x = F.relu(layer(x))
        return torch.sigmoid(self.dec4(x))


@entry("lesson VAE 32", flat, loss="bce", steps=900, batch=32)
class LessonVAE(Gaussian):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
        self.fc_mu = nn.Linear(128, 32)
        self.fc_logvar = nn.Linear(128, 32)
        self.decoder = nn.Sequential(
            nn.Linear(32, 128),
            nn.ReLU(),
            nn.Linear(128, 256),
            nn.ReLU(),
            nn.Linear(256, 784),
            nn.Sigmoid(),
        )

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        return self.decoder(self.draw(mu, logvar)), mu, logvar


@entry("lesson denoising", flat)
class LessonDenoising(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(784, 256),
            nn.ReLU(),
            nn.Linear(256, 64),
            nn.ReLU(),
            nn.Linear(64, 256),
            nn.ReLU(),
            nn.Linear(256, 784),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.layers(x)


@entry("lesson sparse, sigmoid code", flat, steps=600)
class LessonSparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 196)
        self.decoder = nn.Linear(196, 784)

    def forward(self, x):
        return torch.sigmoid(self.decoder(torch.sigmoid(self.encoder(x))))


@entry("lesson linear", flat)
class LessonLinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(784, 16)
        self.decode = nn.Linear(16, 784)

    def forward(self, x):
        return self.decode(self.encode(x))
