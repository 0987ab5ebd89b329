"""Removing noise: filters beside SciPy's and scikit-image's, holes by hand, the claim on digits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d, gaussian_filter, median_filter
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from aecore.lab import filters
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiments.noise import NoiseOptions, damages_of
from aecore.lab.mending import CLEAN, HOLE, Damage, Mender, beginner
from aecore.lab.registry import experiment
from aecore.lab.running import done, planned
from aecore.models.families.pca import basis_of
from aecore.types import DataSpec


@pytest.fixture(scope="module")
def clean(digits) -> np.ndarray:
    return digits.test.batch(slice(0, 30)).numpy()


@pytest.fixture(scope="module")
def seen(clean) -> np.ndarray:
    return Damage("gaussian", 0.3).seen(torch.from_numpy(clean), 5).numpy()


def test_filters_are_those_of_the_libraries(seen):
    by_hand = {
        "median": lambda v, s: median_filter(v, size=int(s)),
        "blur": lambda v, s: gaussian_filter(v, s, mode="nearest", radius=int(np.ceil(4 * s))),
        "tv": lambda v, s: denoise_tv_chambolle(v, weight=s),
        "nlm": lambda v, s: denoise_nl_means(v, 5, 6, h=s, fast_mode=False),
    }
    for way in filters.FILTERS:
        if way.name in by_hand:
            setting = way.tried[1]
            expected = np.stack([by_hand[way.name](image[0], setting) for image in seen])
            assert np.allclose(way.apply(seen, setting)[:, 0], expected, atol=1e-5), way.name


@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (4, 3, 7, 10), (3, 50), (3, 2, 33)])
def test_wavelets_keep_all_above_the_threshold_and_else_means(shape):
    """Without its details, at each shift, a value is the mean of four means of four."""
    x = np.random.default_rng(0).random(shape, np.float32)
    assert np.allclose(filters.wavelets(x, 0.0), x, atol=1e-5)
    smooth = x
    for axis in filters.space_of(x):
        weights = np.convolve(np.ones(4), np.ones(4)) / 16
        smooth = convolve1d(smooth, weights, axis, mode="nearest")
    assert np.allclose(filters.wavelets(x, 99.0), smooth, atol=1e-5)


def test_the_best_setting_is_the_one_that_errs_least(clean, seen):
    errors = {size: np.square(filters.median(seen, size) - clean).mean() for size in (1, 3, 5, 7)}
    best = min(errors, key=lambda size: errors[size])
    assert filters.tuned(filters.median, tuple(errors), clean, seen) == best


def test_holes_are_filled_from_what_is_known(clean, digits):
    known = np.random.default_rng(1).random(clean.shape) > 0.4
    seen = clean * known
    near = filters.from_neighbours(seen, known, 0.8)
    for image, there, found in zip(seen[:, 0], known[:, 0], near[:, 0], strict=True):
        some = {"sigma": 0.8, "mode": "nearest", "radius": 4}
        mean = gaussian_filter(image, **some) / gaussian_filter(there.astype(float), **some)
        assert np.allclose(found, np.where(there, image, mean), atol=1e-3)
    # Principal components: the mean of a Gaussian given some of its values, by its covariance.
    basis, noise = basis_of(digits), 0.01
    c = basis.components[:10].astype(float)
    variances = np.linspace(2, 0.1, 10)
    covariance = c.T @ np.diag(variances) @ c + noise * np.eye(64)
    found = filters.from_components(
        seen, known, basis.mean, c.astype(np.float32), variances.astype(np.float32), noise
    )
    for row, there, got in zip(*(v.reshape(30, 64) for v in (seen, known, found)), strict=True):
        among = covariance[np.ix_(there, there)]
        across = covariance[np.ix_(~there, there)]
        said = basis.mean[~there] + across @ np.linalg.solve(among, (row - basis.mean)[there])
        assert np.allclose(got[~there], said, atol=1e-3)
        assert np.array_equal(got[there], row[there])


@pytest.mark.parametrize("shape", [(200, 1, 28, 28), (200, 3, 10, 20), (200, 100)])
def test_a_hole_is_one_square_or_gap(shape):
    damage, x = Damage(HOLE, 0.36), torch.rand(shape) + 0.1
    seen, known = damage.seen(x, 3), damage.known(x, 3)
    assert torch.equal(seen, x * known)
    assert torch.equal(seen, damage.seen(x, 3))
    assert not torch.equal(seen, damage.seen(x, 4))
    space = shape[2:] if len(shape) > 2 else shape[1:]
    gone = ~known.reshape(200, -1, *space)[:, 0]
    sides = [round(0.36 * n) for n in space]
    assert set(gone.flatten(1).sum(1).tolist()) == {int(np.prod(sides))}
    for axis, side in enumerate(sides):
        others = [a + 1 for a in range(len(space)) if a != axis]
        spread = gone.any(others[0]) if others else gone
        where = [row.nonzero().flatten() for row in spread]
        assert all(len(w) == side == int(w[-1] - w[0]) + 1 for w in where)
        assert len({int(w[0]) for w in where}) > 1


def test_each_part_of_a_batch_has_its_own_damage(generator):
    mixed = (Damage(), Damage("mask", 0.5), Damage(HOLE, 0.5))
    model = beginner(DataSpec((1, 8, 8)), mixed, 0).model
    assert isinstance(model, Mender)
    x = 0.1 + 0.9 * torch.rand((30, 1, 8, 8), generator=generator)
    seen = model.damage(x, generator)
    gone = (seen == 0).flatten(1).sum(1)
    assert torch.equal(seen[:10], x[:10])
    assert 20 < gone[10:20].float().mean() < 44
    assert set(gone[20:].tolist()) == {16}
    seen = model.damage(x, torch.Generator().manual_seed(1))
    x_hat = model.decode(model.encode(seen).mu)
    terms = model.loss_terms(x, torch.Generator().manual_seed(1))
    nats = torch.nn.functional.binary_cross_entropy(x_hat, x, reduction="none")
    assert torch.allclose(terms.reconstruction, nats.flatten(1).sum(1), rtol=1e-3)


def test_damage_says_what_it_is():
    assert Damage().name == CLEAN
    assert [d.name for d in damages_of(NoiseOptions(), DataSpec((1, 28, 28)))] == [
        *(f"gaussian_{s}" for s in (10, 20, 30, 50)),
        "salt_pepper_25",
        "mask_50",
        "hole_36",
    ]
    table = damages_of(NoiseOptions(), DataSpec((9,), "table"))
    assert HOLE not in {d.kind for d in table}
    titles = {d.title for d in (*table, Damage(), Damage(HOLE, 0.36))}
    assert "one hole, 36 % wide" in titles
    assert "Gaussian, σ = 0.1" in titles


def test_a_denoiser_beats_filters_on_its_noise_and_knows_no_other(digits):
    one = experiment("noise")
    options = NoiseOptions((10, 50), 0, 50, 0, epochs=50, judged=300)
    subject, found = LabSubject(digits), {}
    needed = ("filters", "slow", "own-gaussian", "turns")
    for task in planned(one, options, About.of(subject)):
        if not task.name.startswith(needed):
            continue
        *_, last = done(one, task, options, subject, LabControl())
        found[task.name] = last.values
    outcome = one.tell(options, About.of(subject), found)
    error = {figure.name: figure.value for figure in outcome.figures}
    left = Damage("gaussian", 0.5).seen(digits.test.batch(slice(0, 300)), 0)
    clean = digits.test.batch(slice(0, 300))
    assert error["mse_left_gaussian_50"] == pytest.approx(float((left - clean).square().mean()))
    classical = [n for n in error if n.startswith("mse_") and n.endswith("_gaussian_50")]
    rivals = [n for n in classical if n != "mse_own_gaussian_50"]
    assert len(rivals) == 7
    assert error["mse_own_gaussian_50"] < min(error[n] for n in rivals)
    assert error["mse_own_gaussian_10"] < found["own-gaussian_50"]["gaussian_10_mse"]
    rounds = found["turns"]["mask_50_rounds"]
    assert rounds[0] == error["mse_left_mask_50"]
    assert rounds[-1] == error["filled_turns_mask_50"] < rounds[1]
    assert "better than every filter" in outcome.says


@pytest.mark.parametrize("name", ["wine", "signals"])
def test_other_data_have_what_makes_sense_for_them(name):
    from aecore import datasets

    data = datasets.load(name)
    one, options = experiment("noise"), dataclasses.replace(experiment("noise").quick(), mask=40)
    about = About.of(LabSubject(data))
    parts = {task.name.split("-")[0] for task in planned(one, options, about)}
    assert "slow" not in parts
    found = {}
    for task in planned(one, options, about)[:1]:
        *_, last = done(one, task, options, LabSubject(data), LabControl())
        found[task.name] = last.values
    outcome = one.tell(options, about, found)
    named = {figure.name for figure in outcome.figures}
    assert "mse_pca_gaussian_20" in named
    assert ("mse_median_gaussian_20" in named) == (data.spec.kind == "signal")
    assert not outcome.pictures
