"""What is searched: a database, queries that nothing is fitted to, and who is truly nearest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from aecore.byte_cache import ByteCache
from aecore.datasets import Dataset, Split
from aecore.datasets.sentences import SIZE, sentence_data, sentences
from aecore.figures.examples import thing_of
from aecore.lab.about import About
from aecore.lab.searching import NEAREST, nearest_rows, nothing

SENTENCES, DATA = "sentences", "data"
MOST, QUERIES = 20_000, 1000  # examples that are searched, and that are searched for
_MOST_VALUES = 16_000_000  # in a database of larger examples

_truths: ByteCache[tuple, np.ndarray] = ByteCache(8 << 20, lambda found: found.nbytes)


@dataclass(frozen=True)
class Counts:
    """A collection in facts. title: what people call it; thing: one of it; size: of numbers in an
    example; database, queries: how many examples."""

    title: str
    thing: str
    size: int
    database: int
    queries: int

    @classmethod
    def of(cls, name: str, about: About) -> Counts:
        """name: SENTENCES, or DATA for the data that `about` is about."""
        if name == SENTENCES:
            held_out = int(sentences().held_out.sum())
            n = len(sentences().rows) - held_out
            return cls("Sentences", "sentence", SIZE, n, min(QUERIES, held_out))
        assert about.spec is not None
        most = _most(about.spec.size)
        n, queries = min(most, about.train), min(QUERIES, about.test)
        return cls(about.title, thing_of(about.spec), about.spec.size, n, queries)

    @property
    def asked(self) -> str:
        """What is searched for, in words."""
        return f"{self.queries:,} held-out {self.thing}s"

    @property
    def split(self) -> str:
        """The same, and among how many."""
        return f"{self.asked}, searched for among {self.database:,}"


def _most(size: int) -> int:
    return max(NEAREST + 1, min(MOST, _MOST_VALUES // size))


@dataclass(frozen=True)
class Collection:
    """The examples that are searched, drawn from the training part, and the queries, drawn from
    what is held out. rows (n + q,): which they are, in the order of their splits."""

    name: str
    data: Dataset
    seed: int
    rows: np.ndarray
    n: int

    @classmethod
    def of(cls, name: str, data: Dataset | None, seed: int) -> Collection:
        """name: SENTENCES, which are searched whole, or DATA."""
        if name == SENTENCES:
            data = sentence_data()
        assert data is not None
        most = len(data.train) if name == SENTENCES else _most(data.spec.size)
        generator = np.random.default_rng(seed)
        searched = _drawn(len(data.train), most, generator)
        asked = _drawn(len(data.test), QUERIES, generator)
        rows = np.concatenate([searched, asked]).astype(np.int32)
        return cls(name, data, seed, rows, len(searched))

    @cached_property
    def splits(self) -> tuple[Split, Split]:
        """Database and queries, without labels."""
        parts = (self.data.train, self.rows[: self.n]), (self.data.test, self.rows[self.n :])
        searched, asked = (Split(s.x[torch.from_numpy(r).long()]) for s, r in parts)
        return searched, asked

    @cached_property
    def database(self) -> np.ndarray:
        """(n, values) float32."""
        return self.splits[0].batch().flatten(1).numpy()

    @cached_property
    def queries(self) -> np.ndarray:
        """(q, values) float32."""
        return self.splits[1].batch().flatten(1).numpy()

    def truth(self, between: Callable[[], object] = nothing) -> np.ndarray:
        """The rows of the database that are nearest to each query, (q, NEAREST), once a process."""
        key = self.data.name, self.data.fingerprint, self.seed
        found = _truths.get(key)
        if found is None:
            found = nearest_rows(self.database, self.queries, between=between)
            _truths.put(key, found)
        return found


def _drawn(there: int, most: int, generator: np.random.Generator) -> np.ndarray:
    if there <= most:
        return np.arange(there)
    return np.sort(generator.choice(there, most, replace=False))
