"""What shapes leave open is found by trying: heads, worth, and the same answer on every machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from aecore import datasets
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding import understand as understanding
from aecore.inspection.understanding.graph_check import Difference
from aecore.inspection.understanding.understand import Reading, recipes_of, understand

K, STEPS = 4, 1500


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


class VAE(nn.Module):
    """64-48-4 on 8 x 8 pixels; deviation: its second head is sigma itself, of any sign."""

    def __init__(self, deviation: bool):
        super().__init__()
        self.deviation = deviation
        self.hidden, self.mu, self.second = nn.Linear(64, 48), nn.Linear(48, K), nn.Linear(48, K)
        self.grow, self.out = nn.Linear(K, 48), nn.Linear(48, 64)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.hidden(x.flatten(1)))
        raw = self.second(h)
        return self.mu(h), raw.abs() + 1e-6 if self.deviation else torch.exp(0.5 * raw)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.out(torch.tanh(self.grow(z))))

    def kl(self, x: Tensor) -> Tensor:
        return kl_divergence(Normal(*self.encode(x)), Normal(0.0, 1.0)).sum(1)


def trained(data, deviation: bool) -> VAE:
    torch.manual_seed(0)
    net, x = VAE(deviation), data.train.batch()
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    fade = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for _ in range(STEPS):
        batch = x[torch.randint(len(x), (64,))]
        mu, std = net.encode(batch)
        y = net.decode(mu + std * torch.randn_like(std))
        loss = F.binary_cross_entropy(y, batch.flatten(1), reduction="sum") / 64
        adam.zero_grad()
        (loss + net.kl(batch).mean()).backward()
        adam.step()
        fade.step()
    return net.eval()


@pytest.fixture(scope="module")
def nets(digits) -> dict[bool, VAE]:
    return {deviation: trained(digits, deviation) for deviation in (False, True)}


def state(net: VAE, halved: bool, joined: str, names: tuple[str, str]) -> dict[str, Tensor]:
    """The network's weights as somebody else would have saved them, the same function each time."""
    own = {name: value.clone() for name, value in net.state_dict().items()}
    second = {r: own.pop(f"second.{r}") * (0.5 if halved else 1) for r in ("weight", "bias")}
    mu = {r: own.pop(f"mu.{r}") for r in ("weight", "bias")}
    found = {f"encoder.0.{r}": own[f"hidden.{r}"] for r in mu}
    for r in mu:
        if joined == "":
            found |= {f"{names[0]}.{r}": mu[r]}
        elif joined == "interleaved":
            found[f"encoder.2.{r}"] = torch.stack([mu[r], second[r]], 1).flatten(0, 1)
        else:
            halves = [mu[r], second[r]]
            found[f"encoder.2.{r}"] = torch.cat(halves[::-1] if joined == "swapped" else halves)
    if joined == "":
        found |= {f"{names[1]}.{r}": second[r] for r in mu}
    found |= {f"decoder.{i}.{r}": own[f"{n}.{r}"] for i, n in ((0, "grow"), (2, "out")) for r in mu}
    return found


def read(weights: dict[str, Tensor], data) -> Reading:
    return understand(Contents("torch", weights), data)


WAYS = {
    "log-variance": (False, False, "", ("fc1", "fc2")),
    "log-deviation": (False, True, "", ("fc1", "fc2")),
    "log-variance, swapped": (False, False, "swapped", ("", "")),
    "log-deviation, interleaved": (False, True, "interleaved", ("", "")),
    "deviation": (True, False, "halves", ("", "")),
    "deviation, called sigma": (True, False, "", ("fc_mu", "fc_sigma")),
}


