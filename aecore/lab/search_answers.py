"""One search, answered by all numbers and by codes of a result: who is found, and who rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aecore.lab.experiment import Values
from aecore.lab.searching import NEAREST, Rows, nearest_bits

WHOLE = "Whole"


@dataclass(frozen=True)
class Codes:
    """What a way keeps of every example: int8 numbers (n, k), or packed bits (n, bytes) uint8.
    examples: the database's, then the queries'."""

    title: str
    codes: np.ndarray

    @property
    def bytes(self) -> int:
        return self.codes.shape[1]


@dataclass(frozen=True)
class Answer:
    """rows: of the database, nearest first; right: which of them are among the truly nearest,
    (n,) bool. bytes: that are kept of an example."""

    title: str
    bytes: int
    rows: np.ndarray
    right: np.ndarray


def codes_of(done: Mapping[str, Values], of: str, k: int) -> list[Codes]:
    """The codes in a result of the experiment, of one collection, as far as they are there: PCA's
    and the autoencoder's with k numbers, and bits."""
    tasks = f"{of}-pca-{k}", f"{of}-ae-{k}", f"{of}-bits"
    found = ((t, done.get(task, {}).get("codes")) for task, t in zip(tasks, titles(k), strict=True))
    return [Codes(title, np.asarray(codes)) for title, codes in found if codes is not None]


def titles(k: int) -> tuple[str, ...]:
    """What people call the ways that a whole result has, with k numbers in a code."""
    return f"PCA, {k} numbers", f"Autoencoder, {k} numbers", "One bit a number"


def sizes_in(done: Mapping[str, Values], of: str) -> list[int]:
    """The numbers in a code, k, of which a result has codes of one collection."""
    kept = [task.split("-") for task, values in done.items() if "codes" in values]
    return sorted({int(parts[2]) for parts in kept if parts[0] == of and len(parts) == 3})


def answers(
    database: Rows, example: np.ndarray, at: int, ways: Sequence[Codes], n: int = NEAREST
) -> list[Answer]:
    """What each way finds for an example (d,), first of all by all numbers, (m, d).

    at: where it stands among database and queries; an example of the database does not find
    itself.
    """
    whole = _others(database.nearest(example[None], n + 1), at, n)
    found = [Answer(WHOLE, 4 * database.x.shape[1], whole, np.ones(len(whole), bool))]
    for way in ways:
        codes, asked = way.codes[: len(database)], way.codes[at : at + 1]
        bits = codes.dtype == np.uint8
        near = nearest_bits(codes, asked, n + 1) if bits else Rows(codes).nearest(asked, n + 1)
        others = _others(near, at, n)
        found.append(Answer(way.title, way.bytes, others, np.isin(others, whole)))
    return found


def _others(near: np.ndarray, at: int, n: int) -> np.ndarray:
    """The n nearest of one query, (1, more), without itself."""
    return near[0][near[0] != at][:n]


def matching(texts: Sequence[str], words: str, most: int) -> list[int]:
    """Which texts have all of the words, in any case, short ones first; all texts for no words."""
    parts = words.lower().split()
    found = [i for i, text in enumerate(texts) if all(p in text.lower() for p in parts)]
    return sorted(found, key=lambda i: (len(texts[i]), i))[:most] if parts else found[:most]
