"""Each corruption does what its help says, and only with the generator that it is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from aecore.datasets.corruption import CORRUPTIONS, corrupt
from aecore.errors import ConfigError

SHAPES = [(64, 1, 28, 28), (16, 3, 32, 20), (64, 128), (8, 2, 100)]


def grey(shape) -> torch.Tensor:
    return torch.full(shape, 0.5)


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_corruption(kind, shape, generator):
    x = torch.rand(shape, generator=generator)
    before, level = x.clone(), CORRUPTIONS[kind].default
    torch.manual_seed(3)
    out = corrupt(x, kind, level, torch.Generator().manual_seed(1))
    torch.manual_seed(4)
    again = corrupt(x, kind, level, torch.Generator().manual_seed(1))
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert torch.equal(x, before)
    assert torch.equal(out, again)
    assert not torch.equal(out, x)
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6
    assert torch.equal(corrupt(x, kind, 0, generator), x)
    other = corrupt(x, kind, level, torch.Generator().manual_seed(2))
    assert torch.equal(out, other) == (kind == "blur")
    low, high = CORRUPTIONS[kind].range
    assert low <= level <= high
    assert torch.isfinite(corrupt(x, kind, high, generator)).all()


def test_gaussian_noise_has_its_standard_deviation(generator):
    out = corrupt(grey((100, 1, 28, 28)), "gaussian", 0.1, generator) - 0.5
    assert abs(out.std().item() - 0.1) < 0.002
    assert abs(out.mean().item()) < 0.002


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_salt_and_pepper_share_their_level(level, generator):
    out = corrupt(grey((200, 3, 28, 28)), "salt_pepper", level, generator)
    for value in (0.0, 1.0):
        assert abs((out == value).float().mean().item() - level / 2) < 0.01
    assert torch.equal(out[:, 0], out[:, 1])  # a pixel is hit as a whole


@pytest.mark.parametrize("kind", ["mask", "blocks"])
@pytest.mark.parametrize(
    "shape", [(2000, 1, 28, 28), (1000, 3, 17, 30), (2000, 128), (2000, 1, 50)]
)
@pytest.mark.parametrize("level", [0.1, 0.25, 0.6, 1.0])
def test_what_is_missing_has_its_share(kind, shape, level, generator):
    gone = corrupt(grey(shape), kind, level, generator) == 0
    assert abs(gone.float().mean().item() - level) < 0.015
    # Nowhere more often than elsewhere, not even at the edges.
    assert (gone.float().mean(0) - level).abs().max() < 0.08


def test_blocks_are_blocks(generator):
    """Most neighbours of what is gone are gone too, which is not so for single values."""
    x = grey((200, 1, 28, 28))

    def together(kind: str) -> float:
        gone = (corrupt(x, kind, 0.25, generator) == 0).float()
        return (gone[..., 1:] * gone[..., :-1]).sum().item() / gone[..., 1:].sum().item()

    assert together("mask") < 0.3
    assert together("blocks") > 0.75


@pytest.mark.parametrize("sigma", [0.5, 1.5, 4.0])
def test_blur_is_scipys(sigma, generator):
    x = torch.rand((3, 2, 20, 28), generator=generator)
    want = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), mode="nearest", truncate=4.4)
    assert np.allclose(corrupt(x, "blur", sigma, generator), want, atol=2e-4)
    line = x[:, 0, 0]
    want = gaussian_filter1d(line.numpy(), sigma, 1, mode="nearest", truncate=4.4)
    assert np.allclose(corrupt(line, "blur", sigma, generator), want, atol=2e-4)


def test_tables_keep_their_own_scale(generator):
    x = torch.randn((500, 13), generator=generator) * 2
    noisy = corrupt(x, "gaussian", 0.5, generator, bounded=False)
    assert abs((noisy - x).std().item() - 0.5) < 0.02
    assert set(corrupt(x, "salt_pepper", 1.0, generator, bounded=False).unique().tolist()) == {
        -3,
        3,
    }
    for kind in ("mask", "blocks"):
        gone = corrupt(x, kind, 0.4, generator, bounded=False) == 0
        assert abs(gone.float().mean().item() - 0.4) < 0.03
    with pytest.raises(ConfigError, match="cannot be blurred"):
        corrupt(x, "blur", 1.0, generator, bounded=False)


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("fog", 0.1),
        ("mask", -0.1),
        ("mask", 1.5),
        ("mask", float("nan")),
        ("blur", 9),
        ("mask", "a"),
        ("gaussian", True),
        ("gaussian", None),
        (None, 0.1),
    ],
)
def test_what_cannot_be_is_one_sentence(kind, level, generator):
    with pytest.raises(ConfigError, match="must be"):
        corrupt(grey((2, 4)), kind, level, generator)
