"""Figures of merit against scikit-image and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier

from aecore.evaluation import metrics
from aecore.models import build


@pytest.fixture(params=["mnist", "digits"])
def pair(request, generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and the same with noise that leaves [0, 1]."""
    x = request.getfixturevalue(request.param).test.batch(slice(0, 20))
    return x, x + 0.2 * torch.randn(x.shape, generator=generator)


def test_ssim(pair):
    x, x_hat = pair
    expected = [
        structural_similarity(a[0].numpy(), b[0].numpy(), data_range=1.0, win_size=7)
        for a, b in zip(x, x_hat, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(x_hat, x), expected, atol=1e-6)
    torch.testing.assert_close(metrics.ssim(x, x), torch.ones(len(x)))


def test_ssim_of_colour_and_of_tiny_images(generator):
    x = torch.rand(2, 3, 5, 6, generator=generator)
    x_hat = torch.rand(2, 3, 5, 6, generator=generator)
    expected = [
        structural_similarity(a.numpy(), b.numpy(), data_range=1.0, win_size=5, channel_axis=0)
        for a, b in zip(x, x_hat, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(x_hat, x), expected, atol=1e-6)


def test_psnr(pair):
    x, x_hat = pair
    expected = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1.0)
        for a, b in zip(x, x_hat, strict=True)
    ]
    mse = metrics.squared_error_per_value(x_hat, x)
    np.testing.assert_allclose(metrics.psnr(mse), expected, atol=1e-4)


def test_active_units():
    rng = np.random.default_rng(0)
    spread = np.array([0.0, 0.05, 0.2, 1.0])  # variances 0, .0025, .04, 1
    mu = torch.from_numpy(rng.normal(size=(5000, 4)) * spread + 3)
    assert metrics.active_units(mu) == 2


def test_code_quality_is_scikit_learns(digits):
    x = digits.test.batch(slice(None)).flatten(1).numpy()
    labels, codes = digits.test.labels.numpy(), x[:, 20:24] + x[:, 40:44]
    found = metrics.code_quality(codes, x, labels, sample=200)
    part = slice(0, 200)
    a, b = np.array_split(np.random.default_rng(0).permutation(len(codes)), 2)
    knn = KNeighborsClassifier(5).fit(codes[a], labels[a])
    assert found.knn_accuracy == pytest.approx(knn.score(codes[b], labels[b]))
    assert found.trustworthiness == pytest.approx(
        trustworthiness(x[part], codes[part], n_neighbors=5)
    )
    assert found.silhouette == pytest.approx(silhouette_score(codes[part], labels[part]))
    assert found.sample == 200


def test_knn_accuracy_of_rows_sorted_by_class():
    codes = np.repeat(np.float32([[0, 0], [9, 0], [0, 9]]), 12, axis=0)
    codes += np.random.default_rng(1).normal(0, 0.1, codes.shape).astype(np.float32)
    assert metrics.code_quality(codes, codes, np.repeat([0, 1, 2], 12)).knn_accuracy == 1


def test_code_quality_without_labels(digits):
    x = digits.test.batch(slice(None)).flatten(1).numpy()
    found = metrics.code_quality(x[:, :2], x, None)
    assert found.knn_accuracy is None
    assert found.silhouette is None
    assert 0.5 < found.trustworthiness <= 1


def test_evaluate_is_the_mean_over_every_example(digits, tiny_vae, monkeypatch):
    """The figures do not depend on how the split is cut into batches, the last one shorter."""
    model = build(tiny_vae, seed=3)
    monkeypatch.setattr(metrics, "DRAWN_BATCH", 100)
    figures = metrics.evaluate(model, digits.test)
    x = digits.test.batch(slice(None))
    with torch.inference_mode():
        posterior = model.encode(x)
        mse = float((model.decode(posterior.mu) - x).square().mean())
    assert figures["mse"] == pytest.approx(mse, rel=1e-5)
    assert figures["kl"] == pytest.approx(float(posterior.kl().sum(1).mean()), rel=1e-5)
    assert figures["nelbo"] == pytest.approx(figures["reconstruction"] + figures["kl"])
    assert figures == metrics.evaluate(model, digits.test)


def test_expected_bands_are_of_mnist_only(mnist, digits):
    from aecore.models.presets import preset

    plane = preset("vae-plane").spec(mnist.spec)
    assert metrics.expected_band("mnist", plane, "nelbo") == (148, 162)
    assert metrics.expected_band("digits", plane, "nelbo") is None
    assert metrics.expected_band("mnist", plane, "nonsense") is None
