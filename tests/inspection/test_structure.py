"""From names and shapes to drafts: small untrained networks of every structure, read unseen.

A draft is the right one when it computes what the network computes on random examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.architecture import drafts_of
from aecore.inspection.understanding.by_hand import described
from aecore.inspection.understanding.choice import RANGES, Choice
from aecore.inspection.understanding.kinds import kind_of
from aecore.inspection.understanding.trials import Trials
from aecore.types import DataSpec

IMAGE = DataSpec((1, 12, 12), "image", 10)
ROWS = DataSpec((64,), "signal", 4)
PLAIN = Choice(encoder="ReLU", decoder="ReLU", code="none", output="none")


def data_of(spec: DataSpec) -> Any:
    """Data of a shape, as far as drafts ask for them."""
    return SimpleNamespace(spec=spec, name="examples")


class Net(nn.Module):
    """Layers by name, in the order in which they are given, and what is done with them."""

    def __init__(self, forward: Callable | None, **parts: nn.Module | nn.Parameter):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.run = forward

    def forward(self, *given: Tensor) -> Tensor:
        assert self.run is not None
        return self.run(self, *given)


@dataclass(frozen=True)
class Case:
    """make: the network. first: whether the right draft has to be the first."""

    make: Callable[[], nn.Module]
    spec: DataSpec = IMAGE
    told: bool = False
    first: bool = True
    choice: Choice = PLAIN


CASES: dict[str, Case] = {}


def case(name: str, **more):
    def add(make):
        CASES[name] = Case(make, **more)
        return make

    return add


def read(case: Case) -> tuple[list, int | None]:
    """The drafts of a network's state dict, and the place of the one that computes the same."""
    torch.manual_seed(0)
    net = case.make().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean = 0.1 * torch.randn(module.num_features)
            module.running_var = 0.5 + torch.rand(module.num_features)
    drafts = drafts_of(Contents("torch", net.state_dict()), data_of(case.spec))
    x = torch.rand(3, *case.spec.shape)
    labels = torch.tensor([1, 0, 3])
    with torch.inference_mode():
        truth = (net(x, labels) if case.told else net(x)).reshape(x.shape)
    trials = Trials(x, dict(RANGES), labels if case.told else None)
    for i, draft in enumerate(drafts):
        ours = trials.reconstruct(draft, case.choice)
        if ours is not None and float((ours - truth).abs().max()) < 1e-4:
            return drafts, i
    return drafts, None


def relu(*layers: nn.Module) -> nn.Sequential:
    """Layers with a ReLU between each two."""
    found = [m for layer in layers for m in (layer, nn.ReLU())]
    return nn.Sequential(*found[:-1])


def one_hot(y: Tensor, classes: int = 10) -> Tensor:
    return F.one_hot(y, classes).float()


# -- dense networks, heads, cuts -------------------------------------------------------------------


@case("two halves")
def two_halves():
    return Net(
        lambda s, x: s.back(s.enc(x.flatten(1))),
        back=relu(nn.Linear(5, 40), nn.Linear(40, 144)),
        enc=relu(nn.Linear(144, 40), nn.Linear(40, 5)),
    )


def heads(*names: str) -> nn.Module:
    """784-like VAE under these five names: hidden, mu, second, hidden, output."""
    a, mu, _, b, out = names
    sizes = (144, 30), (30, 4), (30, 4), (4, 30), (30, 144)
    parts = {n: nn.Linear(*s) for n, s in zip(names, sizes, strict=True)}

    def run(s, x):
        h = getattr(s, mu)(F.relu(getattr(s, a)(x.flatten(1))))
        return getattr(s, out)(F.relu(getattr(s, b)(h)))

    return Net(run, **parts)


NAMES = (
    ("img_2hid", "hid_2mu", "hid_2sigma", "z_2hid", "hid_2img"),
    ("hid", "hiddenToMean", "hiddenToStandardDeviation", "fromLatent", "out"),
    ("fc1", "fc41", "fc42", "fc5", "fc6"),
    ("kodierer", "mittel_mu", "streuung_logvar", "dekodierer", "ausgabe"),
    ("codificador", "loc", "scale", "decodificador", "salida"),
    ("bianma", "mu", "lnvar", "jiema", "shuchu"),
    ("e1", "e_mean", "e_std", "d1", "d2"),
    ("q", "q_mu", "q_var", "p", "p_out"),
)
for own in NAMES:
    CASES[f"heads {own[1]}"] = Case(lambda own=own: heads(*own))


