"""PCA against scikit-learn, fitted another way, and against the reference figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError
from aecore.evaluation.metrics import evaluate
from aecore.models import build
from aecore.models.families import pca
from aecore.models.families.pca import basis_of, fit_basis
from aecore.types import DataSpec, ModelSpec

TEST_MSE = {1: 0.0607, 2: 0.0557, 3: 0.0516, 8: 0.0374, 16: 0.0269, 32: 0.0168, 64: 0.0091}
EXPLAINED = {1: 9.7, 2: 16.8, 3: 23.0, 8: 43.7, 16: 59.4, 32: 74.4, 64: 86.2}


def flat(split) -> np.ndarray:
    return split.batch(slice(None)).flatten(1).numpy()


@pytest.fixture(scope="module")
def oracle(digits) -> PCA:
    return PCA(svd_solver="full").fit(flat(digits.train).astype(np.float64))


@pytest.fixture(scope="module")
def basis(digits):
    return fit_basis(digits)


def test_components_up_to_sign(basis, oracle):
    # Beyond the 40th, pixels that are almost never used leave directions nearly undetermined.
    overlap = np.abs((basis.components[:40] * oracle.components_[:40]).sum(1))
    np.testing.assert_allclose(overlap, 1, atol=1e-4)
    np.testing.assert_allclose(basis.mean, oracle.mean_, atol=1e-5)
    np.testing.assert_allclose(
        basis.explained_variance_ratio, oracle.explained_variance_ratio_, atol=1e-5
    )


@pytest.mark.parametrize("k", [1, 2, 7, 30, 64])
def test_reconstruction(basis, digits, k):
    oracle = PCA(k, svd_solver="full").fit(flat(digits.train).astype(np.float64))
    x = flat(digits.test)
    expected = oracle.inverse_transform(oracle.transform(x))
    np.testing.assert_allclose(basis.reconstruct(x, k), expected, atol=2e-5)
    assert basis.mse(k) == pytest.approx(np.square(expected - x).mean(), abs=1e-6)


@pytest.mark.parametrize("k", [1, 5, 32])
def test_the_model_is_the_basis(digits, k):
    # The very basis that the model takes: a second fit may round small directions another way.
    basis = basis_of(digits)
    model = build(ModelSpec("pca", digits.spec, k))
    model.fit(digits)
    x = digits.test.batch(slice(None))
    np.testing.assert_allclose(model.encode(x).mu, basis.encode(flat(digits.test), k), atol=1e-5)
    assert evaluate(model, digits.test)["mse"] == pytest.approx(basis.mse(k), abs=1e-6)
    np.testing.assert_allclose(
        model.explained_variance_ratio, basis.explained_variance_ratio[:k], atol=1e-6
    )


@pytest.mark.parametrize("k", TEST_MSE)
def test_reference_figures(mnist_basis, k):
    assert mnist_basis.mse(k) == pytest.approx(TEST_MSE[k], abs=0.0003)
    explained = 100 * mnist_basis.explained_variance_ratio[:k].sum()
    assert explained == pytest.approx(EXPLAINED[k], abs=0.06)


def test_no_components_is_the_mean_image(mnist_basis):
    assert mnist_basis.mse(0) == pytest.approx(0.0675, abs=0.0003)


def test_clipping_is_another_figure(mnist, mnist_basis):
    x = flat(mnist.test)
    clipped = mnist_basis.reconstruct(x, 32).clip(0, 1)
    assert np.square(clipped - x).mean() == pytest.approx(0.0152, abs=0.0003)


def test_more_numbers_than_the_data_have(digits):
    with pytest.raises(ConfigError, match="at most 64"):
        build(ModelSpec("pca", digits.spec, 65))


def test_fewer_examples_than_components(generator):
    """k above the rank: the basis uses all it has, the model says what is possible."""
    x = torch.rand(5, 1, 4, 4, generator=generator)
    small = Dataset("five random images", DataSpec((1, 4, 4)), Split(x), Split(x))
    basis = fit_basis(small)
    assert basis.mse(16) == basis.mse(5) == pytest.approx(0, abs=1e-8)
    with pytest.raises(ConfigError, match="at most 5"):
        build(ModelSpec("pca", small.spec, 9)).fit(small)


def test_basis_comes_back_from_the_cache_and_a_damaged_file_is_fitted_anew(digits, monkeypatch):
    fitted = pca.fit_basis(digits)
    monkeypatch.setattr(pca, "_bases", {})
    pca._into_cache(digits, fitted)
    path = pca.cache_file(digits)
    assert path.exists()
    monkeypatch.setattr(pca, "fit_basis", lambda data: pytest.fail("the cache was not used"))
    kept = pca.basis_of(digits)
    for f in dataclasses.fields(pca.PCABasis):
        np.testing.assert_array_equal(getattr(kept, f.name), getattr(fitted, f.name))

    path.write_bytes(path.read_bytes()[:5000])
    monkeypatch.setattr(pca, "_bases", {})
    monkeypatch.setattr(pca, "fit_basis", lambda data: fitted)
    assert pca.basis_of(digits) is fitted
    assert pca._from_cache(digits) is not None  # and written again, whole
