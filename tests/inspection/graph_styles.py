"""Networks for 8x8 images in every style that graphs are read in, and some that are not.

Their weights are drawn, not trained: a reading has to compute what its graph does, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STYLES: dict[str, Callable[[], nn.Module]] = {}
TOLD: dict[str, Callable[[], nn.Module]] = {}  # take a label too: whole numbers, or one-hot rows
ONE_HOT: set[str] = set()
#: With a word of the sentence, and the form in which they are written.
REFUSED: dict[str, tuple[Callable[[], nn.Module], str, str]] = {}


def style(name: str):
    def add(make):
        STYLES[name] = make
        return make

    return add


def told(name: str, one_hot: bool = False):
    def add(make):
        TOLD[name] = make
        if one_hot:
            ONE_HOT.add(name)
        return make

    return add


def refused(name: str, word: str, form: str = "export"):
    def add(make):
        REFUSED[name] = make, word, form
        return make

    return add


class Around(nn.Module):
    """Any layers of maps (4, 4, 4) in the encoder and in the decoder of a small autoencoder."""

    def __init__(
        self, inner: nn.Module, outer: nn.Module | None = None, end: nn.Module | None = None
    ):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, 2, 1)
        self.inner = inner
        inner.eval()
        self.squeeze = nn.Linear(inner(torch.rand(2, 4, 4, 4)).flatten(1).shape[1], 5)
        self.lift = nn.Linear(5, 64)
        self.outer = outer or nn.Identity()
        self.up = nn.ConvTranspose2d(4, 1, 4, 2, 1)
        self.end = end or nn.Sigmoid()

    def forward(self, x):
        z = self.squeeze(self.inner(self.down(x)).flatten(1))
        return self.end(self.up(self.outer(self.lift(z).view(-1, 4, 4, 4))))


def around(name: str, inner: Callable[[], nn.Module], outer=None, end=None) -> None:
    STYLES[name] = lambda: Around(inner(), outer and outer(), end and end())


CURVES = {
    "LeakyReLU 0.3": lambda: nn.LeakyReLU(0.3),
    "ELU 0.7": lambda: nn.ELU(0.7),
    "SELU": nn.SELU,
    "CELU 1.3": lambda: nn.CELU(1.3),
    "GELU": nn.GELU,
    "GELU by tanh": lambda: nn.GELU("tanh"),
    "SiLU": nn.SiLU,
    "Mish": nn.Mish,
    "Softplus": nn.Softplus,
    "PReLU by channel": lambda: nn.PReLU(4),
    "ReLU6": nn.ReLU6,
    "Hardtanh": lambda: nn.Hardtanh(-0.5, 2.0),
    "Hardswish": nn.Hardswish,
    "Hardsigmoid": nn.Hardsigmoid,
    "Softsign": nn.Softsign,
    "LogSigmoid": nn.LogSigmoid,
}
_made = list(CURVES.values())
for _half in (0, 1):
    around(
        f"curves, {'every other' if _half else 'the others'}",
        lambda h=_half: nn.Sequential(
            *(m for make in _made[h::2] for m in (make(), nn.Conv2d(4, 4, 1)))
        ),
    )
around("batch norm, its own eps", lambda: nn.BatchNorm2d(4, eps=1e-2), lambda: nn.BatchNorm2d(4))
around("batch norm without weights", lambda: nn.BatchNorm2d(4, affine=False))
around("group norm", lambda: nn.GroupNorm(2, 4), lambda: nn.GroupNorm(4, 4, eps=1e-3))
around("instance norm", lambda: nn.InstanceNorm2d(4), lambda: nn.InstanceNorm2d(4, affine=True))
around("layer norm without weights", lambda: nn.LayerNorm(4, elementwise_affine=False))
around("layer norm over maps", lambda: nn.LayerNorm([4, 4, 4], eps=1e-3))
around("max pool, ceil mode", lambda: nn.MaxPool2d(3, 2, ceil_mode=True))
around("mean pool, border not counted", lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False))
around("mean pool, border counted", lambda: nn.AvgPool2d(3, 2, 1))
around("mean over all", lambda: nn.AdaptiveAvgPool2d(1))
around("dilated", lambda: nn.Conv2d(4, 4, 3, padding=2, dilation=2))
around("two strides, two paddings", lambda: nn.Conv2d(4, 6, (3, 5), (1, 2), (0, 2)))
around("border unequal", lambda: nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(4, 4, 2)))
around("border reflected", lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"))
around("border replicated", lambda: nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(4, 4, 3)))
around("grouped", lambda: nn.Conv2d(4, 8, 3, groups=2))
around("weight norm", lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)))
around("no bias", lambda: nn.Conv2d(4, 4, 3, bias=False))


def enlarged(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Conv2d(4, 4, 5))


for _mode, _more in (("nearest", {}), ("bilinear", {}), ("bilinear", {"align_corners": True})):
    _said = f"enlarged, {_mode}{' corners' if _more else ''}"
    around(_said, nn.Identity, lambda m=_mode, o=_more: enlarged(nn.Upsample(None, 2.0, m, **o)))
around("enlarged to a size", nn.Identity, lambda: enlarged(nn.Upsample((8, 8))))
around(
    "pixel shuffle",
    nn.Identity,
    lambda: nn.Sequential(nn.Conv2d(4, 16, 1), nn.PixelShuffle(2), nn.MaxPool2d(2)),
)
around(
    "output padding",
    nn.Identity,
    lambda: nn.Sequential(nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1), nn.MaxPool2d(2)),
)
around("ends clamped", nn.Identity, None, lambda: nn.Hardtanh(0.0, 1.0))
around("ends linear", nn.Identity, None, nn.Identity)
around("ends in tanh", nn.Identity, None, nn.Tanh)


class Crops(nn.Module):
    def forward(self, x):
        return x[:, :, 1:9, :8]


around(
    "cropped",
    nn.Identity,
    lambda: nn.ConvTranspose2d(4, 4, 2, 1),
    lambda: nn.Sequential(Crops(), nn.Sigmoid()),
)


class Block(nn.Module):
    def __init__(self, wide: int, shortcut: nn.Module | None = None, deep: bool = False):
        super().__init__()
        layers = [nn.Conv2d(4, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
        if deep:
            layers.append(Block(wide))
        self.body = nn.Sequential(*layers, nn.Conv2d(wide, wide, 3, padding=1))
        self.shortcut = shortcut

    def forward(self, x):
        around = x if self.shortcut is None else self.shortcut(x)
        return torch.relu(around + self.body(x))


around("residual", lambda: Block(4), lambda: nn.Sequential(Block(4), Block(4)))
around("residual, shortcut", lambda: Block(6, nn.Conv2d(4, 6, 1)))
around("residual within residual", lambda: Block(4, deep=True))


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, torch.relu(self.conv(x))], 1)


around("skip within the encoder", lambda: nn.Sequential(Joined(), nn.Conv2d(7, 4, 1)))


class PerChannel(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 4, 1, 1))
        self.register_buffer("std", torch.tensor([0.5, 0.6, 0.7, 0.8]).view(1, 4, 1, 1))

    def forward(self, x):
        return (x - self.mean) / self.std


around("normalised by channel", PerChannel)


@style("signal, Conv1d")
class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv1d(1, 4, 4, 4), nn.BatchNorm1d(4), nn.ReLU())
        self.squeeze, self.lift = nn.Linear(64, 5), nn.Linear(5, 64)
        self.dec = nn.ConvTranspose1d(4, 1, 4, 4)

    def forward(self, x):
        h = self.enc(x.flatten(1).unsqueeze(1)).flatten(1)
        return self.dec(self.lift(self.squeeze(h)).view(-1, 4, 16)).flatten(1)


class Vae(nn.Module):
    """heads: what follows the hidden values, (B, 16) -> mu, second. deviation: of the second."""

    def __init__(self):
        super().__init__()
        self.fc, self.back, self.out = nn.Linear(64, 16), nn.Linear(3, 16), nn.Linear(16, 64)
        self.mu, self.second = nn.Linear(16, 3), nn.Linear(16, 3)
        self.both = nn.Linear(16, 6)
        self.deep = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(2)
        )

    def heads(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu(h), self.second(h)

    def deviation(self, s: Tensor) -> Tensor:
        return torch.exp(0.5 * s)

    def forward(self, x):
        mu, s = self.heads(F.relu(self.fc(x.flatten(1))))
        z = mu + torch.randn_like(mu) * self.deviation(s)
        y = torch.sigmoid(self.out(F.relu(self.back(z))))
        return y.view(-1, 1, 8, 8), mu, s


def vae(name: str, heads=None, deviation=None) -> None:
    members = {"heads": heads} if heads else {}
    members |= {"deviation": deviation} if deviation else {}
    STYLES[f"VAE, {name}"] = type("Variant", (Vae,), members)


vae("heads apart")
vae("joined", lambda self, h: self.both(h).chunk(2, 1))
vae("joined the other way", lambda self, h: self.both(h).chunk(2, 1)[::-1])
vae("joined by slices", lambda self, h: (self.both(h)[:, :3], self.both(h)[:, 3:]))
vae("interleaved", lambda self, h: self.both(h).view(-1, 3, 2).unbind(-1))
vae("interleaved by steps", lambda self, h: (self.both(h)[:, 0::2], self.both(h)[:, 1::2]))
vae("heads of two layers", lambda self, h: (self.deep[0](h), self.deep[1](h)))
vae("log-deviation", None, lambda self, s: torch.exp(s))
vae("deviation", None, lambda self, s: s)
vae("softplus", None, lambda self, s: F.softplus(s))
vae("softplus and a little", None, lambda self, s: F.softplus(s) + 1e-6)
vae("clamped", None, lambda self, s: torch.exp(0.5 * s.clamp(-2.0, 1.0)))
vae("root of the variance", None, lambda self, s: torch.sqrt(torch.exp(s)))


@style("VAE, heads of maps")
class MapVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, 2, 1)
        self.mu, self.second = nn.Conv2d(4, 1, 3, 2, 1), nn.Conv2d(4, 1, 3, 2, 1)
        self.up = nn.ConvTranspose2d(1, 1, 4, 4)

    def forward(self, x):
        h = F.relu(self.down(x))
        mu, s = self.mu(h), self.second(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * s)
        return torch.sigmoid(self.up(z)), mu, s


@style("VAE, exported without its sampling")
class Silent(Vae):
    def forward(self, x):
        mu, s = self.both(F.relu(self.fc(x.flatten(1)))).chunk(2, 1)
        return torch.sigmoid(self.out(F.relu(self.back(mu)))), mu, s


@style("denoiser that makes its noise")
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(64, 8), nn.Linear(8, 64)

    def forward(self, x):
        x = x.flatten(1)
        return torch.sigmoid(self.out(F.relu(self.fc(x + 0.3 * torch.randn_like(x)))))


class Conditional(nn.Module):
    def __init__(self, width: int = 10):
        super().__init__()
        self.fc, self.mu, self.second = (
            nn.Linear(64 + width, 16),
            nn.Linear(16, 3),
            nn.Linear(16, 3),
        )
        self.back, self.out = nn.Linear(3 + width, 16), nn.Linear(16, 64)
        self.table = nn.Embedding(10, width)

    def numbers(self, y):
        return F.one_hot(y, 10).float()

    def join(self, values, numbers):
        return torch.cat([values, numbers], 1)

    def forward(self, x, y):
        y = self.numbers(y)
        h = F.relu(self.fc(self.join(x.flatten(1), y)))
        mu, s = self.mu(h), self.second(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * s)
        return torch.sigmoid(self.out(F.relu(self.back(self.join(z, y))))), mu, s


told("told by one-hot of whole numbers")(Conditional)


@told("told by one-hot rows", one_hot=True)
class ByRows(Conditional):
    def numbers(self, y):
        return y


@told("told by an embedding")
class ByTable(Conditional):
    def __init__(self):
        super().__init__(4)

    def numbers(self, y):
        return F.relu(self.table(y))


@told("told first")
class First(Conditional):
    def join(self, values, numbers):
        return torch.cat([numbers, values], 1)


@told("autoencoder whose decoder alone is told")
class DecoderTold(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(64, 3), nn.Linear(13, 64)

    def forward(self, x, y):
        z = torch.tanh(self.fc(x.flatten(1)))
        return torch.sigmoid(self.out(torch.cat([z, F.one_hot(y, 10).float()], 1)))


@told("told on maps")
class OnMaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.squeeze = nn.Conv2d(11, 4, 3, 2, 1), nn.Linear(64, 3)
        self.out = nn.Linear(13, 64)

    def forward(self, x, y):
        y = F.one_hot(y, 10).float()
        maps = y[:, :, None, None].expand(-1, -1, 8, 8)
        z = self.squeeze(F.relu(self.down(torch.cat([x, maps], 1))).flatten(1))
        return torch.sigmoid(self.out(torch.cat([z, y], 1)))


# -- what is named and refused ---------------------------------------------------------------------


@refused("U-Net", "everything that crosses is at least 64 numbers", "opset 13")
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.mid = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def forward(self, x):
        a = F.relu(self.down(x))
        b = F.relu(self.up(F.relu(self.mid(a))))
        return torch.sigmoid(self.out(torch.cat([a, b], 1)))


@refused("recurrent", "LSTM", "opset 17")
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.LSTM(8, 4, batch_first=True)
        self.dec = nn.LSTM(4, 8, batch_first=True)

    def forward(self, x):
        _, (h, _) = self.enc(x.squeeze(1))
        return self.dec(h[-1][:, None].expand(-1, 8, -1))[0]


@refused("gated", "gate|attention")
class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.gate, self.out = nn.Linear(64, 8), nn.Linear(8, 8), nn.Linear(8, 64)

    def forward(self, x):
        h = F.relu(self.fc(x.flatten(1)))
        return self.out(h * torch.sigmoid(self.gate(h)))


@refused("max unpooling", "unpool|MaxUnpool")
class Unpools(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x):
        h, places = F.max_pool2d(F.relu(self.down(x)), 2, return_indices=True)
        return torch.sigmoid(self.up(F.max_unpool2d(h, places, 2)))


@refused("a curve of somebody's own", "sin|Sin")
class Sine(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(64, 8), nn.Linear(8, 64)

    def forward(self, x):
        return self.out(torch.sin(3 * self.fc(x.flatten(1))))


def drawn(make: Callable[[], nn.Module]) -> nn.Module:
    """A network with drawn weights and statistics."""
    torch.manual_seed(0)
    net = make()
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.GroupNorm | nn.LayerNorm | nn.BatchNorm2d | nn.InstanceNorm2d):
            for weight in module.parameters():
                nn.init.uniform_(weight, -1, 1)
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            nn.init.normal_(module.weight, 0.0, 0.6)  # what enters the next curve is not small
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.1, 0.9)
    return net.eval()
