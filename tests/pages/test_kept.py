"""What sessions share is bounded in bytes, made once, and made for the very version asked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from pages.shell.kept import MB, ByteBounded, kept, size_of


@dataclass(frozen=True)
class Held:
    ref: str
    version: int
    weights: np.ndarray

    @property
    def key(self) -> tuple[str, int]:
        return self.ref, self.version


@dataclass(frozen=True)
class Pair:
    a: np.ndarray
    b: object


ARRAY = np.zeros(MB // 4, np.float32)


@pytest.mark.parametrize(
    ("value", "megabytes"),
    [
        (ARRAY, 1),
        (ARRAY[:3], 1),  # a view keeps the whole
        ([ARRAY, ARRAY, ARRAY[5:]], 1),
        (Pair(ARRAY, {"x": (ARRAY.copy(), None)}), 2),
        (torch.zeros(MB // 4)[:2], 1),
        (nn.Linear(512, 512), 1),
        (b"x" * MB, 1),
        (np.array([ARRAY, b"x" * MB], dtype=object), 2),
    ],
)
def test_sizes_are_those_of_what_is_held(value, megabytes):
    assert size_of(value) == pytest.approx(megabytes * MB, rel=0.01)


def test_bytes_are_bounded_and_the_longest_unused_goes_first():
    made = []

    def make(key):
        made.append(key)
        return np.zeros((key[1], MB), np.uint8)

    pot = ByteBounded(10 * MB)
    for i in range(50):
        pot.get((i, 2), lambda i=i: make((i, 2)))
        pot.get((0, 2), lambda: make((0, 2)))  # used all the time
        assert pot.bytes <= 10 * MB
    assert made.count((0, 2)) == 1
    assert 3 <= len(pot) <= 5
    large = pot.get((99, 11), lambda: make((99, 11)))
    assert large.shape == (11, MB)
    assert pot.bytes <= 10 * MB  # handed out, not kept
    pot.clear()
    assert (len(pot), pot.bytes) == (0, 0)


def test_results_are_of_the_version_asked_for():
    @kept(most_bytes=MB)
    def total(held: Held) -> float:
        return float(held.weights.sum())

    old, new = Held("r1", 1, np.ones(3)), Held("r1", 2, np.ones(7))
    assert (total(new), total(old), total(new)) == (7, 3, 7)


def test_several_who_ask_at_once_make_it_once_and_an_error_is_not_kept():
    pot, made, waited = ByteBounded(MB), [], threading.Event()

    def make() -> int:
        assert waited.wait(30)
        made.append(1)
        if len(made) == 1:
            raise ValueError("the first fails")
        return 5

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(pot.get, "key", make, waited.set) for _ in range(4)]
        found = [a.exception() or a.result() for a in asked]
    assert len(made) == 2
    assert sorted(map(str, found)) == ["5", "5", "5", "the first fails"]