@pytest.mark.parametrize("way", WAYS)
def test_heads_are_what_they_were_trained_as(nets, digits, way):
    deviation, *saved = WAYS[way]
    net = nets[deviation]
    found = read(state(net, *saved), digits)
    x = digits.test.batch()
    with torch.inference_mode():
        posterior = found.model.encode(x)
        assert torch.allclose(posterior.mu, net.encode(x)[0], atol=1e-4), found.candidate.choice
        assert found.candidate.choice.second == way.split(",")[0]
        assert float((posterior.kl().sum(1) - net.kl(x)).mean().abs()) < 0.01
    kl = [doubt for doubt in found.doubts if "KL and NELBO rest on it" in doubt]
    assert bool(kl) == (not found.head_decided)
    # Between log-variance and log-deviation so small a network may leave it open.
    assert found.head_decided or way.startswith("log")


def burn() -> None:
    while True:
        pass


@pytest.fixture
def burning() -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    busy = [context.Process(target=burn, daemon=True) for _ in range(2)]
    for process in busy:
        process.start()
    yield
    for process in busy:
        process.kill()
        process.join()


def test_the_same_reading_beside_busy_neighbours(nets, digits, request):
    weights = state(nets[False], False, "halves", ("", ""))
    quiet = read(weights, digits)
    request.getfixturevalue("burning")
    busy = read(weights, digits)
    assert recipes_of(busy) == recipes_of(quiet)
    assert (busy.sure, busy.doubts, busy.tried) == (quiet.sure, quiet.doubts, quiet.tried)


def test_what_was_left_out_for_want_of_work_is_said(nets, digits, monkeypatch):
    search = understanding.search
    monkeypatch.setattr(understanding, "search", lambda *a: search(*a[:-1], 1e6))
    found = read(state(nets[False], False, "", ("fc_mu", "fc_logvar")), digits)
    assert not found.sure
    assert any("left out" in doubt for doubt in found.doubts)


def test_weights_that_draw_nothing_are_not_understood(digits):
    torch.manual_seed(1)
    net = VAE(False)
    for weight in net.parameters():
        nn.init.normal_(weight, std=1.0)
    found = read(state(net, False, "", ("fc_mu", "fc_logvar")), digits)
    assert not found.understood
    assert not found.sure
    assert f"{found.tried:,} readings" in found.open[0]
    assert "Handwritten digits" in found.open[0] or "digits" in found.open[0]
    assert "torch.onnx.export" in " ".join(found.open)


def test_a_decoder_that_draws_the_mean_has_collapsed(digits):
    net, mean = VAE(False), digits.train.batch().flatten(1).mean(0).clamp(0.01, 0.99)
    with torch.no_grad():
        for layer in (net.second, net.mu, net.out):
            layer.weight.mul_(1e-3)
            layer.bias.zero_()
        net.out.bias.copy_(torch.logit(mean))
    found = read(state(net, False, "", ("fc_mu", "fc_logvar")), digits)
    assert found.understood
    assert found.collapsed
    assert not found.open


@pytest.mark.parametrize(("differs", "sure"), [(0.0, True), (0.3, False), (None, False)])
def test_only_what_equals_its_graph_is_sure(digits, monkeypatch, differs, sure):
    against = None if differs is None else Difference(differs, "the 3rd of 9 operations")
    monkeypatch.setattr(understanding, "compared", lambda *_: against)
    drafts = understanding._drafts
    monkeypatch.setattr(
        understanding, "_drafts", lambda c, data: drafts(Contents("torch", c.tensors), data)
    )
    found = understand(Contents("onnx", principal(digits), operations=()), digits)
    assert found.sure == sure, found.doubts
    if differs:
        assert "the 3rd of 9 operations" in found.doubts[0]


def principal(data) -> dict[str, Tensor]:
    """The weights of a linear autoencoder at its best, by PCA with 8 numbers."""
    x = data.train.batch().flatten(1)
    mean = x.mean(0)
    axes = torch.linalg.svd(x - mean, full_matrices=False).Vh[:8]
    return {
        "encoder.weight": axes,
        "encoder.bias": -axes @ mean,
        "decoder.weight": axes.T.contiguous(),
        "decoder.bias": mean,
    }
