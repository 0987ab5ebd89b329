"""The corpus: what is read from state dicts alone, against the networks that were trained."""

from __future__ import annotations

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.inspection import corpus

PROCESSES = 2
TRAINED_ON, TRIED = 12_000, 2000
SAME = 1e-4  # largest difference of an output


def examine(name: str) -> dict:
    """Train an entry, save it, read the file as a stranger's, and compare; in another process."""
    import torch
    from safetensors.torch import save

    from aecore import datasets
    from aecore.inspection.files.reading import read
    from aecore.inspection.reading_findings import findings_of
    from aecore.inspection.understanding.candidates import describe
    from aecore.inspection.understanding.understand import understand

    torch.set_num_threads(1)
    data, e = datasets.load("mnist"), corpus.ENTRIES[name]
    net = corpus.train(e, data.train.batch(slice(0, TRAINED_ON)))
    if e.sorted:
        content = save({k: v.contiguous() for k, v in e.save(net).items()})
    else:
        saved = io.BytesIO()
        torch.save(e.save(net), saved)
        content = saved.getvalue()
    contents = read(content, "model.safetensors" if e.sorted else "model.pt")
    found = understand(contents, data, seconds=90)
    x = data.test.batch(slice(0, TRIED))
    truth = e.reconstruct(net, x)
    with torch.inference_mode():
        ours = found.model.reconstruct(x)
    return {
        "name": name,
        "right": float((ours - truth).abs().max()) < SAME,
        "sure": found.sure,
        "error": float((truth - x).square().mean()),
        "read": float((ours - x).square().mean()),
        "unused": found.unused,
        "words": describe(found.candidate),
        "lines": found.model.spec.options,
        "doubts": found.doubts,
        "findings": [f.name for f in findings_of(found, contents, data)],
    }


@pytest.fixture(scope="module")
def results() -> list[dict]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        return list(pool.map(examine, corpus.ENTRIES))


def test_the_corpus_is_large():
    assert len(corpus.ENTRIES) >= 40


@pytest.mark.timeout(1500)
def test_nine_of_ten_are_right(results):
    wrong = [f"{r['name']}: {r['words']}" for r in results if not r["right"]]
    assert len(wrong) <= 0.1 * len(results), "\n".join(wrong)


@pytest.mark.timeout(1500)
def test_what_is_claimed_as_sure_is_right(results):
    sure = [r for r in results if r["sure"]]
    assert len(sure) >= 10
    for r in sure:
        assert r["right"], r
        assert abs(r["read"] - r["error"]) < 1e-4, r
        assert "reading-sure" in r["findings"]


@pytest.mark.timeout(1500)
def test_every_tensor_is_used_or_listed(results):
    for r in results:
        assert not r["right"] or not r["unused"], r
        assert bool(r["unused"]) == ("unused-tensors" in r["findings"])