@case("second head before mu")
def second_first():
    return (
        heads("fc1", "to_logvar", "to_mu", "fc3", "fc4")
        if False
        else Net(
            lambda s, x: s.g(s.to_mu(F.relu(s.f(x.flatten(1))))),
            f=nn.Linear(144, 30),
            to_logvar=nn.Linear(30, 4),
            to_mu=nn.Linear(30, 4),
            g=relu(nn.Linear(4, 30), nn.Linear(30, 144)),
        )
    )


@case("joined heads")
def joined():
    return Net(
        lambda s, x: s.dec(s.enc(x.flatten(1))[:, :4]),
        enc=relu(nn.Linear(144, 30), nn.Linear(30, 8)),
        dec=relu(nn.Linear(4, 30), nn.Linear(30, 144)),
    )


@case("interleaved heads", choice=Choice(output="none", interleaved=True))
def interleaved():
    return Net(
        lambda s, x: s.dec(s.enc(x.flatten(1)).view(len(x), 4, 2).unbind(-1)[0]),
        enc=Net(lambda s, x: s.gen(F.relu(s.lin(x))), lin=nn.Linear(144, 30), gen=nn.Linear(30, 8)),
        dec=relu(nn.Linear(4, 30), nn.Linear(30, 144)),
    )


@case("no curve before mu", choice=Choice(output="none", last_hidden="none"))
def no_curve():
    return Net(
        lambda s, x: s.dec(s.fc_mu(s.enc(x.flatten(1)))),
        enc=relu(nn.Linear(144, 30), nn.Linear(30, 20)),
        fc_mu=nn.Linear(20, 4),
        fc_var=nn.Linear(20, 4),
        dec=relu(nn.Linear(4, 30), nn.Linear(30, 144)),
    )


@case("kept out of order")
def out_of_order():
    return Net(
        lambda s, x: s.proj_out(F.relu(s.lin2(s.proj_z(F.relu(s.lin1(x.flatten(1))))))),
        lin1=nn.Linear(144, 30),
        proj_out=nn.Linear(30, 144),
        proj_z=nn.Linear(30, 4),
        lin2=nn.Linear(4, 30),
    )


# -- told the class --------------------------------------------------------------------------------


def told(label: Callable, width: int, image: int = 144, **more) -> nn.Module:
    def run(s, x, y):
        h = F.relu(s.fc1(torch.cat([x.flatten(1), label(s, y)], 1)))
        z = torch.cat([s.fc_mu(h), label(s, y)], 1)
        return s.fc3(F.relu(s.fc2(z)))[:, :144]

    return Net(
        run,
        **more,
        fc1=nn.Linear(144 + width, 30),
        fc_mu=nn.Linear(30, 4),
        fc_logvar=nn.Linear(30, 4),
        fc2=nn.Linear(4 + width, 30),
        fc3=nn.Linear(30, image),
    )


CASES["told one-hot"] = Case(lambda: told(lambda s, y: one_hot(y), 10), told=True)
CASES["told one-hot, label also given back"] = Case(
    lambda: told(lambda s, y: one_hot(y), 10, image=154), told=True
)
CASES["told by an embedding"] = Case(
    lambda: told(lambda s, y: s.label_emb(y), 6, label_emb=nn.Embedding(10, 6)), told=True
)


@case("told in the decoder alone", told=True)
def told_decoder():
    return Net(
        lambda s, x, y: s.dec(torch.cat([s.enc(x.flatten(1)), one_hot(y)], 1)),
        enc=relu(nn.Linear(144, 30), nn.Linear(30, 4)),
        dec=relu(nn.Linear(14, 30), nn.Linear(30, 144)),
    )


@case("told behind convolutions", told=True)
def told_conv():
    def run(s, x, y):
        h = F.relu(s.conv(x)).flatten(1)
        h = torch.cat([h, one_hot(y)], 1)
        z = torch.cat([s.fc_mu(h), one_hot(y)], 1)
        return s.deconv(F.relu(s.fc(z)).view(-1, 8, 6, 6))

    return Net(
        run,
        conv=nn.Conv2d(1, 8, 3, 2, 1),
        fc_mu=nn.Linear(8 * 36 + 10, 4),
        fc_logvar=nn.Linear(8 * 36 + 10, 4),
        fc=nn.Linear(14, 8 * 36),
        deconv=nn.ConvTranspose2d(8, 1, 3, 2, 1, 1),
    )


