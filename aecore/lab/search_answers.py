"""One search, answered by all numbers and by codes of a result: who is found, and who rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aecore.lab.experiment import Values
from aecore.lab.searching import NEAREST, nearest_bits, nearest_rows

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
    wanted = (
        (f"{of}-pca-{k}", f"PCA, {k} numbers"),
        (f"{of}-ae-{k}", f"Autoencoder, {k} numbers"),
        (f"{of}-bits", "One bit a number"),
    )
    return [Codes(title, np.asarray(done[t]["codes"])) for t, title in wanted if t in done]


def sizes_in(done: Mapping[str, Values], of: str) -> list[int]:
    """The numbers in a code, k, of which a result has codes of one collection."""
    ends = {tuple(task.split("-")) for task in done if task.startswith(f"{of}-")}
    return sorted({int(end[2]) for end in ends if len(end) == 3})


def answers(
    database: np.ndarray, example: np.ndarray, at: int, ways: Sequence[Codes], n: int = NEAREST
) -> list[Answer]:
    """What each way finds for an example (d,), first of all by all numbers of database (m, d).

    at: where it stands among database and queries; an example of the database does not find
    itself.
    """
    whole = _nearest(database, example[None], at, n)
    found = [Answer(WHOLE, 4 * database.shape[1], whole, np.ones(len(whole), bool))]
    for way in ways:
        near = _nearest(way.codes[: len(database)], way.codes[at : at + 1], at, n)
        found.append(Answer(way.title, way.bytes, near, np.isin(near, whole)))
    return found


def _nearest(database: np.ndarray, query: np.ndarray, at: int, n: int) -> np.ndarray:
    search = nearest_bits if database.dtype == np.uint8 else nearest_rows
    near = search(database, query, n + 1)[0]
    return near[near != at][:n]


def matching(texts: Sequence[str], words: str, most: int) -> list[int]:
    """Which texts have all of the words, in any case, short ones first; all texts for no words."""
    parts = words.lower().split()
    found = [i for i, text in enumerate(texts) if all(p in text.lower() for p in parts)]
    return sorted(found, key=lambda i: (len(texts[i]), i))[:most] if parts else found[:most]
