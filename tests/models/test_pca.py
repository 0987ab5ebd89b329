"""PCA against scikit-learn, fitted another way, and against the reference figures."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import OrderedDict

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA

from aecore.datasets import Dataset, Split, registry
from aecore.errors import ConfigError, Interrupted
from aecore.evaluation.metrics import evaluate
from aecore.models import bases, build, principal
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
    assert basis.mse(16) == basis.mse(4) == pytest.approx(0, abs=1e-8)
    with pytest.raises(ConfigError, match="at most 4"):
        build(ModelSpec("pca", small.spec, 9)).fit(small)


def test_basis_comes_back_from_the_cache_and_a_damaged_file_is_fitted_anew(digits, monkeypatch):
    fitted = fit_basis(digits)
    monkeypatch.setattr(bases, "_bases", OrderedDict())
    bases._into_cache(digits, fitted)
    path = bases.cache_file(digits)
    assert path.exists()
    monkeypatch.setattr(
        principal, "fit_basis", lambda *arguments: pytest.fail("the cache was not used")
    )
    kept = bases.basis_of(digits)
    for f in dataclasses.fields(principal.PCABasis):
        np.testing.assert_array_equal(getattr(kept, f.name), getattr(fitted, f.name))

    path.write_bytes(path.read_bytes()[:5000])
    monkeypatch.setattr(bases, "_bases", OrderedDict())
    monkeypatch.setattr(principal, "fit_basis", lambda *arguments: fitted)
    assert bases.basis_of(digits) is fitted
    assert bases._from_cache(digits, 0) is not None  # and written again, whole


# Every way of fitting, against the whole decomposition ---------------------------------------


def patches(n: int, side: int, seed: int) -> torch.Tensor:
    """Pieces of two photographs, (n, 3, side, side) uint8: their spectrum falls as photographs'."""
    images = load_sample_images().images
    rng = np.random.default_rng(seed)
    out = np.empty((n, 3, side, side), np.uint8)
    for i in range(n):
        photograph = images[i % 2]
        y, x = (rng.integers(0, most - side) for most in photograph.shape[:2])
        out[i] = photograph[y : y + side, x : x + side].transpose(2, 0, 1)
    return torch.from_numpy(out)


def of_patches(n: int, side: int) -> Dataset:
    train, test = Split(patches(n, side, 0)), Split(patches(60, side, 1))
    return Dataset(f"{n} patches", DataSpec((3, side, side)), train, test)


#: Way of fitting, examples, their side, and by how much the error may be larger than the best.
WAYS = {
    "gram": (34, 20, 1e-4),
    "many of them": (600, 16, 1e-4),
    "covariance": (600, 10, 1e-4),
    "first": (900, 16, 0.01),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_fitting_is_the_whole_decomposition(way, monkeypatch):
    n, side, slack = WAYS[way]
    monkeypatch.setattr(principal, "BLOCK_BYTES", 4 * 3 * side**2 * 50)  # several blocks
    if way == "first":
        for name, value in (("EXACT_VALUES", 100), ("EXACT_EXAMPLES", 100), ("USUAL", 64)):
            monkeypatch.setattr(principal, name, value)
    data = of_patches(n, side)
    found = fit_basis(data)
    oracle = PCA(svd_solver="full").fit(flat(data.train).astype(np.float64))
    x = flat(data.test)
    for k in (1, 2, 8, 33, 64):
        if k > found.rank:
            continue
        scores = oracle.transform(x)[:, :k]
        best = np.square(scores @ oracle.components_[:k] + oracle.mean_ - x).mean()
        assert found.mse(k) == pytest.approx(best, rel=slack, abs=1e-7)
        assert np.square(found.reconstruct(x, k) - x).mean() == pytest.approx(best, rel=slack)
    ratio = found.explained_variance_ratio[:33]
    np.testing.assert_allclose(ratio, oracle.explained_variance_ratio_[:33], rtol=0.02, atol=1e-7)
    products = found.components @ found.components.T
    np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-4)
    assert found.rank == min(n - 1, 3 * side**2)
    assert (len(found.components) == found.rank) == (way != "first")


def test_more_than_was_fitted_is_said_and_fitted_when_asked(monkeypatch):
    for name, value in (("EXACT_VALUES", 100), ("EXACT_EXAMPLES", 100), ("USUAL", 16)):
        monkeypatch.setattr(principal, name, value)
    monkeypatch.setattr(bases, "_bases", OrderedDict())
    monkeypatch.setattr(bases, "_fitting", {})
    data = of_patches(900, 16)
    few = basis_of(data)
    assert len(few.components) == 16
    for ask in (few.mse, lambda k: few.reconstruct(flat(data.test), k)):
        with pytest.raises(ConfigError, match=r"first 16 of 768 components, and 17 are needed"):
            ask(17)
    more = basis_of(data, 40)
    assert len(more.components) == 40
    assert more.mse(40) < few.mse(16)
    assert basis_of(data) is more


# Fitting beside others -----------------------------------------------------------------------


def test_a_long_fit_holds_nobody_else_up_and_can_be_stopped(digits, monkeypatch):
    monkeypatch.setattr(bases, "_bases", OrderedDict())
    monkeypatch.setattr(bases, "_fitting", {})
    monkeypatch.setattr(principal, "BLOCK_BYTES", 1)  # one example at a time
    data = of_patches(40, 8)
    begun, stop, ended = threading.Event(), threading.Event(), []

    def asked() -> bool:
        begun.set()
        time.sleep(0.005)
        return stop.is_set()

    def fit(stopping) -> None:
        try:
            basis_of(data, stop=stopping)
        except Interrupted as error:
            ended.append(str(error))

    assert not bases.is_ready(data)
    fitting = threading.Thread(target=fit, args=(asked,))
    fitting.start()
    assert begun.wait(30)
    waiting = threading.Thread(target=fit, args=(stop.is_set,))
    waiting.start()
    monkeypatch.setattr(principal, "BLOCK_BYTES", 32 << 20)
    assert basis_of(digits).rank == 64  # while the other one is fitted
    assert fitting.is_alive()
    assert waiting.is_alive()
    stop.set()
    for thread in (fitting, waiting):
        thread.join(30)
    assert ended == ["PCA was stopped before it was fitted."] * 2
    assert not bases.is_ready(data)
    assert basis_of(data).rank == 39
    assert bases.is_ready(data)


def test_bases_are_bounded_and_go_with_their_data(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bases, "_bases", OrderedDict())
    monkeypatch.setattr(bases, "_fitting", {})
    one = basis_of(digits.limited(900)).nbytes
    monkeypatch.setattr(bases, "MOST_BYTES", 3 * one)
    monkeypatch.setattr(
        bases, "MOST_ON_DISK", 3 * bases.cache_file(digits.limited(900)).stat().st_size
    )
    for limit in range(901, 907):
        basis_of(digits.limited(limit))
    assert list(bases._bases) == [("digits", limit) for limit in (904, 905, 906)]
    kept = list((tmp_path / "aecore").glob("pca-*"))
    assert len(kept) == 3
    assert bases.cache_file(digits.limited(906)) in kept
    registry.forget("digits")
    assert not bases._bases
    assert not list((tmp_path / "aecore").glob("pca-*"))
