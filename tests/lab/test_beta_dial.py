"""The shipped planes of the dial of beta: what their file says of them is true, and it is small."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.neighbors import KNeighborsClassifier
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)

from aecore.datasets import load
from aecore.errors import CheckpointError
from aecore.lab import beta_dial
from aecore.lab.beta_dial import plane_of

LIMIT = 3e6  # bytes


@pytest.fixture(scope="module")
def mnist():
    return load(beta_dial.DATASET)


def flat(split, rows: slice = slice(None)) -> np.ndarray:
    return split.x[rows].flatten(1).numpy().astype(np.float32) / 255


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@torch.inference_mode()
def by_hand(model):
    """The network as it is drawn, 784-96-48-2-48-96-784, from its weights alone: x (n, 784) -> mean
    and log-variance (n, 2) each, and z (n, 2) -> (n, 784)."""
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5, w6, b6 = (p.numpy() for p in model.parameters())

    def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = relu(relu(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
        return both[:, :2], both[:, 2:]

    def decode(z: np.ndarray) -> np.ndarray:
        return expit(relu(relu(z @ w4.T + b4) @ w5.T + b5) @ w6.T + b6)

    return encode, decode


def test_the_file_is_small_and_holds_nine_models_in_sixteen_bits():
    assert beta_dial.FILE.stat().st_size <= LIMIT
    said = beta_dial.facts()
    assert tuple(stop.beta for stop in said.stops) == beta_dial.BETAS
    assert len(beta_dial.models()) == 9
    for model in beta_dial.models():
        assert all(torch.equal(weight, weight.half().float()) for weight in model.parameters())


def test_figures_in_the_file_are_those_of_its_weights(mnist):
    """KL by torch.distributions, holes by a histogram, neighbours by scikit-learn."""
    said = beta_dial.facts()
    x, known = flat(mnist.test), flat(mnist.train)
    mean_mse = np.square(x - known.mean(0, dtype=np.float64)).mean()
    assert mean_mse == pytest.approx(said.mean_mse, rel=1e-4)
    counts, _, _ = np.histogram2d(*np.random.default_rng(1).standard_normal((2, len(known))), 40)
    assert 100 * (counts == 0).mean() == pytest.approx(said.prior_empty, abs=5)
    classes = [split.labels.numpy() for split in (mnist.train, mnist.test)]
    for stop, model in zip(said.stops, beta_dial.models(), strict=True):
        encode, decode = by_hand(model)
        mu, logvar = encode(x)
        assert np.square(decode(mu) - x).mean() == pytest.approx(stop.mse, rel=1e-4)
        q = Normal(torch.from_numpy(mu).double(), torch.from_numpy(logvar).double().mul(0.5).exp())
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()
        assert float(kl) == pytest.approx(stop.kl, rel=1e-4, abs=1e-5)
        assert int((mu.var(0) > 0.01).sum()) == stop.active
        codes, noise = encode(known)
        fed = codes + np.exp(0.5 * noise) * np.random.default_rng(said.seed + 1).standard_normal(
            codes.shape
        )
        far = 100 * (np.linalg.norm(codes, axis=1) > 2).mean()
        assert far == pytest.approx(stop.beyond, abs=0.05)
        # Another draw of the noise than the one in the file.
        far = 100 * (np.linalg.norm(fed, axis=1) > 2).mean()
        assert far == pytest.approx(stop.fed_beyond, abs=1)
        plane = plane_of(stop.plane)
        assert np.allclose([plane.low, plane.high], [codes.min(0), codes.max(0)], atol=1e-4)
        edges = [np.linspace(a, b, 41) for a, b in zip(codes.min(0), codes.max(0), strict=True)]
        counts, _, _ = np.histogram2d(*codes.T, edges)
        assert 100 * (counts == 0).mean() == pytest.approx(plane.empty, abs=0.5)
        found = KNeighborsClassifier(5).fit(codes[: said.voters], classes[0][: said.voters])
        right = found.score(mu[: said.judged], classes[1][: said.judged])
        assert 100 * right == pytest.approx(stop.knn, abs=0.5)


def test_the_aggregate_posterior_s_distance_agrees_with_torch_s_mixture(mnist):
    """By other digits and other draws; without a price a few far codes decide it, so not there."""
    said = beta_dial.facts()
    x = flat(mnist.train, slice(5_000))
    torch.manual_seed(4)
    for stop, model in list(zip(said.stops, beta_dial.models(), strict=True))[1:]:
        mu, logvar = (torch.from_numpy(v).double() for v in by_hand(model)[0](x))
        each = Independent(Normal(mu, logvar.mul(0.5).exp()), 1)
        q = MixtureSameFamily(Categorical(torch.ones(len(x))), each)
        z = q.sample((2_000,))
        off = q.log_prob(z) - Normal(0.0, 1.0).log_prob(z).sum(1)
        error = 4 * float(off.std()) / 2_000**0.5 * 2**0.5  # of both estimates
        assert stop.gap == pytest.approx(float(off.mean()), abs=error + 1e-3)


def test_a_higher_price_costs_error_saves_nats_and_ends_in_collapse():
    said = beta_dial.facts()
    stops = said.stops
    errors, kls = [s.mse for s in stops], [s.kl for s in stops]
    assert errors == sorted(errors)
    assert kls == sorted(kls, reverse=True)
    assert stops[0].active == 2
    assert stops[-1].active == 0
    assert stops[-1].kl < 0.01
    assert stops[-1].mse == pytest.approx(said.mean_mse, rel=0.01)
    # Codes with their noise come to lie as N(0, I) does.
    off = [abs(s.fed_beyond - beta_dial.BEYOND_OF_PRIOR) for s in stops]
    assert off == sorted(off, reverse=True)
    assert off[-1] < 1
    first, last = (beta_dial.says(said, stop, True) for stop in (stops[0], stops[-1]))
    assert f"{stops[0].kl:.1f} nats" in first
    assert "collapse" not in first
    assert "This is collapse" in last


def test_planes_show_where_codes_are_and_the_decoder_that_the_browser_gets(mnist):
    found = beta_dial.planes()
    rows = mnist.test.some_rows(beta_dial.ON_MAP)
    assert found.labels.tolist() == mnist.test.labels.numpy()[rows].tolist()
    x = flat(mnist.test)[rows]
    for i, model in enumerate(beta_dial.models()):
        encode, decode = by_hand(model)
        mu, logvar = encode(x)
        assert np.allclose(found.mu[i], mu, rtol=1e-4, atol=1e-4)
        assert np.allclose(found.std[i], np.exp(0.5 * logvar), rtol=1e-3, atol=1e-5)
        low, high = found.windows[i]
        assert np.ptp(high - low) < 1e-4  # a square
        assert (low <= -2).all()
        assert (high >= 2).all()
        inside = ((mu > low) & (mu < high)).all(1).mean()
        assert inside > 0.97
        y = z = np.array([[0.3, -0.7]], np.float32)
        for operation in found.decoder:
            w, b = (int(operation[name]) if name in operation else None for name in ("w", "b"))
            if w is None:
                y = {"relu": relu, "sigmoid": expit}[operation["kind"]](y)
                continue
            ins, outs = int(operation["in"]), int(operation["out"])
            weight = found.weights[i][w : w + ins * outs].reshape(outs, ins)
            y = y @ weight.T + found.weights[i][b : b + outs]
        assert np.allclose(y, decode(z), atol=1e-5)
    # In collapse a digit's middle tells nothing, and its noise fills the middle of N(0, I).
    cells = found.fed_holes[-1].reshape(beta_dial.GRID, beta_dial.GRID)
    assert not cells[5:10, 5:10].any()
    assert found.holes[-1].mean() > 0.9


def test_a_turn_gives_one_digit_of_each_class(mnist):
    found, other = beta_dial.digits(0), beta_dial.digits(1)
    assert mnist.test.labels[list(found.rows)].tolist() == list(range(10))
    assert not set(found.rows) & set(other.rows)
    mu, logvar = by_hand(beta_dial.models()[3])[0](found.x.reshape(10, -1))
    assert np.allclose(found.mu[3], mu, atol=1e-4)
    assert np.allclose(found.std[3], np.exp(0.5 * logvar), atol=1e-4)


def test_a_damaged_file_is_said_in_a_sentence(tmp_path, monkeypatch):
    short = tmp_path / "short.safetensors"
    short.write_bytes(beta_dial.FILE.read_bytes()[:5000])
    monkeypatch.setattr(beta_dial, "FILE", short)
    for read in (beta_dial.facts, beta_dial.models):
        with pytest.raises(CheckpointError, match="could not be read"):
            read.__wrapped__()
