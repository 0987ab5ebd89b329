"""Autoencoders as people write them: plain torch classes in many styles, unknown to aecore.

Each entry makes a network, says how it prepares images and undoes it, and how it is trained. The
check-up gets nothing of this but the state dict.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Entry:
    """make: the network. prepare: x (B, 1, 28, 28) in [0, 1] to what it takes. undo: back.

    loss: "mse", "bce" or "logits" (on what it gives), plus KL where forward gives (y, mu, logvar).
    save: the network to what is saved. steps: of Adam, batches of 64.
    """

    make: Callable[[], nn.Module]
    prepare: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]
    loss: str
    save: Callable[[nn.Module], dict]
    steps: int
    lr: float
    target: Callable[[Tensor], Tensor] | None
    sorted: bool  # saved as .safetensors, which forgets the order
    kl: float

    def reconstruct(self, net: nn.Module, x: Tensor) -> Tensor:
        """What the network makes of x, by its mean where it has one; x and it in [0, 1]."""
        net.eval()
        with torch.inference_mode():
            y = (
                net.reconstruct(self.prepare(x))
                if hasattr(net, "reconstruct")
                else net(self.prepare(x))
            )
            y = y[0] if isinstance(y, tuple) else y
            if self.loss == "logits":
                y = torch.sigmoid(y)
            return self.undo(y).reshape(x.shape)


ENTRIES: dict[str, Entry] = {}


def same(x: Tensor) -> Tensor:
    return x


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def signed(x: Tensor) -> Tensor:
    return 2 * x - 1


def unsigned(y: Tensor) -> Tensor:
    return (y + 1) / 2


def normal(x: Tensor) -> Tensor:
    return (x - 0.1307) / 0.3081


def unnormal(y: Tensor) -> Tensor:
    return y * 0.3081 + 0.1307


def padded(x: Tensor) -> Tensor:
    return F.pad(x, [2] * 4)


def cropped(y: Tensor) -> Tensor:
    return y[..., 2:-2, 2:-2]


def entry(
    name,
    prepare=same,
    undo=same,
    loss="mse",
    save=None,
    steps=600,
    lr=5e-3,
    target=None,
    by_name=False,
    kl=1.0,
):
    """Register the function or class below as a maker of networks."""

    def add(make):
        ENTRIES[name] = Entry(
            make,
            prepare,
            undo,
            loss,
            save or (lambda net: net.state_dict()),
            steps,
            lr,
            target,
            by_name,
            kl,
        )
        return make

    return add


def train(e: Entry, x: Tensor, seed: int = 0) -> nn.Module:
    """A network trained briefly on images x (n, 1, 28, 28) in [0, 1]."""
    torch.manual_seed(seed)
    net = e.make()
    net.train()
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], e.lr)
    fade = torch.optim.lr_scheduler.CosineAnnealingLR(adam, e.steps)
    for _ in range(e.steps):
        batch = x[torch.randint(len(x), (64,))]
        given = e.prepare(batch)
        wanted = (e.target or e.prepare)(batch)
        out = net(given)
        y, mu, logvar = out if isinstance(out, tuple) else (out, None, None)
        wanted = wanted.reshape(y.shape)
        if e.loss == "mse":
            loss = (y - wanted).square().flatten(1).sum(1).mean()
        elif e.loss == "bce":
            loss = F.binary_cross_entropy(y, wanted, reduction="sum") / len(y)
        else:
            loss = F.binary_cross_entropy_with_logits(y, wanted, reduction="sum") / len(y)
        if mu is not None:
            mu, logvar = mu.flatten(1), logvar.flatten(1)
            loss = loss - 0.5 * e.kl * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        fade.step()
    return net.eval()


# The lessons' presets -----------------------------------------------------------------------


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


@entry("lesson deep 3, sequential halves", flat, steps=1500)
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


@entry("lesson deep 3, tanh and signed", lambda x: flat(signed(x)), unsigned, steps=1500)
class Deep3Tanh(Deep3):
    def __init__(self):
        super().__init__()
        self.decoder[-1] = nn.Tanh()


@entry("lesson deep 32, sigmoid", flat, loss="bce", steps=1200)
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


class Gaussian(nn.Module):
    """What VAEs share: sampling while training, the mean otherwise."""

    def draw(self, mu, logvar):
        return mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu


@entry("lesson VAE 32", flat, loss="bce", steps=1200)
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


# Dense, in other styles ---------------------------------------------------------------------


@entry("PyTorch example VAE fc1 fc21 fc22 fc3 fc4", flat, loss="bce")
class ExampleVAE(Gaussian):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = self.draw(mu, logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


ENTRIES["the same, as safetensors"] = Entry(
    ExampleVAE, flat, same, "bce", lambda n: n.state_dict(), 600, 5e-3, None, True, 1.0
)


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
        nn.Sequential(block(784, 256), block(256, 64), nn.Linear(64, 10)),
        nn.Sequential(block(10, 64), block(64, 256), nn.Linear(256, 784), nn.Sigmoid()),
    )


class Enc(nn.Module):
    def __init__(self, curve=nn.ReLU, norm=False, k=12):
        super().__init__()
        self.hidden1 = nn.Linear(784, 300)
        self.norm1 = nn.BatchNorm1d(300) if norm else nn.Identity()
        self.hidden2 = nn.Linear(300, 100)
        self.norm2 = nn.BatchNorm1d(100) if norm else nn.Identity()
        self.out = nn.Linear(100, k)
        self.curve = curve()

    def forward(self, x):
        x = self.curve(self.norm1(self.hidden1(x)))
        return self.out(self.curve(self.norm2(self.hidden2(x))))


class Dec(nn.Module):
    def __init__(self, curve=nn.ReLU, norm=False, k=12, last=nn.Sigmoid):
        super().__init__()
        self.hidden1 = nn.Linear(k, 100)
        self.norm1 = nn.BatchNorm1d(100) if norm else nn.Identity()
        self.hidden2 = nn.Linear(100, 300)
        self.norm2 = nn.BatchNorm1d(300) if norm else nn.Identity()
        self.out = nn.Linear(300, 784)
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


ENTRIES["tied weights, bare parameters"] = Entry(
    Tied, flat, same, "mse", lambda n: n.state_dict(), 600, 5e-3, None, False, 1.0
)


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


# Convolutional ------------------------------------------------------------------------------


@entry("conv strided, transposed", steps=400)
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


@entry("conv with max pooling, named layers", steps=400)
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


@entry("conv tutorial with stride 3 and tanh", signed, unsigned, steps=1000, lr=3e-3)
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


@entry("conv to one pixel, kernels of 7", steps=400)
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

    def __init__(self, widths=(16, 32), side=8, k=10, leak=0.01, last=nn.Sigmoid):
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


@entry("conv VAE blocks with BatchNorm, 32 pixels", padded, cropped, loss="bce", steps=300)
def conv_vae_32():
    return ConvVAE()


@entry("conv VAE blocks with BatchNorm, 28 pixels, signed", signed, unsigned, steps=300, kl=0.1)
def conv_vae_28():
    return ConvVAE(side=7, last=nn.Tanh)


@entry("DCGAN-like, LeakyReLU down and ReLU up", padded, cropped, loss="bce", steps=300)
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


@entry("conv with upsampling decoder", loss="bce", steps=400)
def conv_upsample():
    return Pair(
        nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ),
        nn.Sequential(
            nn.Conv2d(8, 12, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(12, 1, 3, padding=1),
            nn.Sigmoid(),
        ),
    )


@entry("conv, kernels of 4, dense hidden layer", steps=400)
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


@entry("conv without padding, BatchNorm listed apart", loss="bce", steps=600)
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


@entry("conv encoder, dense decoder, as safetensors", steps=400, by_name=True)
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


@entry("conv with GroupNorm and SiLU", steps=300)
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


@entry("stacked autoencoder, module list", flat, steps=2000, lr=8e-3)
class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (784, 256, 64, 16)
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


# More names and nestings -------------------------------------------------------------------------


def named(curve, names, widths=(784, 160, 24), last=nn.Sigmoid):
    """Four layers under the given names, hidden curves between."""

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [*widths, *widths[-2::-1]]
            for name, (a, b) in zip(names, itertools.pairwise(sizes), strict=True):
                setattr(self, name, nn.Linear(a, b))
            self.curve, self.last = curve(), last()

        def forward(self, x):
            first, second, third, fourth = (getattr(self, n) for n in names)
            z = second(self.curve(first(x)))
            return self.last(fourth(self.curve(third(z))))

    return Named()


HIDDEN_OUTPUT = [
    f"{half}_{place}_layer" for half in ("encoder", "decoder") for place in ("hidden", "output")
]


@entry("encoder_hidden_layer and so on, tanh", flat)
def hidden_output_tanh():
    return named(nn.Tanh, HIDDEN_OUTPUT)


@entry("encoder_hidden_layer and so on, ELU, as safetensors", flat, by_name=True)
def hidden_output_elu():
    return named(nn.ELU, HIDDEN_OUTPUT)


@entry("linear1 to linear4, GELU", flat)
def linear_numbers():
    return named(nn.GELU, [f"linear{i}" for i in range(1, 5)])


@entry("in_layer, bottleneck, expand, out_layer, SELU", flat)
def worded():
    return named(nn.SELU, ["in_layer", "bottleneck", "expand", "out_layer"])


@entry("e1 e2 d1 d2, sigmoid curves", flat, lr=1e-2)
def short_names():
    return named(nn.Sigmoid, ["e1", "e2", "d1", "d2"])


class Forwarded(nn.Module):
    """Parts that run in order, saved under their names."""

    def __init__(self, parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x


@entry("inference and generative networks, tanh, signed", lambda x: flat(signed(x)), unsigned)
def two_networks():
    return Forwarded(
        {
            "inference": nn.Sequential(nn.Linear(784, 120), nn.Tanh(), nn.Linear(120, 18)),
            "generative": nn.Sequential(
                nn.Linear(18, 120), nn.Tanh(), nn.Linear(120, 784), nn.Tanh()
            ),
        }
    )


class FCVAE(Gaussian):
    """FC_input, FC_mean, FC_var in an Encoder of its own, LeakyReLU 0.2."""

    def __init__(self):
        super().__init__()
        self.Encoder = nn.ModuleDict(
            {
                "FC_input": nn.Linear(784, 200),
                "FC_mean": nn.Linear(200, 12),
                "FC_var": nn.Linear(200, 12),
            }
        )
        self.Decoder = nn.ModuleDict(
            {
                "FC_hidden": nn.Linear(12, 200),
                "FC_output": nn.Linear(200, 784),
            }
        )

    def forward(self, x):
        h = F.leaky_relu(self.Encoder["FC_input"](x), 0.2)
        mu, logvar = self.Encoder["FC_mean"](h), self.Encoder["FC_var"](h)
        h = F.leaky_relu(self.Decoder["FC_hidden"](self.draw(mu, logvar)), 0.2)
        return torch.sigmoid(self.Decoder["FC_output"](h)), mu, logvar


ENTRIES["FC_input, FC_mean, FC_var, LeakyReLU 0.2"] = Entry(
    FCVAE, flat, same, "bce", lambda n: n.state_dict(), 600, 5e-3, None, False, 1.0
)


@entry("tanh VAE head of 2k, as safetensors", flat, loss="bce", by_name=True)
class TanhTwoK(TwoK):
    def __init__(self):
        super().__init__(k=6)
        self.enc[1], self.dec[1] = nn.Tanh(), nn.Tanh()


@entry("ELU stack of four hidden layers", flat, steps=900)
def deep_elu():
    sizes = [784, 256, 96, 20]
    down = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ELU())][:-1]
    back = [m for a, b in itertools.pairwise(sizes[::-1]) for m in (nn.Linear(a, b), nn.ELU())]
    return Pair(nn.Sequential(*down), nn.Sequential(*back[:-1], nn.Sigmoid()))
