"""Figures of merit at their edges and as tables: what a person reads, to the last digit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from aecore.datasets import Split
from aecore.evaluation import metrics
from aecore.models import build
from aecore.models.families.pca import basis_of
from aecore.types import DataSpec, ModelSpec

# How an error is written


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (0.04321, "0.0432"),
        (12.0, "12.0000"),
        (0.001, "0.0010"),  # from here down four decimals would hide the digits
        (0.00099, "0.00099"),
        (-0.00099, "-0.00099"),
        (0.0000123, "1.2e-05"),
        (0.0, "0.0000"),
        (1e-9, "0.0000"),  # the rounding of a computation is no error
        (2e-9, "2e-09"),
    ],
)
def test_an_error_as_people_read_it(error, text):
    assert metrics.shown(error) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.5, "+0.5000"), (-0.5, "−0.5000"), (0.0004, "+0.0004"), (-0.00004, "−4e−05")],
)
def test_a_difference_has_its_sign(difference, text):
    assert metrics.shown(difference, "+") == text


# Similarity of images


def test_psnr_of_nothing_wrong_is_finite():
    """Squared errors below 1e-12 count as that: 120 dB."""
    mse = torch.tensor([0.0, 1e-13, 1e-12, 0.01, 1.0])
    np.testing.assert_allclose(metrics.psnr(mse), [120, 120, 120, 20, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("height", "width", "window"), [(4, 9, 3), (9, 6, 5), (3, 3, 3), (7, 8, 7), (20, 30, 7)]
)
def test_ssim_takes_the_largest_odd_window_that_fits(height, width, window, generator):
    x = torch.rand(2, 1, height, width, generator=generator)
    x_hat = torch.rand(2, 1, height, width, generator=generator)
    expected = [
        structural_similarity(a[0].numpy(), b[0].numpy(), data_range=1.0, win_size=window)
        for a, b in zip(x, x_hat, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(x_hat, x), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (5, 2)])
def test_ssim_of_images_with_no_window_compares_brightness(height, width, generator):
    """A window of one pixel has no variance: of Wang's three factors the first is left."""
    x = torch.rand(3, 1, height, width, generator=generator)
    x_hat = torch.rand(3, 1, height, width, generator=generator)
    a, b = x.double().numpy(), x_hat.double().numpy()
    expected = ((2 * a * b + 0.01**2) / (a**2 + b**2 + 0.01**2)).mean((1, 2, 3))
    np.testing.assert_allclose(metrics.ssim(x_hat, x), expected, rtol=1e-6)


# Figures of a split


def test_active_units_at_the_threshold():
    """Burda et al. 2016: a variance above 0.01; at it, or of one example, nothing is active."""
    two = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.15, 0.135]]).double()  # (a - b)² / 2
    assert metrics.active_units(two) == 2  # .5, .01125; .0091
    assert metrics.active_units(two, threshold=0.1) == 1
    assert metrics.active_units(two, threshold=0.5) == 0
    assert metrics.active_units(two[:1]) == 0
    assert metrics.active_units(two[:0]) == 0


@pytest.fixture
def many(digits) -> Split:
    """More examples than are drawn for at once: a piece of 2,000 and one of 1,000."""
    return Split(digits.train.x.repeat(2, 1, 1, 1), digits.train.labels.repeat(2))


def test_evaluate_of_a_vae_by_hand(many, digits):
    """Every figure summed example by example; the draws are those of the seed, 2,000 at a time:
    the figures on the cards of the models that ship were drawn so."""
    model = build(ModelSpec("dense-vae", digits.spec, 4, {"hidden": (16,)}), seed=1)
    seed = 7
    with torch.no_grad():  # three latent numbers say much, one almost nothing
        model.encoder[-1].weight.mul_(
            torch.tensor([8.0, 0.01, 8.0, 8.0, 1.0, 0.01, 1.0, 1.0]).unsqueeze(1)
        )
        model.encoder[-1].bias.zero_()
    found = metrics.evaluate(model, many, seed)
    generator = torch.Generator().manual_seed(seed)
    mse, reconstruction, kls, mus = [], [], [], []
    with torch.inference_mode():
        for x in many.batch().split(2000):
            posterior = model.encode(x)
            mse += (model.decode(posterior.mu) - x).square().flatten(1).mean(1).tolist()
            terms = model.loss_terms(x, generator)
            reconstruction += terms.reconstruction.tolist()
            kls.append(terms.kl.double().numpy())
            mus.append(posterior.mu.double().numpy())
    kl = np.concatenate(kls).mean(0)
    spread = np.concatenate(mus).var(0, ddof=1)
    assert set(found) == {
        "mse",
        "reconstruction",
        "kl",
        "nelbo",
        "dimensions_used",
        "active_units",
    }
    assert found["mse"] == pytest.approx(np.mean(mse), rel=1e-5)
    assert found["reconstruction"] == pytest.approx(np.mean(reconstruction), rel=1e-5)
    assert found["kl"] == pytest.approx(kl.sum(), rel=1e-5)
    assert found["nelbo"] == pytest.approx(np.mean(reconstruction) + kl.sum(), rel=1e-5)
    assert kl[1] < 0.05 < np.delete(kl, 1).min()
    assert found["dimensions_used"] == 3
    assert spread[1] < 0.01 < np.delete(spread, 1).min()
    assert found["active_units"] == 3
    assert found["reconstruction"] != metrics.evaluate(model, many, seed + 1)["reconstruction"]


