"""Search among codes: who is nearest, by distance or by bits that differ; what rounding costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

NEAREST = 10
_PART = 250  # queries at once
_WORD = 8  # bytes that are compared at once


def nothing() -> None:
    """Between two parts, where nobody waits."""


class Rows:
    """Rows (m, d) among which the nearest are looked for, as float32, and their squared lengths."""

    def __init__(self, rows: np.ndarray):
        self.x = torch.from_numpy(np.ascontiguousarray(rows, np.float32))
        self.squares = self.x.square().sum(1)

    def __len__(self) -> int:
        return len(self.x)

    def nearest(
        self, queries: np.ndarray, n: int = NEAREST, between: Callable = nothing
    ) -> np.ndarray:
        """The n that are nearest to each query (q, d) by Euclidean distance, nearest first: (q, n)
        int64, fewer columns where there are fewer. between: called now and then."""
        found = []
        for part in _parts(len(queries), between):
            asked = torch.from_numpy(np.ascontiguousarray(queries[part], np.float32))
            # Without the query's own length, which is the same for all that it may be near to.
            distance = torch.addmm(self.squares, asked, self.x.T, alpha=-2)
            found.append(distance.topk(min(n, len(self)), largest=False).indices)
        return torch.cat(found).numpy()


def nearest_rows(
    database: np.ndarray, queries: np.ndarray, n: int = NEAREST, between: Callable = nothing
) -> np.ndarray:
    """The n rows of database (m, d) that are nearest to each query, as `Rows.nearest` says it."""
    return Rows(database).nearest(queries, n, between)


def nearest_bits(
    database: np.ndarray, queries: np.ndarray, n: int = NEAREST, between: Callable = nothing
) -> np.ndarray:
    """The same of packed bits (m, bytes) uint8, by how many differ (Hamming distance); of those
    that differ in as many, the first come first."""
    words, found = _words(database), []
    n, place = min(n, len(words)), np.arange(len(words))
    for part in _parts(len(queries), between):
        distance = np.zeros((part.stop - part.start, len(words)), np.int64)
        for j, asked in enumerate(_words(queries[part]).T):
            distance += np.bitwise_count(asked[:, None] ^ words[:, j])
        # One number for both, so that no two are alike.
        distance = distance * len(words) + place
        near = np.argpartition(distance, n - 1, 1)[:, :n]
        order = np.argsort(np.take_along_axis(distance, near, 1), 1)
        found.append(np.take_along_axis(near, order, 1))
    return np.concatenate(found)


def _parts(n: int, between: Callable) -> Iterator[slice]:
    for start in range(0, n, _PART):
        between()
        yield slice(start, min(start + _PART, n))


def _words(bits: np.ndarray) -> np.ndarray:
    """Packed bits (n, bytes) as words of eight bytes, filled up with nothing."""
    wide = np.zeros((len(bits), -(-bits.shape[1] // _WORD) * _WORD), np.uint8)
    wide[:, : bits.shape[1]] = bits
    return wide.view(np.uint64)


def found_of(found: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was found, (q, n), of what was wanted, (q, n), nearest first: how many of the wanted,
    (q,), and whether the nearest of all is among them, (q,) bool."""
    there = (wanted[:, :, None] == found[:, None, :]).any(2)
    return there.sum(1), there[:, 0]


@dataclass(frozen=True)
class EightBits:
    """Numbers (n, d) less their middle (d,), rounded to multiples of one step for all of them, so
    that distances stay what they are."""

    middle: np.ndarray
    step: float

    @classmethod
    def fit(cls, x: np.ndarray) -> EightBits:
        """So that the largest of x is just within a byte."""
        middle = x.mean(0)
        return cls(middle, max(float(np.abs(x - middle).max()), 1e-12) / 127)

    def to(self, x: np.ndarray) -> np.ndarray:
        """(n, d) int8; what is beyond all that it was fitted to is taken to the nearest."""
        return np.clip(np.rint((x - self.middle) / self.step), -127, 127).astype(np.int8)

    def back(self, codes: np.ndarray) -> np.ndarray:
        """(n, d) float32: what each byte stands for."""
        return (codes * np.float32(self.step) + self.middle).astype(np.float32)


@dataclass(frozen=True)
class Signs:
    """One bit a number: whether it is above its middle (d,), on the axes as they are."""

    middle: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray) -> Signs:
        """About the mean of x (n, d)."""
        return cls(x.mean(0))

    def to(self, x: np.ndarray) -> np.ndarray:
        """(n, ceil(d / 8)) uint8."""
        return np.packbits(x > self.middle, axis=1)
