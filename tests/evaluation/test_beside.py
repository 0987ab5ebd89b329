"""PCA beside a model: as many numbers as its code uses, the same inputs, one value everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aecore.datasets import Dataset
from aecore.evaluation.beside import judged, pca_beside
from aecore.evaluation.metrics import evaluate, scores_beside_pca
from aecore.models import all_families, build
from aecore.models.families.pca import basis_of
from aecore.types import ModelSpec

SPARSE = [
    {"penalty": "k-sparse", "active": 5},
    {"penalty": "l1"},
    {"penalty": "kl"},
]


def pca_of(data: Dataset, k: int) -> PCA:
    return PCA(k, svd_solver="full").fit(data.train.batch().flatten(1).numpy())


def through(pca: PCA, x: torch.Tensor) -> np.ndarray:
    return pca.inverse_transform(pca.transform(x.flatten(1).numpy()))


@pytest.mark.parametrize("options", SPARSE, ids=lambda o: o["penalty"])
def test_of_a_sparse_code_the_numbers_that_are_on_count(options, digits):
    model = build(ModelSpec("sparse-ae", digits.spec, 40, options), 0).eval()
    with torch.inference_mode():
        mu = model.encode(digits.test.batch()).mu
    on = float((mu > (0.1 if options["penalty"] == "kl" else 1e-3)).sum(1).float().mean())
    found = pca_beside(model, mu)
    assert found.k == max(1, round(on))
    assert found.why == ("as many as are on of its 40" if found.k < 40 else "")
    if options["penalty"] == "k-sparse":
        assert found.k == 5
    figures = evaluate(model, digits.test, 0, basis_of(digits))
    x = digits.test.batch()
    error = np.square(through(pca_of(digits, found.k), x) - x.flatten(1).numpy()).mean()
    assert figures["pca_k"] == found.k
    assert figures["pca_mse"] == pytest.approx(error, rel=1e-3)


def test_a_dense_code_counts_whole_even_where_some_numbers_are_zero(digits, tiny_ae):
    model = build(tiny_ae, 0).eval()
    codes = torch.ones(10, 3)
    codes[:, 0] = 0
    assert pca_beside(model, codes).k == 3
    codes[:, 1] = 0
    found = pca_beside(model, codes)  # mostly zeros: a sparse code, whatever it is called
    assert (found.k, found.why) == (1, "as many as are on of its 3")


def test_a_denoiser_and_pca_get_the_same_damaged_examples(digits):
    options = {"hidden": (16,), "noise": "gaussian", "level": 0.5}
    model = build(ModelSpec("denoising-ae", digits.spec, 6, options), 0).eval()
    figures = evaluate(model, digits.test, 7, basis_of(digits))
    x = digits.test.batch()
    damaged = model.damage(x, torch.Generator().manual_seed(7))
    pca = np.square(through(pca_of(digits, 6), damaged) - x.flatten(1).numpy()).mean()
    assert figures["pca_denoised_mse"] == pytest.approx(pca, rel=1e-3)
    with torch.inference_mode():
        ours = float((model.reconstruct(damaged) - x).square().mean())
    assert figures["denoised_mse"] == pytest.approx(ours, rel=1e-4)
    row = {f"test_{k}": v for k, v in figures.items() if not k.startswith("pca")} | {
        k: v for k, v in figures.items() if k.startswith("pca")
    }
    assert judged(row) == (figures["denoised_mse"], figures["pca_denoised_mse"])
    assert judged({"test_mse": 0.1, "pca_mse": 0.2}) == (0.1, 0.2)
    assert judged({}) == (None, None)


@pytest.mark.parametrize("name", sorted(all_families()))
def test_the_figures_of_a_run_are_those_of_the_pages(name, digits):
    """A run measures all at once, a page each example: over several pieces they are the same."""
    family = all_families()[name]
    if not family.fits(digits.spec) or family.from_outside:
        pytest.skip("takes other data")
    model = build(ModelSpec(name, digits.spec, 4), 0).eval()
    basis, split = basis_of(digits), digits.train
    run = evaluate(model, split, 3, basis)
    page = scores_beside_pca(model, basis, split, image=False, seed=3)
    assert page.beside.k == run["pca_k"]
    assert page.mse.mean() == pytest.approx(run["mse"], rel=1e-5)
    if model.denoises:
        assert page.denoised.mean() == pytest.approx(run["denoised_mse"], rel=1e-5)
        held_out = evaluate(model, digits.test, 3, basis)
        page = scores_beside_pca(model, basis, digits.test, image=False, seed=3)
        assert page.pca_denoised.mean() == pytest.approx(held_out["pca_denoised_mse"], rel=1e-5)
    else:
        assert page.denoised is page.pca_denoised is None


def test_pca_needs_the_first_number_that_is_as_good():
    from types import SimpleNamespace

    from aecore.evaluation.beside import numbers_to_match

    basis: Any = SimpleNamespace(test_mse=np.array([0.5, 0.3, 0.2, 0.2, 0.1]))
    assert [numbers_to_match(basis, mse) for mse in (0.6, 0.3, 0.25, 0.1)] == [0, 1, 2, 4]
    assert numbers_to_match(basis, 0.05) is None
