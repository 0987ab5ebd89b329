"""Neighbours and t-SNE of several sessions at once: OpenBLAS must not thread inside of OpenMP."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sklearn.manifold
from threadpoolctl import threadpool_info, threadpool_limits

from aecore.evaluation.metrics import code_quality
from aecore.jobs import views
from aecore.machine import one_blas_thread


def blas_threads() -> set[int]:
    return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}


def test_openblas_has_one_thread_for_all_who_need_it_at_once():
    """Sessions' neighbours at once: the first to be done must not wake it for the others."""
    seen, start = [], threading.Barrier(4)

    def ask():
        start.wait(60)
        with one_blas_thread():
            for _ in range(20):
                with threadpool_limits(1, "blas"):  # as scikit-learn does inside
                    seen.append(blas_threads())
                seen.append(blas_threads())

    with threadpool_limits(2, "blas"):
        before = blas_threads()
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 160
    assert set.union(*seen) == {1}
    assert before == {2}  # else this says nothing


@pytest.mark.parametrize("name", ["trustworthiness", "TSNE"])
def test_neighbours_are_asked_for_with_one_blas_thread(name, monkeypatch):
    seen = []

    class Stands:
        def __init__(self, *args, **named):
            self.threads = blas_threads()

        def fit_transform(self, codes):
            seen.append(blas_threads())
            return codes[:, :2]

        def __float__(self):
            seen.append(self.threads)
            return 1.0

    monkeypatch.setattr(sklearn.manifold, name, Stands)
    codes = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    with threadpool_limits(2, "blas"):
        if name == "TSNE":
            held: Any = SimpleNamespace(codes=SimpleNamespace(mu=codes))
            views.tsne_part(held, 2, len(codes), None)
        else:
            code_quality(codes, codes, None)
    assert seen
    assert set.union(*seen) == {1}
