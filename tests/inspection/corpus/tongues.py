"""Names in other tongues and habits, tied weights, tables."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair
from tests.inspection.corpus.entries import entry, flat, same
from tests.inspection.corpus.named import named

SMALL = (784, 96, 12)


@entry("enc, z, back, dec", flat, steps=500)
def enc_z_back_dec():
    return named(nn.ReLU, ["enc", "z", "back", "dec"], SMALL)


@entry("enc, z, back, dec, as safetensors", flat, steps=500, by_name=True)
def enc_z_back_dec_sorted():
    return named(nn.ReLU, ["enc", "z", "back", "dec"], SMALL)


@entry("German: kodierer, engpass, dekodierer, ausgabe", flat, steps=500)
def german():
    return named(nn.ReLU, ["kodierer", "engpass", "dekodierer", "ausgabe"], SMALL)


@entry("French: couche_entree, goulot, couche_retour, sortie", flat, steps=500)
def french():
    return named(nn.Tanh, ["couche_entree", "goulot", "couche_retour", "sortie"], SMALL)


@entry("Spanish: entrada, cuello, oculta, salida", flat, steps=500)
def spanish():
    return named(nn.ELU, ["entrada", "cuello", "oculta", "salida"], SMALL)


@entry("pinyin: bianma, qianzai, jiema, shuchu", flat, steps=500)
def pinyin():
    return named(nn.ReLU, ["bianma", "qianzai", "jiema", "shuchu"], SMALL)


class Jede(nn.Module):
    """Six layers of their own."""

    def __init__(self, names, curve):
        super().__init__()
        sizes = [784, 128, 48, 10, 48, 128, 784]
        self.names, self.curve = names, curve
        for name, a, b in zip(names, sizes[:-1], sizes[1:], strict=True):
            setattr(self, name, nn.Linear(a, b))

    def forward(self, x):
        for i, name in enumerate(self.names):
            x = getattr(self, name)(x)
            x = torch.sigmoid(x) if i == 5 else x if i == 2 else self.curve(x)
        return x


@entry("e1 e2 e3 d3 d2 d1", flat, steps=600)
def mirrored():
    return Jede(["e1", "e2", "e3", "d3", "d2", "d1"], F.relu)


@entry("e1 e2 e3 d3 d2 d1, as safetensors", flat, steps=600, by_name=True)
def mirrored_sorted():
    return Jede(["e1", "e2", "e3", "d3", "d2", "d1"], F.relu)


@entry("decoder first in the file, numbered", flat, steps=600)
class DecoderFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.decoder = nn.ModuleList([nn.Linear(10, 96), nn.Linear(96, 784)])
        self.encoder = nn.ModuleList([nn.Linear(784, 96), nn.Linear(96, 10)])

    def forward(self, x):
        z = self.encoder[1](F.relu(self.encoder[0](x)))
        return torch.sigmoid(self.decoder[1](F.relu(self.decoder[0](z))))


@entry("a module between both halves", flat, steps=500)
class Between(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 96), nn.ReLU())
        self.latent = nn.Linear(96, 12)
        self.decoder = nn.Sequential(nn.Linear(12, 96), nn.ReLU(), nn.Linear(96, 784), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.latent(self.encoder(x)))


@entry("layers listed in another order than they are used in", flat, steps=500)
class OutOfOrder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1, self.proj_out = nn.Linear(784, 96), nn.Linear(96, 784)
        self.proj_z, self.lin2 = nn.Linear(96, 12), nn.Linear(12, 96)

    def forward(self, x):
        z = self.proj_z(F.relu(self.lin1(x)))
        return torch.sigmoid(self.proj_out(F.relu(self.lin2(z))))


class Shared(nn.Module):
    """Each decoder weight is the transpose of the encoder's, and both stand in the file."""

    def __init__(self):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(784, 96), nn.Linear(96, 12)
        self.dec1, self.dec2 = nn.Linear(12, 96), nn.Linear(96, 784)

    def tie(self):
        self.dec1.weight.data = self.enc2.weight.data.t()
        self.dec2.weight.data = self.enc1.weight.data.t()

    def forward(self, x):
        z = self.enc2(F.relu(self.enc1(x)))
        h = F.relu(F.linear(z, self.enc2.weight.t(), self.dec1.bias))
        return torch.sigmoid(F.linear(h, self.enc1.weight.t(), self.dec2.bias))


def tied_state(net):
    net.tie()
    return net.state_dict()


entry("tied weights that stand in the file twice", flat, steps=500, save=tied_state)(Shared)


@entry("tied weights, no bias on the way back", flat, steps=500)
class NoBiasBack(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder1, self.encoder2 = nn.Linear(784, 96), nn.Linear(96, 16)

    def forward(self, x):
        z = F.relu(self.encoder2(F.relu(self.encoder1(x))))
        h = F.relu(F.linear(z, self.encoder2.weight.t()))
        return F.linear(h, self.encoder1.weight.t())


@entry("tied convolutions", loss="bce", steps=300)
class TiedConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 4, 2, 1), nn.Conv2d(8, 12, 4, 2, 1)
        self.b1, self.b2 = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        z = F.relu(self.conv2(F.relu(self.conv1(x))))
        h = F.relu(F.conv_transpose2d(z, self.conv2.weight, self.b1, 2, 1))
        return torch.sigmoid(F.conv_transpose2d(h, self.conv1.weight, self.b2, 2, 1))


def table(sizes, curve=nn.ReLU):
    layers = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), curve())]
    return nn.Sequential(*layers[:-1])


@entry("a table of 30 columns, code of 4", same, steps=800, data="breast-cancer", lr=3e-3)
def breast_cancer():
    return Pair(table([30, 20, 10, 4]), table([4, 10, 20, 30]))


@entry("a table of 13 columns, tanh", same, steps=800, data="wine", lr=3e-3)
def wine():
    return Pair(table([13, 10, 3], nn.Tanh), table([3, 10, 13], nn.Tanh))


@entry("signals of 128, ELU", same, steps=600, data="signals", lr=3e-3)
def signals():
    return Pair(table([128, 64, 8], nn.ELU), table([8, 64, 128], nn.ELU))
