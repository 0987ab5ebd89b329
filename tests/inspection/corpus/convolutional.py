"""Convolutional networks: strides, pooling, enlarging, norms."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair
from tests.inspection.corpus.entries import cropped, entry, flat, padded, signed, unsigned
from tests.inspection.corpus.gaussian import Gaussian


@entry("conv strided, transposed", steps=400, batch=32)
class ConvStrided(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 16),
        )
        self.decoder = nn.Sequential(
            nn.Linear(16, 32 * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("conv with max pooling, named layers", steps=400, batch=32)
class ConvPool(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 4, 3, padding=1)
        self.t_conv1 = nn.ConvTranspose2d(4, 16, 2, stride=2)
        self.t_conv2 = nn.ConvTranspose2d(16, 1, 2, stride=2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return torch.sigmoid(self.t_conv2(F.relu(self.t_conv1(x))))


@entry("conv tutorial with stride 3 and tanh", signed, unsigned, steps=1000, lr=3e-3, batch=32)
def conv_stride3():
    return Pair(
        nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(16, 8, 3, stride=2, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(2, stride=1),
        ),
        nn.Sequential(
            nn.ConvTranspose2d(8, 16, 3, stride=2),
            nn.ReLU(True),
            nn.ConvTranspose2d(16, 8, 5, stride=3, padding=1),
            nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, 2, stride=2, padding=1),
            nn.Tanh(),
        ),
    )


@entry("conv to one pixel, kernels of 7", steps=400, batch=32)
class ConvSeven(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 7),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


class ConvVAE(Gaussian):
    """In the manner of PyTorch-VAE: blocks with BatchNorm and LeakyReLU, no curve before maps."""

    def __init__(self, widths=(8, 16), side=8, k=10, leak=0.01, last=nn.Sigmoid):
        super().__init__()
        blocks, n = [], 1
        for w in widths:
            blocks.append(
                nn.Sequential(nn.Conv2d(n, w, 3, 2, 1), nn.BatchNorm2d(w), nn.LeakyReLU(leak))
            )
            n = w
        self.encoder = nn.Sequential(*blocks)
        self.fc_mu = nn.Linear(n * side * side, k)
        self.fc_var = nn.Linear(n * side * side, k)
        self.decoder_input = nn.Linear(k, n * side * side)
        ups = []
        for a, b in zip(widths[::-1], [*widths[::-1][1:], widths[0]], strict=True):
            ups.append(
                nn.Sequential(
                    nn.ConvTranspose2d(a, b, 3, 2, 1, 1), nn.BatchNorm2d(b), nn.LeakyReLU(leak)
                )
            )
        self.decoder = nn.Sequential(*ups)
        self.final_layer = nn.Sequential(nn.Conv2d(widths[0], 1, 3, padding=1), last())
        self.side, self.n = side, n

    def forward(self, x):
        h = self.encoder(x).flatten(1)
        mu, logvar = self.fc_mu(h), self.fc_var(h)
        z = self.decoder_input(self.draw(mu, logvar)).view(-1, self.n, self.side, self.side)
        return self.final_layer(self.decoder(z)), mu, logvar


@entry(
    "conv VAE blocks with BatchNorm, 32 pixels", padded, cropped, loss="bce", steps=300, batch=32
)
def conv_vae_32():
    return ConvVAE()


@entry(
    "conv VAE blocks with BatchNorm, 28 pixels, signed",
    signed,
    unsigned,
    steps=300,
    kl=0.1,
    batch=32,
)
def conv_vae_28():
    return ConvVAE(side=7, last=nn.Tanh)


@entry("DCGAN-like, LeakyReLU down and ReLU up", padded, cropped, loss="bce", steps=300, batch=32)
class DCGAN(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(16, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 24, 4, 1, 0),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(24, 64, 4, 1, 0, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(True),
            nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(True),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("conv with upsampling decoder", loss="bce", steps=400, batch=32)
def conv_upsample():
    return Pair(
        nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ),
        nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 1, 3, padding=1),
            nn.Sigmoid(),
        ),
    )


@entry("conv, kernels of 4, dense hidden layer", steps=400, batch=32)
class ConvFour(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1)
        self.f1, self.f2 = nn.Linear(16 * 49, 64), nn.Linear(64, 10)
        self.g1, self.g2 = nn.Linear(10, 64), nn.Linear(64, 16 * 49)
        self.d1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.d2 = nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def forward(self, x):
        h = F.relu(self.c2(F.relu(self.c1(x)))).flatten(1)
        z = self.f2(F.relu(self.f1(h)))
        h = F.relu(self.g2(F.relu(self.g1(z)))).view(-1, 16, 7, 7)
        return torch.sigmoid(self.d2(F.relu(self.d1(h))))


@entry("conv without padding, BatchNorm listed apart", loss="bce", steps=600, batch=32)
class ConvValid(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, 2), nn.Conv2d(8, 16, 3, 2)
        self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(16)
        self.fc = nn.Linear(16 * 36, 12)
        self.defc = nn.Linear(12, 16 * 36)
        self.deconv1 = nn.ConvTranspose2d(16, 8, 3, 2)
        self.deconv2 = nn.ConvTranspose2d(8, 1, 3, 2, output_padding=1)
        self.bn3 = nn.BatchNorm2d(8)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.defc(self.fc(x.flatten(1)))).view(-1, 16, 6, 6)
        return torch.sigmoid(self.deconv2(F.relu(self.bn3(self.deconv1(x)))))


@entry("conv encoder, dense decoder, as safetensors", steps=400, by_name=True, batch=32)
class ConvDense(Gaussian):
    def __init__(self):
        super().__init__()
        self.enc_conv1 = nn.Conv2d(1, 8, 5, 2, 2)
        self.enc_conv2 = nn.Conv2d(8, 16, 5, 2, 2)
        self.enc_fc = nn.Linear(16 * 49, 8)
        self.dec_fc1 = nn.Linear(8, 200)
        self.dec_fc2 = nn.Linear(200, 784)

    def forward(self, x):
        h = F.elu(self.enc_conv2(F.elu(self.enc_conv1(x)))).flatten(1)
        return torch.sigmoid(self.dec_fc2(F.elu(self.dec_fc1(self.enc_fc(h)))))


@entry("conv with GroupNorm and SiLU", steps=300, batch=32)
class ConvGroup(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
            nn.Conv2d(16, 16, 3, 2, 1),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(784, 12),
        )
        self.decoder = nn.Sequential(
            nn.Linear(12, 784),
            nn.Unflatten(1, (16, 7, 7)),
            nn.ConvTranspose2d(16, 16, 4, 2, 1),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry("stacked autoencoder, module list", flat, steps=2200, lr=8e-3)
class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (784, 160, 64, 16)
        self.down = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        back = widths[::-1]
        self.up = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(back))

    def forward(self, x):
        for layer in self.down:
            x = torch.sigmoid(layer(x)) if layer.out_features > 16 else layer(x)
        for layer in self.up:
            x = torch.sigmoid(layer(x))
        return x


@entry("weight-normalised layers", flat)
def weight_norm():
    from torch.nn.utils import parametrizations

    return nn.Sequential(
        parametrizations.weight_norm(nn.Linear(784, 128)),
        nn.ReLU(),
        parametrizations.weight_norm(nn.Linear(128, 16)),
        parametrizations.weight_norm(nn.Linear(16, 128)),
        nn.ReLU(),
        parametrizations.weight_norm(nn.Linear(128, 784)),
        nn.Sigmoid(),
    )
