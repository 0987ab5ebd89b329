"""Dense networks in other styles: containers, curves, ranges, tied weights, wrappers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.entries import (
    cropped,
    entry,
    flat,
    normal,
    padded,
    same,
    signed,
    unnormal,
    unsigned,
)
from tests.inspection.corpus.gaussian import Gaussian


@entry("PyTorch example VAE fc1 fc21 fc22 fc3 fc4", flat, loss="bce")
class ExampleVAE(Gaussian):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 200)
        self.fc21 = nn.Linear(200, 20)
        self.fc22 = nn.Linear(200, 20)
        self.fc3 = nn.Linear(20, 200)
        self.fc4 = nn.Linear(200, 784)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = self.draw(mu, logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


entry("the same, as safetensors", flat, loss="bce", by_name=True)(ExampleVAE)


@entry("one Sequential without names", flat)
def plain_sequential():
    return nn.Sequential(
        nn.Linear(784, 200),
        nn.ReLU(),
        nn.Linear(200, 20),
        nn.Linear(20, 200),
        nn.ReLU(),
        nn.Linear(200, 784),
        nn.Sigmoid(),
    )


@entry("Sequential of Sequentials, LeakyReLU 0.2", flat)
def nested_sequential():
    def block(a, b):
        return nn.Sequential(nn.Linear(a, b), nn.LeakyReLU(0.2))

    return nn.Sequential(
        nn.Sequential(block(784, 160), block(160, 64), nn.Linear(64, 10)),
        nn.Sequential(block(10, 64), block(64, 160), nn.Linear(160, 784), nn.Sigmoid()),
    )


class Enc(nn.Module):
    def __init__(self, curve=nn.ReLU, norm=False, k=12):
        super().__init__()
        self.hidden1 = nn.Linear(784, 160)
        self.norm1 = nn.BatchNorm1d(160) if norm else nn.Identity()
        self.hidden2 = nn.Linear(160, 64)
        self.norm2 = nn.BatchNorm1d(64) if norm else nn.Identity()
        self.out = nn.Linear(64, k)
        self.curve = curve()

    def forward(self, x):
        x = self.curve(self.norm1(self.hidden1(x)))
        return self.out(self.curve(self.norm2(self.hidden2(x))))


class Dec(nn.Module):
    def __init__(self, curve=nn.ReLU, norm=False, k=12, last=nn.Sigmoid):
        super().__init__()
        self.hidden1 = nn.Linear(k, 64)
        self.norm1 = nn.BatchNorm1d(64) if norm else nn.Identity()
        self.hidden2 = nn.Linear(64, 160)
        self.norm2 = nn.BatchNorm1d(160) if norm else nn.Identity()
        self.out = nn.Linear(160, 784)
        self.curve, self.last = curve(), last()

    def forward(self, z):
        z = self.curve(self.norm1(self.hidden1(z)))
        return self.last(self.out(self.curve(self.norm2(self.hidden2(z)))))


class Pair(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("Encoder and Decoder classes, ELU", flat)
def pair_elu():
    return Pair(Enc(nn.ELU), Dec(nn.ELU))


@entry("Encoder and Decoder classes, BatchNorm", flat)
def pair_norm():
    return Pair(Enc(norm=True), Dec(norm=True))


@entry("Encoder and Decoder classes, BatchNorm, as safetensors", flat, by_name=True)
def pair_norm_sorted():
    return Pair(Enc(norm=True), Dec(norm=True))


@entry("Decoder made before the encoder", flat)
class Backwards(nn.Module):
    def __init__(self):
        super().__init__()
        self.dec, self.enc = Dec(nn.GELU), Enc(nn.GELU)

    def forward(self, x):
        return self.dec(self.enc(x))


@entry("SiLU with LayerNorm", flat)
def silu_layer_norm():
    return nn.Sequential(
        nn.Linear(784, 256),
        nn.LayerNorm(256),
        nn.SiLU(),
        nn.Linear(256, 16),
        nn.Linear(16, 256),
        nn.LayerNorm(256),
        nn.SiLU(),
        nn.Linear(256, 784),
        nn.Sigmoid(),
    )


@entry("SELU, signed, tanh", lambda x: flat(signed(x)), unsigned, lr=1e-3)
def selu_signed():
    return Pair(Enc(nn.SELU), Dec(nn.SELU, last=nn.Tanh))


@entry("tanh everywhere, standardised, linear output", lambda x: flat(normal(x)), unnormal)
def tanh_normal():
    return Pair(Enc(nn.Tanh), Dec(nn.Tanh, last=nn.Identity))


@entry(
    "standardised in, pixels out",
    lambda x: flat(normal(x)),
    same,
    loss="bce",
    target=flat,
)
def normal_to_pixels():
    return Pair(Enc(), Dec())


@entry("sigmoid hidden layers", flat, steps=800, lr=1e-2)
def sigmoid_hidden():
    return nn.Sequential(nn.Linear(784, 128), nn.Sigmoid(), nn.Linear(128, 784), nn.Sigmoid())


@entry("logits and BCE outside", flat, loss="logits")
def logits():
    return Pair(Enc(), Dec(last=nn.Identity))


@entry("ReLU on the code", flat)
class CodeReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("inverted images", lambda x: flat(1 - x), lambda y: 1 - y)
def inverted():
    return Pair(Enc(), Dec())


@entry("bytes in, pixels out", lambda x: flat(255 * x), same, target=flat, lr=1e-3, steps=800)
def from_bytes():
    return Pair(Enc(), Dec())


@entry("PReLU", flat)
def prelu():
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.PReLU(),
        nn.Linear(128, 8),
        nn.Linear(8, 128),
        nn.PReLU(),
        nn.Linear(128, 784),
        nn.Sigmoid(),
    )


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.empty(64, 784).normal_(std=0.05))
        self.b = nn.Parameter(torch.zeros(64))
        self.c = nn.Parameter(torch.zeros(784))

    def forward(self, x):
        h = torch.relu(F.linear(x, self.W, self.b))
        return torch.sigmoid(F.linear(h, self.W.t(), self.c))


entry("tied weights, bare parameters", flat)(Tied)


@entry("tied layers with a decoder bias", flat)
class TiedLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 128)
        self.code = nn.Linear(128, 32)
        self.bias1 = nn.Parameter(torch.zeros(128))
        self.bias2 = nn.Parameter(torch.zeros(784))

    def forward(self, x):
        z = self.code(F.relu(self.encoder(x)))
        h = F.relu(F.linear(z, self.code.weight.t(), self.bias1))
        return torch.sigmoid(F.linear(h, self.encoder.weight.t(), self.bias2))


@entry("bare matrices, x @ W + b", flat)
class Matrices(nn.Module):
    def __init__(self):
        super().__init__()
        for i, (a, b) in enumerate([(784, 128), (128, 24), (24, 128), (128, 784)], 1):
            setattr(self, f"W{i}", nn.Parameter(torch.randn(a, b) / a**0.5))
            setattr(self, f"b{i}", nn.Parameter(torch.zeros(b)))

    def forward(self, x):
        h = torch.tanh(x @ self.W1 + self.b1)
        h = torch.tanh(h @ self.W2 + self.b2)
        h = torch.tanh(h @ self.W3 + self.b3)
        return torch.sigmoid(h @ self.W4 + self.b4)


@entry("no biases", flat)
def no_bias():
    return nn.Sequential(
        nn.Linear(784, 128, bias=False),
        nn.ReLU(),
        nn.Linear(128, 16, bias=False),
        nn.Linear(16, 128, bias=False),
        nn.ReLU(),
        nn.Linear(128, 784, bias=False),
    )


@entry("32 pixels, dense", lambda x: flat(padded(x)), lambda y: cropped(y.view(-1, 1, 32, 32)))
def padded_dense():
    return nn.Sequential(
        nn.Linear(1024, 256),
        nn.ReLU(),
        nn.Linear(256, 16),
        nn.Linear(16, 256),
        nn.ReLU(),
        nn.Linear(256, 1024),
        nn.Sigmoid(),
    )


class TwoK(Gaussian):
    """One layer of 2k; logvar first where asked."""

    def __init__(self, first="mu", k=8):
        super().__init__()
        self.first = first
        self.enc = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 2 * k))
        self.dec = nn.Sequential(nn.Linear(k, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid())

    def forward(self, x):
        a, b = self.enc(x).chunk(2, 1)
        mu, logvar = (a, b) if self.first == "mu" else (b, a)
        return self.dec(self.draw(mu, logvar)), mu, logvar


@entry("2k head, mu first", flat, loss="bce")
def two_k():
    return TwoK()


@entry("2k head, logvar first", flat, loss="bce")
def two_k_swapped():
    return TwoK("logvar")


@entry("VAE with mean and log_sigma layers, tanh", flat, loss="bce")
class MeanSigma(Gaussian):
    def __init__(self):
        super().__init__()
        self.q_hidden = nn.Linear(784, 200)
        self.q_mean = nn.Linear(200, 5)
        self.q_log_var = nn.Linear(200, 5)
        self.p_hidden = nn.Linear(5, 200)
        self.p_out = nn.Linear(200, 784)

    def forward(self, x):
        h = torch.tanh(self.q_hidden(x))
        mu, logvar = self.q_mean(h), self.q_log_var(h)
        return (
            torch.sigmoid(self.p_out(torch.tanh(self.p_hidden(self.draw(mu, logvar))))),
            mu,
            logvar,
        )


@entry(
    "Lightning",
    flat,
    loss="bce",
    save=lambda n: {
        "epoch": 3,
        "global_step": 100,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"model.{k}": v for k, v in n.state_dict().items()},
        "hyper_parameters": {"latent_dim": 20, "lr": 2e-3},
        "optimizer_states": [{"state": {}, "param_groups": []}],
        "lr_schedulers": [],
        "loops": {},
    },
)
def lightning():
    return ExampleVAE()


@entry(
    "DataParallel in a training checkpoint",
    flat,
    save=lambda n: {
        "epoch": 5,
        "loss": 0.02,
        "model_state_dict": {f"module.{k}": v for k, v in n.state_dict().items()},
        "optimizer_state_dict": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": []},
    },
)
def data_parallel():
    return Pair(Enc(), Dec())


@entry(
    "encoder and decoder saved apart",
    flat,
    save=lambda n: {"encoder": n.encoder.state_dict(), "decoder": n.decoder.state_dict()},
)
def apart():
    return Pair(Enc(nn.LeakyReLU), Dec(nn.LeakyReLU))