def test_evaluate_says_no_nelbo_of_squared_error(digits, tiny_vae):
    spec = dataclasses.replace(tiny_vae, options={"hidden": (16,), "loss": "mse"})
    found = metrics.evaluate(build(spec, seed=0), digits.test)
    assert {"reconstruction", "kl"} <= set(found)
    assert "nelbo" not in found


def test_evaluate_of_an_autoencoder_has_no_kl(digits, tiny_ae):
    assert set(metrics.evaluate(build(tiny_ae, seed=0), digits.test)) == {"mse"}


def test_evaluate_averages_a_familys_own_figures(digits, many):
    """Over pieces of different lengths, each drawn on from the same generator."""
    model = build(ModelSpec("denoising-ae", digits.spec, 3, {"hidden": (16,)}), seed=0)
    found = metrics.evaluate(model, many, seed=4)
    generator, sums = torch.Generator().manual_seed(4), {}
    with torch.inference_mode():
        for x in many.batch().split(2000):
            for name, values in model.extra_metrics(x, generator).items():
                sums[name] = sums.get(name, 0.0) + values.double().sum().item()
    assert sums
    for name, total in sums.items():
        assert found[name] == pytest.approx(total / 3000, rel=1e-5)


@pytest.fixture
def conditional(digits):
    """A model whose answer depends on the label that it is told."""
    spec = ModelSpec("conditional-vae", digits.spec, 2, {"hidden": (16,)})
    model = build(spec, seed=0).eval()
    with torch.no_grad():
        model.content.weight.mul_(20)
        model.content_seen.weight.mul_(20)
    return model


def test_a_conditional_model_is_told_each_examples_own_label(conditional, digits):
    """In every figure: in pieces the labels go with their examples."""
    split = Split(digits.train.x[:1100], digits.train.labels[:1100])
    x, labels = split.batch(), split.labels
    with torch.inference_mode():
        expected = (conditional.reconstruct(x, labels) - x).square().flatten(1).mean(1)
        untold = (conditional.reconstruct(x) - x).square().flatten(1).mean(1)
    assert not torch.allclose(expected, untold, rtol=1e-2)
    torch.testing.assert_close(metrics.example_errors(conditional, split), expected)
    found = metrics.evaluate(conditional, split, seed=2)
    assert found["mse"] == pytest.approx(float(expected.mean()), rel=1e-5)
    with torch.inference_mode():
        terms = conditional.loss_terms(x, torch.Generator().manual_seed(2), labels)
    assert found["reconstruction"] == pytest.approx(float(terms.reconstruction.mean()), rel=1e-5)
    assert found["kl"] == pytest.approx(float(terms.kl.sum(1).mean()), rel=1e-5)
    scores = metrics.scores_beside_pca(conditional, basis_of(digits), split, image=False)
    np.testing.assert_allclose(scores.mse, expected, rtol=1e-4)


def test_without_labels_a_conditional_model_is_told_none(conditional, digits):
    plain = Split(digits.test.x)
    with torch.inference_mode():
        x = plain.batch()
        untold = (conditional.reconstruct(x) - x).square().flatten(1).mean(1)
    torch.testing.assert_close(metrics.example_errors(conditional, plain), untold)


def test_scores_beside_pca(digits, tiny_ae):
    """Each example in its row, over several pieces; PCA against scikit-learn at the model's k."""
    model, split = build(tiny_ae, seed=0), digits.train.first(1201)
    found = metrics.scores_beside_pca(model, basis_of(digits), split, image=True)
    x = split.batch()
    pca = PCA(tiny_ae.latent_dim).fit(digits.train.batch().flatten(1).numpy())
    flat = pca.inverse_transform(pca.transform(x.flatten(1).numpy()))
    with torch.inference_mode():
        x_hat = model.reconstruct(x).numpy()
    for own, mse, ssim in ((x_hat, found.mse, found.ssim), (flat, found.pca_mse, found.pca_ssim)):
        own = own.reshape(x.shape)
        np.testing.assert_allclose(mse, ((own - x.numpy()) ** 2).mean((1, 2, 3)), rtol=1e-3)
        expected = [
            structural_similarity(a, b, data_range=1.0, win_size=7)
            for a, b in zip(x[-3:, 0].numpy(), own[-3:, 0], strict=True)
        ]
        assert ssim.shape == (1201,)
        np.testing.assert_allclose(ssim[-3:], expected, atol=1e-4)


