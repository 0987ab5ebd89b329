"""The shipped planes of the dial of beta, held to what a VAE must do as its price rises."""

from __future__ import annotations

import numpy as np

from aecore.lab import beta_dial

LIMIT = 1.2e6  # bytes


def test_the_file_is_small_and_holds_a_plane_and_codes_a_price():
    dial = beta_dial.beta_dial()
    assert beta_dial.FILE.stat().st_size <= LIMIT
    assert tuple(stop.beta for stop in dial.stops) == beta_dial.BETAS
    side = 28 * beta_dial.GRID
    assert dial.planes.shape == (5, side, side)
    assert dial.codes.shape == (5, beta_dial.CODES, 2)
    assert np.bincount(dial.labels).tolist() == [100] * 10


def test_a_higher_price_means_a_shorter_code_more_error_and_codes_as_the_prior_has_them():
    dial = beta_dial.beta_dial()
    kls, errors = ([getattr(stop, name) for stop in dial.stops] for name in ("kl", "mse"))
    assert kls == sorted(kls, reverse=True)
    assert errors[-1] == max(errors)
    for stop, codes in zip(dial.stops, dial.codes, strict=True):
        assert (np.abs(codes) <= 1.2 * np.abs([stop.low, stop.high]).max()).all()
    # The variance of means under N(0, I) as the aggregate posterior is at most 1.
    spread = [float(codes.std(0).max()) for codes in dial.codes]
    assert spread[0] > 2 * spread[-1]
    assert spread[-1] < 1.1


def test_pictures_of_a_plane_are_put_together_row_by_row():
    pictures = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    whole = beta_dial.as_one(pictures)
    assert np.array_equal(whole, np.block([[pictures[0], pictures[1]], [pictures[2], pictures[3]]]))
