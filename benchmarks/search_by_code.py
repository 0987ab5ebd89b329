"""How long one search takes as the page answers it: the example's ten nearest by all numbers, by
PCA's and an autoencoder's codes and by bits, and the words that find a sentence; prints JSON.

python benchmarks/search_by_code.py

The codes are drawn at random, of the sizes that a result has: how long it takes is the same.
Milliseconds, of 200 searches the median and the slowest of a hundred.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from aecore import datasets
from aecore.datasets.sentences import sentences
from aecore.lab.collection import DATA, SENTENCES, Collection
from aecore.lab.search_answers import answers, codes_of, matching
from aecore.lab.searching import Rows

TIMES, K = 200, 32


def milliseconds(function: Callable[[int], object]) -> dict[str, float]:
    """Of function(i) for many i."""
    function(0)
    spent = []
    for i in range(TIMES):
        began = time.perf_counter()
        function(i)
        spent.append(1000 * (time.perf_counter() - began))
    return {"median_ms": float(np.median(spent)), "slowest_in_100_ms": np.quantile(spent, 0.99)}


def of(name: str) -> dict[str, float]:
    """Searches in one collection."""
    data = datasets.load("mnist") if name == DATA else None
    collection = Collection.of(name, data, 0)
    database, queries = Rows(collection.database), collection.queries
    n, d = database.x.shape
    random, every = np.random.default_rng(0), n + len(queries)
    done = {
        f"{name}-{way}-{K}": {"codes": random.integers(-127, 128, (every, K), np.int8)}
        for way in ("pca", "ae")
    }
    done[f"{name}-bits"] = {"codes": random.integers(0, 256, (every, -(-d // 8)), np.uint8)}
    ways = codes_of(done, name, K)
    return milliseconds(lambda i: answers(database, queries[i], n + i, ways))


def main() -> None:
    torch.set_num_threads(1)
    texts = sentences().texts
    found = {name: of(name) for name in (SENTENCES, DATA)}
    found["words"] = milliseconds(lambda i: matching(texts, texts[i * 30][:12], 50))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