def test_scores_of_what_is_no_image_have_no_similarity(digits, tiny_ae):
    model = build(tiny_ae, seed=0)
    found = metrics.scores_beside_pca(model, basis_of(digits), digits.test, image=False)
    assert found.ssim is None
    assert found.pca_ssim is None
    assert found.mse.shape == found.pca_mse.shape == (297,)


def test_entropy_floor_is_the_mean_of_every_examples_entropy():
    """In bits it can be counted: a pixel at one half is one bit, black or white none."""
    x = torch.zeros(1001, 1, 2, 2)
    x[:, 0, 0, 0] = 1
    x[:7, 0, 1] = 0.5  # seven examples of two bits, among more than one piece
    assert metrics.entropy_floor(Split(x)) == pytest.approx(14 * np.log(2) / 1001, rel=1e-5)
    assert metrics.entropy_floor(Split(x[7:])) == 0


# How well codes keep what matters


@pytest.mark.parametrize(("n", "neighbours"), [(4, 1), (7, 3), (9, 4), (12, 5), (40, 5)])
def test_code_quality_of_few_examples_asks_fewer_neighbours(n, neighbours):
    """Trustworthiness is defined for fewer neighbours than half of the examples."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 6))
    codes, labels = x[:, :2], np.arange(n) % 2
    found = metrics.code_quality(codes, x, labels)
    assert found.sample == n
    assert found.trustworthiness == pytest.approx(trustworthiness(x, codes, n_neighbors=neighbours))
    voters, others = np.array_split(np.random.default_rng(0).permutation(n), 2)
    if neighbours <= len(voters):
        voter = KNeighborsClassifier(neighbours).fit(codes[voters], labels[voters])
        assert found.knn_accuracy == pytest.approx(voter.score(codes[others], labels[others]))


@pytest.mark.parametrize(("classes", "known"), [(1, False), (2, True), (3, True)])
def test_silhouette_needs_two_classes(classes, known):
    codes = np.random.default_rng(0).normal(size=(30, 2))
    found = metrics.code_quality(codes, codes, np.arange(30) % classes)
    assert (found.silhouette is not None) == known
    if not known:
        assert found.knn_accuracy == 1


# The expected bands


def dense(family: str, latent_dim: int, **options) -> ModelSpec:
    given = {"hidden": (400,)} | options
    return ModelSpec(family, DataSpec((1, 28, 28)), latent_dim, given)


@pytest.mark.parametrize(
    ("latent_dim", "band"),
    [
        (2, (148, 162)),
        (8, (110, 120)),
        (16, (102, 112)),
        (20, (102, 112)),
        (32, (102, 112)),
        (3, None),
        (9, None),
        (15, None),
        (33, None),
    ],
)
@pytest.mark.parametrize("options", [{}, {"loss": "bce"}])
def test_bands_of_vaes(latent_dim, band, options):
    assert (
        metrics.expected_band("mnist", dense("dense-vae", latent_dim, **options), "nelbo") == band
    )


@pytest.mark.parametrize(
    ("latent_dim", "middle"),
    [(2, 0.0430), (3, 0.0385), (8, 0.0215), (16, 0.0137), (32, 0.0085), (4, None), (33, None)],
)
@pytest.mark.parametrize("options", [{}, {"loss": "mse", "output": "sigmoid"}])
def test_bands_of_autoencoders(latent_dim, middle, options):
    """From 15 % below to 20 % above the figure that was measured."""
    found = metrics.expected_band("mnist", dense("dense-ae", latent_dim, **options), "mse")
    assert found == (middle and pytest.approx((0.85 * middle, 1.2 * middle)))


@pytest.mark.parametrize(
    ("dataset", "family", "metric", "options"),
    [
        ("digits", "dense-ae", "mse", {}),
        ("mnist", "linear-ae", "mse", {}),
        ("mnist", "dense-vae", "mse", {}),
        ("mnist", "dense-ae", "nelbo", {}),
        ("mnist", "dense-ae", "kl", {}),
        ("mnist", "dense-ae", "mse", {"loss": "bce"}),
        ("mnist", "dense-ae", "mse", {"output": "linear"}),
        ("mnist", "dense-ae", "mse", {"hidden": ()}),
        ("mnist", "dense-ae", "mse", {"hidden": (400, 100)}),
        ("mnist", "dense-vae", "nelbo", {"loss": "mse"}),
        ("mnist", "dense-vae", "nelbo", {"hidden": (400, 100)}),
        ("mnist", "dense-vae", "kl", {}),
        ("fashion", "dense-vae", "nelbo", {}),
    ],
)
def test_no_band_where_none_was_measured(dataset, family, metric, options):
    assert metrics.expected_band(dataset, dense(family, 8, **options), metric) is None


def test_no_band_of_a_spec_that_does_not_say_its_layers():
    spec = ModelSpec("dense-ae", DataSpec((1, 28, 28)), 8)
    assert metrics.expected_band("mnist", spec, "mse") is None