@case("told as channels of the image", told=True)
def told_channels():
    def run(s, x, y):
        maps = one_hot(y)[:, :, None, None].expand(-1, -1, 12, 12)
        h = F.relu(s.encoder(torch.cat([x, maps], 1))).flatten(1)
        z = torch.cat([s.fc(h), one_hot(y)], 1)
        return s.decoder(F.relu(s.decoder_fc(z)).view(-1, 8, 6, 6))

    return Net(
        run,
        encoder=nn.Conv2d(11, 8, 3, 2, 1),
        fc=nn.Linear(8 * 36, 4),
        decoder_fc=nn.Linear(14, 8 * 36),
        decoder=nn.ConvTranspose2d(8, 1, 3, 2, 1, 1),
    )


# -- residual blocks and skips ---------------------------------------------------------------------


class Block(nn.Module):
    """relu(f(x) + shortcut(x)), or before each layer with `before`."""

    def __init__(self, a: int, b: int, stride: int = 1, before: bool = False):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(b)
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(b)
        if a != b or stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride), nn.BatchNorm2d(b))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (self.shortcut(x) if hasattr(self, "shortcut") else x))


@case("residual blocks with shortcuts", first=False)
def residual():
    return Net(
        lambda s, x: s.dec(s.enc(x)),
        enc=nn.Sequential(
            nn.Conv2d(1, 4, 3, 1, 1),
            nn.ReLU(),
            Block(4, 8, 2),
            Block(8, 8),
            nn.Flatten(),
            nn.Linear(8 * 36, 5),
        ),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 36),
            nn.ReLU(),
            nn.Unflatten(1, (8, 6, 6)),
            Block(8, 8),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
    )


class Stacked(nn.Module):
    """x + f(x), a curve before each layer, as VQ-VAEs have it."""

    def __init__(self, n: int):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(n, 4, 3, 1, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(4, n, 1, bias=False),
        )

    def forward(self, x):
        return x + self.block(x)


@case("residual stack without curves behind", first=False)
def residual_stack():
    return Net(
        lambda s, x: s.dec(s.enc(x)),
        enc=Net(
            lambda s, x: s.fc(s.residual_stack(s.conv(x)).flatten(1)),
            conv=nn.Conv2d(1, 8, 4, 2, 1),
            residual_stack=nn.Sequential(Stacked(8), Stacked(8)),
            fc=nn.Linear(8 * 36, 5),
        ),
        dec=Net(
            lambda s, z: s.up(F.relu(s.fc(z)).view(-1, 8, 6, 6)),
            fc=nn.Linear(5, 8 * 36),
            up=nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
    )


@case("residual, by shapes alone", first=False)
def residual_unnamed():
    def run(s, x):
        h = F.relu(s.a(x.flatten(1)))
        h = F.relu(h + s.b(h))
        h = F.relu(s.d(s.c(h)))
        h = F.relu(h + s.e(h))
        return s.f(h)

    sizes = {"a": (144, 30), "b": (30, 30), "c": (30, 5), "d": (5, 30), "e": (30, 30)}
    return Net(run, **{n: nn.Linear(*s) for n, s in sizes.items()}, f=nn.Linear(30, 144))


@case("dense skips")
def dense_skips():
    def run(s, x):
        h = F.relu(s.enc1(x.flatten(1)))
        h = torch.cat([h, F.relu(s.enc2(h))], 1)
        return s.dec2(F.relu(s.dec1(s.enc3(h))))

    return Net(
        run,
        enc1=nn.Linear(144, 30),
        enc2=nn.Linear(30, 12),
        enc3=nn.Linear(42, 5),
        dec1=nn.Linear(5, 30),
        dec2=nn.Linear(30, 144),
    )


# -- convolutions ----------------------------------------------------------------------------------


@case("convolutions alone, pooled")
def conv_alone():
    return Net(
        lambda s, x: s.decoder(s.encoder(x)),
        encoder=nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 2, 3, padding=1),
            nn.MaxPool2d(2),
        ),
        decoder=relu(nn.ConvTranspose2d(2, 8, 2, 2), nn.ConvTranspose2d(8, 1, 2, 2)),
    )


@case("convolutions over rows", spec=ROWS)
def conv_rows():
    return Net(
        lambda s, x: s.dec(s.enc(x[:, None])).flatten(1),
        enc=nn.Sequential(
            nn.Conv1d(1, 4, 4, 2, 1),
            nn.ReLU(),
            nn.Conv1d(4, 8, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 16, 5),
        ),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 16),
            nn.ReLU(),
            nn.Unflatten(1, (8, 16)),
            nn.ConvTranspose1d(8, 4, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose1d(4, 1, 4, 2, 1),
        ),
    )


