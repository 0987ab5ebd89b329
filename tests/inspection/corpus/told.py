"""Conditional networks: what they are told, where, and how."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import entry, flat
from tests.inspection.corpus.gaussian import Gaussian

CLASSES = 10


def one_hot(labels: Tensor) -> Tensor:
    return F.one_hot(labels, CLASSES).float()


class Told(Gaussian):
    """A dense VAE that is told the digit. first: the label stands before the values."""

    first = False
    k = 8

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784 + CLASSES, 128)
        self.fc21, self.fc22 = nn.Linear(128, self.k), nn.Linear(128, self.k)
        self.fc3, self.fc4 = nn.Linear(self.k + CLASSES, 128), nn.Linear(128, 784)

    def join(self, values, labels):
        both = (one_hot(labels), values) if self.first else (values, one_hot(labels))
        return torch.cat(both, dim=1)

    def forward(self, x, labels):
        h = F.relu(self.fc1(self.join(x, labels)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = self.join(self.draw(mu, logvar), labels)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


entry("conditional VAE, one-hot in both halves", flat, loss="bce", steps=500, told=True)(Told)


@entry("conditional VAE, the label first", flat, loss="bce", steps=500, told=True)
class ToldFirst(Told):
    first = True
    k = 5


@entry("conditional VAE in MLP halves, names of its own", flat, loss="bce", steps=500, told=True)
class Mlp(Gaussian):
    def __init__(self, k=2):
        super().__init__()
        self.encoder = nn.ModuleDict(
            {
                "MLP": nn.Sequential(nn.Linear(794, 128), nn.ReLU()),
                "linear_means": nn.Linear(128, k),
                "linear_log_var": nn.Linear(128, k),
            }
        )
        self.decoder = nn.ModuleDict(
            {
                "MLP": nn.Sequential(
                    nn.Linear(k + CLASSES, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid()
                )
            }
        )

    def forward(self, x, labels):
        h = self.encoder["MLP"](torch.cat((x, one_hot(labels)), dim=-1))
        mu, logvar = self.encoder["linear_means"](h), self.encoder["linear_log_var"](h)
        z = torch.cat((self.draw(mu, logvar), one_hot(labels)), dim=-1)
        return self.decoder["MLP"](z), mu, logvar


@entry("conditional VAE by an embedding", flat, loss="bce", steps=500, told=True)
class Embedded(Gaussian):
    def __init__(self, k=6, width=5):
        super().__init__()
        self.label_emb = nn.Embedding(CLASSES, width)
        self.enc = nn.Sequential(nn.Linear(784 + width, 128), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(128, k), nn.Linear(128, k)
        self.dec = nn.Sequential(nn.Linear(k + width, 128), nn.ReLU(), nn.Linear(128, 784))

    def forward(self, x, labels):
        e = self.label_emb(labels)
        h = self.enc(torch.cat([x, e], 1))
        mu, logvar = self.to_mu(h), self.to_logvar(h)
        z = torch.cat([self.draw(mu, logvar), e], 1)
        return torch.sigmoid(self.dec(z)), mu, logvar


@entry("conditional decoder, plain encoder", flat, loss="bce", steps=500, told=True)
class OnlyDecoder(Gaussian):
    def __init__(self, k=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(784, 128), nn.ReLU())
        self.mu, self.log_var = nn.Linear(128, k), nn.Linear(128, k)
        self.dec = nn.Sequential(nn.Linear(k + CLASSES, 128), nn.ReLU(), nn.Linear(128, 784))

    def forward(self, x, labels):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.log_var(h)
        z = torch.cat([self.draw(mu, logvar), one_hot(labels)], 1)
        return torch.sigmoid(self.dec(z)), mu, logvar


@entry("conditional autoencoder, one-hot in both halves", flat, steps=500, told=True)
class ToldAE(nn.Module):
    def __init__(self, k=6):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784 + CLASSES, 128),
            nn.ReLU(),
            nn.Linear(128, 32),
            nn.ReLU(),
            nn.Linear(32, k),
        )
        self.decoder = nn.Sequential(
            nn.Linear(k + CLASSES, 32),
            nn.ReLU(),
            nn.Linear(32, 128),
            nn.ReLU(),
            nn.Linear(128, 784),
        )

    def forward(self, x, labels):
        z = self.encoder(torch.cat([x, one_hot(labels)], 1))
        return torch.sigmoid(self.decoder(torch.cat([z, one_hot(labels)], 1)))


@entry(
    "conditional conv VAE, the label as images", loss="bce", steps=400, kl=0.2, batch=32, told=True
)
class Channels(Gaussian):
    def __init__(self, k=6):
        super().__init__()
        self.conv1 = nn.Conv2d(1 + CLASSES, 8, 3, 2, 1)
        self.conv2 = nn.Conv2d(8, 16, 3, 2, 1)
        self.fc_mu, self.fc_logvar = nn.Linear(784, k), nn.Linear(784, k)
        self.fc_dec = nn.Linear(k + CLASSES, 784)
        self.deconv1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.deconv2 = nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def forward(self, x, labels):
        maps = one_hot(labels)[:, :, None, None].expand(-1, -1, 28, 28)
        h = F.relu(self.conv2(F.relu(self.conv1(torch.cat([x, maps], 1))))).flatten(1)
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        z = torch.cat([self.draw(mu, logvar), one_hot(labels)], 1)
        h = F.relu(self.fc_dec(z)).view(-1, 16, 7, 7)
        return torch.sigmoid(self.deconv2(F.relu(self.deconv1(h)))), mu, logvar


@entry(
    "conditional conv VAE, the label beside the features",
    loss="bce",
    steps=350,
    batch=32,
    told=True,
)
class Features(Gaussian):
    def __init__(self, k=6):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.mean, self.logvar = nn.Linear(784 + CLASSES, k), nn.Linear(784 + CLASSES, k)
        self.expand = nn.Linear(k + CLASSES, 784)
        self.deconvs = nn.Sequential(
            nn.Unflatten(1, (16, 7, 7)),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x, labels):
        h = torch.cat([self.convs(x), one_hot(labels)], 1)
        mu, logvar = self.mean(h), self.logvar(h)
        z = torch.cat([self.draw(mu, logvar), one_hot(labels)], 1)
        return self.deconvs(self.expand(z)), mu, logvar


@entry("an image and its label, given back both", flat, loss="bce", steps=500, told=True)
class Both(Told):
    """Gives 794 values: the pixels, then the label."""

    k = 6

    def __init__(self):
        super().__init__()
        self.fc4 = nn.Linear(128, 784 + CLASSES)

    def forward(self, x, labels):
        both, mu, logvar = super().forward(x, labels)
        return both[:, :784], mu, logvar
