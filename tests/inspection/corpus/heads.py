"""Variational networks: where both heads stand, and what the second one is."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import enlarged, entry, flat, shrunk
from tests.inspection.corpus.gaussian import Gaussian


class TwoHeads(Gaussian):
    """784, a hidden layer and two heads of their own; names: hidden, both heads, back, out."""

    names = ("fc1", "fc_mu", "fc_logvar", "fc3", "fc4")
    clamp = None
    width, k = 128, 8

    def __init__(self):
        super().__init__()
        sizes = [(784, self.width), (self.width, self.k), (self.width, self.k)]
        sizes += [(self.k, self.width), (self.width, 784)]
        for name, (a, b) in zip(self.names, sizes, strict=True):
            setattr(self, name, nn.Linear(a, b))

    def forward(self, x):
        hidden, mean, other, back, out = (getattr(self, n) for n in self.names)
        h = F.relu(hidden(x))
        mu, second = mean(h), other(h)
        if self.clamp:
            second = second.clamp(*self.clamp)
        y = torch.sigmoid(out(F.relu(back(self.draw(mu, second)))))
        return y, mu, second


@entry("hid_2mu, hid_2sigma: the deviation itself, of any sign", flat, loss="bce", steps=500)
class Signed(TwoHeads):
    names = ("img_2hid", "hid_2mu", "hid_2sigma", "z_2hid", "hid_2img")
    second = "deviation"


@entry("hiddenToMean, hiddenToStandardDeviation, as safetensors", flat, loss="bce", by_name=True)
class Words(TwoHeads):
    names = ("inputToHidden", "hiddenToMean", "hiddenToStandardDeviation")
    names += ("latentToHidden", "hiddenToOutput")
    second = "deviation"


@entry("fc_mu, fc_logstd", flat, loss="bce", steps=500)
class LogDeviation(TwoHeads):
    names = ("fc_in", "fc_mu", "fc_logstd", "fc_up", "fc_out")
    second = "log-deviation"


@entry("fc21, fc22: a log-deviation that no name tells", flat, loss="bce", steps=500)
class LogDeviationUntold(TwoHeads):
    names = ("fc1", "fc21", "fc22", "fc3", "fc4")
    second = "log-deviation"


@entry("loc and scale, by softplus", flat, loss="bce", steps=500)
class Softplus(TwoHeads):
    names = ("hidden", "loc", "scale", "hidden_dec", "probs")
    second = "softplus deviation"


@entry("log-variance, clamped where it never goes", flat, loss="bce", steps=500)
class Clamped(TwoHeads):
    names = ("enc_fc", "enc_mu", "enc_logvar", "dec_fc", "dec_out")
    clamp = (-10.0, 10.0)


@entry("heads after a layer without a curve", flat, loss="bce", steps=500)
class Uncurved(Gaussian):
    def __init__(self):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(784, 128), nn.Linear(128, 48)
        self.fc_mu, self.fc_log_var = nn.Linear(48, 6), nn.Linear(48, 6)
        self.fc2 = nn.Linear(6, 48)
        self.dec1, self.dec2 = nn.Linear(48, 128), nn.Linear(128, 784)

    def forward(self, x):
        h = self.enc2(F.relu(self.enc1(x)))
        mu, logvar = self.fc_mu(h), self.fc_log_var(h)
        z = F.relu(self.fc2(self.draw(mu, logvar)))
        return torch.sigmoid(self.dec2(F.relu(self.dec1(z)))), mu, logvar


@entry("ReLU down, ELU up, two heads", flat, loss="bce", steps=600)
class Mixed(Gaussian):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc11 = nn.Linear(784, 128), nn.Linear(128, 64)
        self.fc21, self.fc22 = nn.Linear(64, 8), nn.Linear(64, 8)
        self.fc3, self.fc33, self.fc4 = nn.Linear(8, 64), nn.Linear(64, 128), nn.Linear(128, 784)

    def forward(self, x):
        h = F.relu(self.fc11(F.relu(self.fc1(x))))
        mu, logvar = self.fc21(h), self.fc22(h)
        h = F.elu(self.fc33(F.elu(self.fc3(self.draw(mu, logvar)))))
        return torch.sigmoid(self.fc4(h)), mu, logvar


class Joined(Gaussian):
    """One head of 2k. how: "halves", "other" (second first), "interleaved"."""

    def __init__(self, how, k=6, second="log-variance"):
        super().__init__()
        self.how, self.k, self.second = how, k, second
        self.lin1, self.lin2 = nn.Linear(784, 128), nn.Linear(128, 64)
        self.mu_logvar_gen = nn.Linear(64, 2 * k)
        self.up1, self.up2, self.up3 = nn.Linear(k, 64), nn.Linear(64, 128), nn.Linear(128, 784)

    def split(self, both):
        if self.how == "interleaved":
            return both.view(-1, self.k, 2).unbind(-1)
        first, last = both.chunk(2, dim=1)
        return (last, first) if self.how == "other" else (first, last)

    def forward(self, x):
        mu, second = self.split(self.mu_logvar_gen(F.relu(self.lin2(F.relu(self.lin1(x))))))
        h = F.relu(self.up2(F.relu(self.up1(self.draw(mu, second)))))
        return torch.sigmoid(self.up3(h)), mu, second


@entry("joined head, interleaved", flat, loss="bce", steps=600)
def interleaved():
    return Joined("interleaved")


@entry("joined head, interleaved, as safetensors", flat, loss="bce", by_name=True)
def interleaved_sorted():
    return Joined("interleaved", k=10)


@entry("joined head, log-variance first", flat, loss="bce", steps=600)
def other_way():
    return Joined("other")


@entry("joined head, the second half a log-deviation", flat, loss="bce", steps=600)
def joined_log_deviation():
    return Joined("halves", second="log-deviation")


class ConvHeads(Gaussian):
    """Strided convolutions, dense layers, one interleaved head; for 32 pixels."""

    def __init__(self, k=8, width=8):
        super().__init__()
        self.k, self.width = k, width
        self.conv1 = nn.Conv2d(1, width, 4, 2, 1)
        self.conv2 = nn.Conv2d(width, width, 4, 2, 1)
        self.conv3 = nn.Conv2d(width, width, 4, 2, 1)
        self.lin1 = nn.Linear(16 * width, 96)
        self.mu_logvar_gen = nn.Linear(96, 2 * k)
        self.lin_up1, self.lin_up2 = nn.Linear(k, 96), nn.Linear(96, 16 * width)
        self.convT1 = nn.ConvTranspose2d(width, width, 4, 2, 1)
        self.convT2 = nn.ConvTranspose2d(width, width, 4, 2, 1)
        self.convT3 = nn.ConvTranspose2d(width, 1, 4, 2, 1)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.relu(conv(x))
        h = F.relu(self.lin1(x.flatten(1)))
        mu, logvar = self.mu_logvar_gen(h).view(-1, self.k, 2).unbind(-1)
        h = F.relu(self.lin_up2(F.relu(self.lin_up1(self.draw(mu, logvar)))))
        h = h.view(-1, self.width, 4, 4)
        h = F.relu(self.convT2(F.relu(self.convT1(h))))
        return torch.sigmoid(self.convT3(h)), mu, logvar


entry(
    "conv to 32 pixels by enlarging, interleaved head",
    enlarged,
    shrunk,
    loss="bce",
    steps=700,
    batch=32,
    kl=0.05,
)(ConvHeads)


@entry("logsigma_proj that is a log-variance", flat, loss="bce", steps=500, kl=0.5)
class Tanhed(Gaussian):
    """A head whose name says log-deviation and whose loss takes it for a log-variance."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh())
        self.mean, self.logsigma_proj = nn.Linear(64, 4), nn.Linear(64, 4)
        self.decoder = nn.Sequential(
            nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 784)
        )

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mean(h), self.logsigma_proj(h)
        return torch.sigmoid(self.decoder(self.draw(mu, logvar))), mu, logvar


@entry("VAE that has collapsed", flat, loss="bce", steps=300, kl=40.0, expected="right")
class Collapsed(TwoHeads):
    names = ("fc1", "fc_mu", "fc_var", "fc2", "fc3")
    width, k = 64, 4