@case("convolutions over the pixels as a row")
def conv_pixels():
    return Net(
        lambda s, x: s.dec(s.enc(x.flatten(1)[:, None])),
        enc=nn.Sequential(
            nn.Conv1d(1, 4, 3, 1, 1), nn.MaxPool1d(2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 72, 5)
        ),
        dec=nn.Sequential(
            nn.Linear(5, 4 * 72),
            nn.ReLU(),
            nn.Unflatten(1, (4, 72)),
            nn.ConvTranspose1d(4, 1, 4, 2, 1),
        ),
    )


@case("pixel shuffle")
def shuffle():
    return Net(
        lambda s, x: s.dec(s.enc(x)),
        enc=nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5)),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 36),
            nn.ReLU(),
            nn.Unflatten(1, (8, 6, 6)),
            nn.Conv2d(8, 4, 3, 1, 1),
            nn.PixelShuffle(2),
        ),
    )


@case("dilated convolutions", first=False)
def dilated():
    return Net(
        lambda s, x: s.dec(s.enc(x)),
        enc=nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 36, 5),
        ),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 36),
            nn.ReLU(),
            nn.Unflatten(1, (8, 6, 6)),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
    )


@case("larger than the data, cropped", choice=Choice(output="none", fit="crop"), first=False)
def cropped():
    return Net(
        lambda s, x: s.dec(s.enc(x))[:, :, :12, :12],
        enc=nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 5)),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 64),
            nn.ReLU(),
            nn.Unflatten(1, (8, 8, 8)),
            nn.ConvTranspose2d(8, 1, 2, 2),
        ),
    )


# -- norms, slopes, tied weights -------------------------------------------------------------------


@case("a norm in front of the first layer")
def norm_first():
    return Net(
        lambda s, x: s.dec(s.enc(x.flatten(1))),
        enc=nn.Sequential(
            nn.BatchNorm1d(144), nn.Linear(144, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Linear(30, 5)
        ),
        dec=nn.Sequential(nn.Linear(5, 30), nn.ReLU(), nn.BatchNorm1d(30), nn.Linear(30, 144)),
    )


@case("instance norms", choice=Choice(output="none", groups=8), first=False)
def instance():
    return Net(
        lambda s, x: s.dec(s.enc(x)),
        enc=nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.InstanceNorm2d(8, affine=True),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 36, 5),
        ),
        dec=nn.Sequential(
            nn.Linear(5, 8 * 36),
            nn.ReLU(),
            nn.Unflatten(1, (8, 6, 6)),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
    )


@case("slopes of its own")
def slopes():
    return Net(
        lambda s, x: s.dec(s.enc(x.flatten(1))),
        enc=nn.Sequential(nn.Linear(144, 30), nn.PReLU(30), nn.Linear(30, 5)),
        dec=nn.Sequential(nn.Linear(5, 30), nn.PReLU(), nn.Linear(30, 144)),
    )


def tied(bias: bool, names: tuple[str, str] = ("encoder1", "encoder2")) -> nn.Module:
    first, second = names

    def run(s, x):
        a, b = getattr(s, first), getattr(s, second)
        z = b(F.relu(a(x.flatten(1))))
        h = F.relu(F.linear(z, b.weight.t(), s.b1 if bias else None))
        return F.linear(h, a.weight.t(), s.b2 if bias else None)

    own = {"b1": nn.Parameter(torch.randn(30)), "b2": nn.Parameter(torch.randn(144))}
    return Net(
        run, **{first: nn.Linear(144, 30), second: nn.Linear(30, 5)}, **(own if bias else {})
    )


CASES["tied, with biases"] = Case(lambda: tied(True))
CASES["tied, without biases"] = Case(lambda: tied(False))


@case("tied in part")
def tied_part():
    return Net(
        lambda s, x: F.linear(F.relu(s.dec(s.b(F.relu(s.a(x.flatten(1)))))), s.a.weight.t(), s.out),
        a=nn.Linear(144, 30),
        b=nn.Linear(30, 5),
        dec=nn.Linear(5, 30),
        out=nn.Parameter(torch.randn(144)),
    )


