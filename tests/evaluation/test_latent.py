"""Paths, planes and neighbours in the latent space."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.evaluation import latent
from aecore.models import build


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_interpolation_has_its_ends(rng):
    a, b = rng.normal(size=(2, 5)).astype(np.float32)
    for spherical in (False, True):
        path = latent.interpolation(a, b, 9, spherical)
        assert path.shape == (9, 5)
        np.testing.assert_allclose(path[[0, -1]], [a, b], atol=1e-6)


def test_slerp_keeps_length_and_pace(rng):
    a, b = rng.normal(size=(2, 8))
    a, b = 2 * a / np.linalg.norm(a), 2 * b / np.linalg.norm(b)
    path = latent.interpolation(a, b, 11, spherical=True)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-5)
    turns = np.arccos((path[1:] * path[:-1]).sum(1) / 4)
    np.testing.assert_allclose(turns, turns.mean(), atol=1e-4)
    assert turns.sum() == pytest.approx(np.arccos(a @ b / 4), abs=1e-4)


@pytest.mark.parametrize(
    ("a", "b"), [([1, 0], [2, 0]), ([0, 0], [1, 1]), ([1, 0], [-1, 0])], ids=str
)
def test_slerp_without_an_arc_falls_back_to_a_line(a, b):
    a, b = np.array(a, np.float32), np.array(b, np.float32)
    np.testing.assert_allclose(
        latent.interpolation(a, b, 5, spherical=True), latent.interpolation(a, b, 5), atol=1e-6
    )


def test_traversal_moves_one_dimension(rng):
    z = rng.normal(size=4)
    path = latent.traversal(z, 2, -3, 3, 7)
    np.testing.assert_allclose(path[:, 2], np.linspace(-3, 3, 7))
    np.testing.assert_array_equal(np.delete(path, 2, 1), np.tile(np.delete(z, 2), (7, 1)))


def test_plane_of_more_dimensions_is_pca(rng):
    codes = (rng.normal(size=(300, 5)) * [5, 0.1, 3, 0.2, 0.1]).astype(np.float32)
    plane = latent.plane_of(codes)
    centred = codes - codes.mean(0)
    _, values, _ = np.linalg.svd(centred)
    np.testing.assert_allclose(np.linalg.norm(plane, axis=0), values[:2], rtol=1e-4)


def test_plane_stays_where_it_was_when_the_codes_turn(rng):
    codes = (rng.normal(size=(300, 6)) * [5, 4.9, 1, 1, 1, 1]).astype(np.float32)
    before = latent.plane_of(codes)
    for _ in range(20):
        turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
        after = latent.plane_of((codes @ turn).astype(np.float32), before)
        np.testing.assert_allclose(after, before, atol=1e-2)


@pytest.mark.parametrize("k", [1, 2])
def test_plane_of_few_dimensions_is_the_codes(k, rng):
    codes = rng.normal(size=(10, k)).astype(np.float32)
    np.testing.assert_array_equal(latent.plane_of(codes)[:, :k], codes)


def test_nearest(rng):
    codes = rng.normal(size=(200, 3))
    z = codes[17]
    expected = np.argsort(np.square(codes - z).sum(1))
    np.testing.assert_array_equal(latent.nearest(codes, z, 6), expected[:6])
    np.testing.assert_array_equal(latent.nearest(codes, z, 6, skip=17), expected[1:7])
    assert len(latent.nearest(codes[:3], z, 10, skip=1)) == 2


def test_codes_of_a_vae(digits, tiny_vae):
    model = build(tiny_vae, seed=1)
    codes = latent.encode_split(model, digits.test)
    assert codes.mu.shape == codes.logvar.shape == (len(digits.test), 2)
    posterior = model.encode(digits.test.batch(slice(None)))
    np.testing.assert_allclose(codes.informativeness(), posterior.kl().mean(0).detach(), rtol=1e-4)
    best, worst = codes.order()
    assert codes.informativeness()[best] >= codes.informativeness()[worst]
    low, high = codes.ranges(0.9).T
    inside = ((codes.mu >= low) & (codes.mu <= high)).mean(0)
    np.testing.assert_allclose(inside, 0.9, atol=0.02)
    x_hat = latent.decode_array(model, codes.mu)
    assert x_hat.shape == tuple(digits.test.x.shape)


def test_a_dead_dimension_still_gets_a_range():
    codes = latent.Codes(np.full((50, 1), 2.0, np.float32), None)
    assert codes.ranges().tolist() == [[1.0, 3.0]]


def test_manifold_reads_like_the_plot(rng):
    """First row on top: the second number falls, the first grows from left to right."""
    grid = latent.manifold_codes(np.array([[-1, 1], [-2, 2]]), 3).reshape(3, 3, 2)
    assert grid[0, 0].tolist() == [-1, 2]
    assert grid[0, 2].tolist() == [1, 2]
    assert grid[2, 0].tolist() == [-1, -2]


def test_neighbours_are_scikit_learns(rng):
    from sklearn.neighbors import NearestNeighbors

    codes = rng.normal(size=(700, 5)).astype(np.float32)
    found = latent.neighbours_of(codes, 300, 4)
    theirs = NearestNeighbors(n_neighbors=5).fit(codes).kneighbors(codes[:300])[1][:, 1:]
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, theirs)
    few = latent.neighbours_of(codes[:3], 300, 4)
    assert sorted(few[0]) == [-1, -1, 1, 2]


def test_a_layout_is_turned_as_scipy_turns_it(rng):
    from scipy.linalg import orthogonal_procrustes

    points, like = rng.normal(size=(2, 200, 2))
    turn, _ = orthogonal_procrustes(points - points.mean(0), like - like.mean(0))
    theirs = (points - points.mean(0)) @ turn
    np.testing.assert_allclose(latent.turned(points, like), theirs, atol=1e-5)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, -1)])
def test_axes_that_were_swapped_and_mirrored_come_back(rng, order, signs):
    like = rng.normal(size=(300, 2)) * (5, 0.1)
    noisy = like + rng.normal(size=like.shape) * (2, 0.05)
    points = (noisy * signs)[:, order]
    found, which = latent.unturned(points, like)
    np.testing.assert_allclose(found, noisy, atol=1e-5)
    assert which == order
