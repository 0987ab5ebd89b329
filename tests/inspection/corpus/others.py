"""What is half an autoencoder, or none, and what no code of a few numbers describes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import entry, flat, same
from tests.inspection.corpus.gaussian import Gaussian


class HalfOfVAE(Gaussian):
    """A VAE of two classes, of which files keep one."""

    def __init__(self, k=5):
        super().__init__()
        self.encoder = nn.ModuleDict(
            {"fc1": nn.Linear(784, 96), "mu": nn.Linear(96, k), "logvar": nn.Linear(96, k)}
        )
        self.decoder = nn.Sequential(nn.Linear(k, 96), nn.ReLU(), nn.Linear(96, 784), nn.Sigmoid())

    def forward(self, x):
        h = F.relu(self.encoder["fc1"](x))
        mu, logvar = self.encoder["mu"](h), self.encoder["logvar"](h)
        return self.decoder(self.draw(mu, logvar)), mu, logvar


entry(
    "a decoder alone",
    flat,
    loss="bce",
    steps=500,
    save=lambda net: net.decoder.state_dict(),
    kind="decoder",
    alone="decoder",
)(HalfOfVAE)
entry(
    "an encoder alone",
    flat,
    loss="bce",
    steps=200,
    save=lambda net: net.encoder.state_dict(),
    expected="named",
    kind="encoder",
    alone="encoder",
)(HalfOfVAE)


@entry("a generator from noise, convolutions", steps=0, expected="named", kind="decoder")
def generator():
    return nn.Sequential(
        nn.ConvTranspose2d(100, 32, 7, 1, 0, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(True),
        nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(True),
        nn.ConvTranspose2d(16, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


@entry("a classifier, dense", flat, steps=0, expected="named", kind="classifier")
def classifier():
    return nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


@entry("a classifier, convolutions", steps=0, expected="named", kind="classifier")
class ConvClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


@entry("one number from an image", flat, steps=0, expected="named", kind="regressor")
def regressor():
    return nn.Sequential(nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 1))


@entry("LSTM over the rows of an image", steps=0, expected="named", kind="recurrent")
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(28, 48, batch_first=True)
        self.to_latent, self.from_latent = nn.Linear(48, 12), nn.Linear(12, 48)
        self.decoder = nn.LSTM(48, 48, batch_first=True)
        self.out = nn.Linear(48, 28)

    def forward(self, x):
        _, (h, _) = self.encoder(x.squeeze(1))
        h = self.from_latent(self.to_latent(h[-1])).unsqueeze(1).expand(-1, 28, -1)
        return torch.sigmoid(self.out(self.decoder(h)[0])).unsqueeze(1)


@entry("GRU over signals", same, steps=0, expected="named", kind="recurrent", data="signals")
class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 32, num_layers=2, batch_first=True)
        self.fc_mu, self.fc_logvar = nn.Linear(32, 8), nn.Linear(32, 8)
        self.rnn_dec, self.out = nn.GRU(8, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x):
        h = self.rnn(x.unsqueeze(-1))[1][-1]
        z = self.fc_mu(h).unsqueeze(1).expand(-1, 128, -1)
        return self.out(self.rnn_dec(z)[0]).squeeze(-1)


@entry("self-attention over patches", steps=0, expected="named", kind="attention")
class Attention(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.patch = nn.Linear(49, width)
        self.place = nn.Parameter(torch.zeros(1, 16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.to_z, self.from_z = nn.Linear(16 * width, 10), nn.Linear(10, 16 * width)
        self.decoder = nn.TransformerEncoderLayer(width, 4, 64, batch_first=True)
        self.back = nn.Linear(width, 49)

    def forward(self, x):
        patches = F.unfold(x, 7, stride=7).transpose(1, 2)
        h = self.encoder(self.patch(patches) + self.place).flatten(1)
        h = self.from_z(self.to_z(h)).unflatten(1, (16, -1))
        y = torch.sigmoid(self.back(self.decoder(h))).transpose(1, 2)
        return F.fold(y, 28, 7, stride=7)


@entry("codes looked up in a codebook", steps=0, expected="named", kind="quantised")
class Quantised(nn.Module):
    def __init__(self, width=16, entries=64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, width, 4, 2, 1)
        )
        self.codebook = nn.Embedding(entries, width)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(width, 16, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        z = self.encoder(x)
        rows = z.permute(0, 2, 3, 1).flatten(0, 2)
        nearest = torch.cdist(rows, self.codebook.weight).argmin(1)
        z = self.codebook(nearest).view(len(x), 7, 7, -1).permute(0, 3, 1, 2)
        return self.decoder(z)


class Unpooled(nn.Module):
    """The decoder puts each value where the encoder's pool found its maximum."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(1, 8, 3, padding=1), nn.MaxPool2d(2, return_indices=True)
        self.unpool, self.deconv = nn.MaxUnpool2d(2), nn.ConvTranspose2d(8, 1, 3, padding=1)

    def forward(self, x):
        h, where = self.pool(F.relu(self.conv(x)))
        return torch.sigmoid(self.deconv(self.unpool(h, where)))


entry("MaxUnpool, which needs the places", loss="bce", steps=200, expected="open")(Unpooled)
entry("MaxUnpool, as pt2", loss="bce", steps=0, expected="named", form="pt2")(Unpooled)


@entry("what crosses the middle goes around it", loss="bce", steps=200, expected="open")
class UNet(nn.Module):
    """Maps of the encoder are joined to the decoder's: no code describes an image."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.up1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(16, 1, 4, 2, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        h = F.relu(self.up1(F.relu(self.down2(a))))
        return torch.sigmoid(self.up2(torch.cat([h, a], 1)))


@entry("a noise predictor that is told the time", flat, steps=0, expected="named")
def predictor():
    """One number more enters than leaves: it is named as told that number, and not run."""
    return nn.Sequential(nn.Linear(785, 96), nn.ReLU(), nn.Linear(96, 784))