@case("tied convolutions")
def tied_conv():
    def run(s, x):
        z = s.c2(F.relu(s.c1(x)))
        h = F.relu(F.conv_transpose2d(z, s.c2.weight, s.b1, 2, 1))
        return F.conv_transpose2d(h, s.c1.weight, s.b2, 2, 1)

    return Net(
        run,
        c1=nn.Conv2d(1, 6, 4, 2, 1),
        c2=nn.Conv2d(6, 8, 4, 2, 1),
        b1=nn.Parameter(torch.randn(6)),
        b2=nn.Parameter(torch.randn(1)),
    )


@pytest.mark.parametrize("name", CASES)
def test_the_right_draft_is_among_them(name):
    drafts, place = read(CASES[name])
    assert place is not None, [(d.encoder, d.decoder) for d in drafts[:3]]
    assert place < (1 if CASES[name].first else 10), place


def drafts(net: nn.Module, spec: DataSpec = IMAGE) -> list:
    return drafts_of(Contents("torch", net.state_dict()), data_of(spec))


def test_the_files_order_is_far_ahead():
    sizes = [(144, 20), (20, 20), (20, 20), (20, 5), (5, 20), (20, 20), (20, 20), (20, 144)]
    net = nn.ModuleList([nn.Linear(a, b) for a, b in sizes])
    found = drafts(net)
    for draft in found:
        used = [spot.weights["weight"] for spot in (*draft.encoder, *draft.decoder) if spot.weights]
        if len(used) == len(sizes):
            assert all(bool((a == m.weight).all()) for a, m in zip(used, net, strict=True))


def test_a_code_wider_than_the_data_and_a_rival_cut_are_doubted():
    wide = drafts(Net(lambda s, x: x, a=nn.Linear(144, 200), b=nn.Linear(200, 144)))
    assert "wider than the data" in wide[0].doubts[0]
    sizes = [(144, 40), (40, 9), (9, 9), (9, 40), (40, 144)]
    rivals = drafts(nn.Sequential(*(nn.Linear(*s) for s in sizes)))
    assert {tuple(len(half) for half in (d.encoder, d.decoder)) for d in rivals[:2]} != 1
    assert all("as narrow behind" in d.doubts[0] for d in rivals[:2])
    named = {f"{'enc' if i < 3 else 'dec'}{i}": nn.Linear(*s) for i, s in enumerate(sizes)}
    assert not drafts(Net(lambda s, x: x, **named))[0].doubts


def test_a_decoder_alone_can_be_explored():
    generator = relu(nn.Linear(7, 30), nn.Linear(30, 144))
    found = drafts(generator)
    assert found[0].alone
    assert (found[0].k, found[0].encoder) == (7, [])
    deconv = nn.Sequential(
        nn.ConvTranspose2d(20, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, 4, bias=False),
    )
    assert [(d.alone, d.k) for d in drafts(deconv)[:1]] == [(True, 20)]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([(195, 30), (30, 4), (55, 30), (30, 144)], "told 51 numbers"),
        ([(145, 30), (30, 4), (5, 30), (30, 144)], "told 1 number "),
        ([(144, 30), (30, 10)], "classifier"),
        ([(90, 30), (30, 4), (4, 30), (30, 90)], "takes 90 numbers"),
        ([(144, 30), (30, 4), (5, 30), (30, 144)], "told 1 number "),
    ],
)
def test_a_refusal_names_what_does_not_fit(sizes, said):
    with pytest.raises(InspectionError, match=said):
        drafts(nn.Sequential(*(nn.Linear(*s) for s in sizes)))


def test_blocks_and_labels_described_by_hand():
    torch.manual_seed(0)
    a, r = nn.Linear(144, 20), relu(nn.Linear(20, 20), nn.Linear(20, 20))
    code, out = nn.Linear(20, 4), nn.Linear(14, 144)
    net = nn.ModuleDict({"a": a, "r": r, "code": code, "out": out})
    encoder = (
        *("Flatten()", "Linear(144, 20)", "ReLU()"),
        *("Residual(Linear(20, 20), ReLU(), Linear(20, 20))", "Linear(20, 4)"),
    )
    decoder = ("Told(10)", "Linear(14, 144)", "Unflatten(1, 12, 12)")
    contents = Contents("torch", net.state_dict())
    model, left = described(contents, IMAGE, encoder, decoder, 4, False)
    assert not left
    x, labels = torch.rand(3, 1, 12, 12), torch.tensor([4, 0, 9])
    h = F.relu(a(x.flatten(1)))
    z = code(h + r(h))
    assert torch.allclose(model.encode(x).mu, z, atol=1e-6)
    given = model.decode(z, labels).flatten(1)
    assert torch.allclose(given, out(torch.cat([z, one_hot(labels)], 1)), atol=1e-6)


