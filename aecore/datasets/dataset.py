"""What a dataset is: two splits in memory, and what is known about them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from aecore.types import DataSpec

_MOST_SORTED = 20_000_000  # values
_ROWS = 128  # examples at a time on their way into a batch


@dataclass(frozen=True)
class Split:
    """One half of a dataset. x: (n, *shape) uint8 or float32; labels: (n,) int64 or None."""

    x: torch.Tensor
    labels: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def batch(
        self, index: torch.Tensor | slice | None = None, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return examples as a new float32 tensor (b, *shape); uint8 becomes float only here.

        Values are in [0, 1], but for a table, whose columns are standardised. out: float32 of that
        shape, where they are written instead.
        """
        if isinstance(index, torch.Tensor):
            # Twenty times faster than indexing by a tensor, with the same result.
            x = self._words.index_select(0, index).view(self.x.dtype)
            x = x.view(len(index), *self.x.shape[1:])
        else:
            x = self.x if index is None else self.x[index]
        if out is None:
            copied = x.dtype == torch.uint8 or not isinstance(index, torch.Tensor)
            out = x.to(torch.float32, copy=True) if copied else x
        else:
            out.copy_(x)
        return out.div_(255) if x.dtype == torch.uint8 else out

    @cached_property
    def _words(self) -> torch.Tensor:
        """The examples as rows, eight bytes at a time where they are bytes: taking some of them is
        eight times faster."""
        rows = self.x.flatten(1)
        whole = rows.dtype == torch.uint8 and rows.is_contiguous() and rows.shape[1] % 8 == 0
        return rows.view(torch.int64) if whole and rows.storage_offset() % 8 == 0 else rows

    def to(self, device: torch.device) -> Split:
        labels = None if self.labels is None else self.labels.to(device)
        return Split(self.x.to(device), labels)

    def some_rows(self, n: int) -> np.ndarray:
        """Indices of at most n examples: in turn one of each class, else evenly spread."""
        if self.labels is None:
            return np.unique(np.linspace(0, len(self) - 1, min(n, len(self))).astype(np.int64))
        labels = self.labels.numpy()
        present = np.unique(labels)
        if len(present) > n:
            present = present[np.linspace(0, len(present) - 1, n).astype(int)]
        of_class = [np.flatnonzero(labels == c)[:n] for c in present]
        rounds = [[rows[i] for rows in of_class if i < len(rows)] for i in range(n)]
        return np.array([row for each in rounds for row in each][:n], np.int64)

    def first(self, n: int) -> Split:
        """The first n examples, or all when n is 0 or larger than there are."""
        if n <= 0 or n >= len(self):
            return self
        return Split(self.x[:n], None if self.labels is None else self.labels[:n])


class Batches:
    """`Split.batch` for one number of examples after another of that many, into the same memory.

    x: float32 (n, *shape), what was fetched last.
    """

    def __init__(self, split: Split, n: int):
        words = self._words = split._words
        self.x = torch.empty((n, *split.x.shape[1:]))
        self._bytes = split.x.dtype == torch.uint8
        rows = self.x.flatten(1)
        taken = torch.empty((n, words.shape[1]), dtype=words.dtype) if self._bytes else rows
        # Some at a time: what was taken is still in the cache when it is made float.
        self._parts = [
            (taken[i : i + _ROWS], taken[i : i + _ROWS].view(split.x.dtype), rows[i : i + _ROWS])
            for i in range(0, n, _ROWS)
        ]

    def fetch(self, index: torch.Tensor) -> torch.Tensor:
        """The examples at `index`, (n,) int64."""
        indices = (index,) if len(self._parts) == 1 else index.split(_ROWS)
        for some, (words, values, x) in zip(indices, self._parts, strict=True):
            torch.index_select(self._words, 0, some, out=words)
            if self._bytes:
                x.copy_(values).div_(255)
        return self.x


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, and the training split's mean and standard deviation."""

    name: str
    mean: float
    std: float


@dataclass(frozen=True)
class Factors:
    """The numbers that examples were generated from, which a good code finds again.

    names: one a factor; train (n, f) and test (m, f): float32, row for row those of the splits.
    periods: one a factor, 0 for a factor on a line, else where it begins again (2 pi for radians);
    empty means that none is periodic.
    """

    names: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    periods: tuple[float, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory: a training and a held-out ('test') split of the same shape.

    columns: one a column of a table, whose values in x are standardised. factors: what generated
    data were made from. generated: nothing here was measured or drawn by anybody.
    """

    name: str
    spec: DataSpec
    train: Split
    test: Split
    class_names: tuple[str, ...] = ()
    about: str = ""
    columns: tuple[Column, ...] = ()
    factors: Factors | None = None
    generated: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of shape and all values, training then test."""
        digest = hashlib.sha256(repr(self.spec.shape).encode())
        for split in (self.train, self.test):
            digest.update(np.ascontiguousarray(split.x.numpy()).data)
        return digest.hexdigest()[:16]

    @cached_property
    def value_range(self) -> tuple[float, float]:
        """The scale, low to high, on which examples are drawn and sent as bytes.

        [0, 1], or, for a table, the whole numbers (of standard deviations) around nearly all of
        its training values, and at least [-1, 1].
        """
        if self.spec.bounded:
            return 0.0, 1.0
        # A single outlier would leave no room for all the others. Sorting takes a copy.
        x = self.train.x.numpy()
        low, high = np.quantile(x[:: 1 + x.size // _MOST_SORTED], [0.001, 0.999])
        return min(math.floor(low), -1.0), max(math.ceil(high), 1.0)

    def limited(self, limit: int) -> Dataset:
        """The same dataset with only the first `limit` training examples (0: all)."""
        if limit <= 0 or limit >= len(self.train):
            return self
        factors = self.factors
        if factors is not None:
            factors = dataclasses.replace(factors, train=factors.train[:limit])
        # A new object: the kept fingerprint, which is no field, stays with the whole dataset.
        return dataclasses.replace(self, train=self.train.first(limit), factors=factors)

    def original_units(self, x: torch.Tensor | np.ndarray) -> torch.Tensor | np.ndarray:
        """Undo the standardisation of a table: (..., columns) to x * std + mean, in its units.

        The kind of array, its precision and its device stay; other data come back as they are.
        """
        if not self.columns:
            return x
        std, mean = [c.std for c in self.columns], [c.mean for c in self.columns]
        if isinstance(x, torch.Tensor):
            return x * x.new_tensor(std) + x.new_tensor(mean)
        return x * np.asarray(std, x.dtype) + np.asarray(mean, x.dtype)