# -- kinds -----------------------------------------------------------------------------------------


def convolutions(*shapes: tuple[int, int], turned: bool = False, **more) -> list[nn.Module]:
    make = nn.ConvTranspose2d if turned else nn.Conv2d
    return [make(a, b, 4, 2, 1, **more) for a, b in shapes]


KINDS = {
    "dense": (lambda: relu(nn.Linear(29, 9), nn.Linear(9, 29)), "autoencoder", (29,), (29,), 9),
    "images": (
        lambda: nn.Sequential(
            *convolutions((3, 8), (8, 16)),
            nn.Flatten(),
            nn.Linear(16 * 64, 12),
            nn.Linear(12, 16 * 64),
            *convolutions((16, 8), (8, 3), turned=True),
        ),
        *("autoencoder", (3, 32, 32), (3, 32, 32), 12),
    ),
    "images of any size": (
        lambda: nn.Sequential(*convolutions((3, 8)), *convolutions((8, 3), turned=True)),
        *("autoencoder", (3, None, None), (3, None, None), None),
    ),
    "a classifier": (
        lambda: nn.Sequential(*convolutions((1, 8)), nn.Flatten(), nn.Linear(8 * 196, 10)),
        *("classifier", (1, None, None), (10,), None),
    ),
    "a score": (lambda: relu(nn.Linear(30, 8), nn.Linear(8, 1)), "regressor", (30,), (1,), None),
    "an encoder": (
        lambda: Net(None, enc=relu(nn.Linear(144, 30)), mu=nn.Linear(30, 3), var=nn.Linear(30, 3)),
        *("encoder", (144,), None, 3),
    ),
    "a decoder kept out of order": (
        lambda: Net(
            None, lin1=nn.Linear(2, 20), proj_mu=nn.Linear(40, 784), lin2=nn.Linear(20, 40)
        ),
        *("decoder", None, (784,), 2),
    ),
    "a generator without biases": (
        lambda: nn.Sequential(*convolutions((100, 32), (32, 16), (16, 1), turned=True, bias=False)),
        *("decoder", None, (1, None, None), 100),
    ),
    "LSTMs": (
        lambda: Net(None, encoder=nn.LSTM(9, 16), decoder=nn.LSTM(16, 16), out=nn.Linear(16, 9)),
        *("recurrent", (None, 9), (None, 9), 16),
    ),
    "GRU": (
        lambda: Net(None, rnn=nn.GRU(5, 16), to_latent=nn.Linear(16, 4), dec=nn.GRU(4, 16)),
        *("recurrent", (None, 5), (None, 5), 4),
    ),
    "attention": (
        lambda: Net(None, attn=nn.MultiheadAttention(16, 2), classifier=nn.Linear(16, 3)),
        *("attention", None, (3,), None),
    ),
    "a codebook": (
        lambda: Net(
            None,
            enc=nn.Conv2d(1, 8, 4, 2, 1),
            vq=Net(None, embeddings=nn.Embedding(64, 8)),
            dec=nn.ConvTranspose2d(8, 1, 4, 2, 1),
        ),
        *("quantised", None, None, None),
    ),
    "volumes": (lambda: nn.Sequential(nn.Conv3d(1, 4, 3)), "other", None, None, None),
    "a U-Net": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 3),
            nn.Conv2d(8, 16, 3),
            nn.ConvTranspose2d(16, 8, 2, 2),
            nn.Conv2d(16, 8, 3),
            nn.Conv2d(8, 1, 1),
        ),
        *("other", (1, None, None), None, None),
    ),
    "another number of outputs": (
        lambda: Net(
            None, encoder=relu(nn.Linear(6, 30), nn.Linear(30, 4)), decoder=nn.Linear(2, 3)
        ),
        *("other", (6,), (3,), None),
    ),
    "images that are not square": (
        lambda: Net(
            None,
            encoder=nn.Sequential(*convolutions((1, 8)), nn.Flatten(), nn.Linear(8 * 208, 2)),
            decoder=nn.Sequential(nn.Linear(2, 8 * 208), *convolutions((8, 1), turned=True)),
        ),
        *("other", (1, None, None), (1, None, None), None),
    ),
}


@pytest.mark.parametrize("what", KINDS)
def test_what_a_file_is(what):
    make, name, takes, gives, code = KINDS[what]
    kind = kind_of(Contents("torch", make().state_dict()))
    assert (kind.name, kind.takes, kind.gives, kind.code) == (name, takes, gives, code), kind
    assert kind.sentence.endswith(".")
