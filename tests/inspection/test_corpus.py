"""The corpus: what is read from files alone, against the networks that were trained.

A fixed quarter of it, some of every style; `python benchmarks/corpus.py` reads all of it.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.inspection.corpus import ENTRIES
from tests.inspection.corpus.entries import EXPECTED
from tests.inspection.corpus.examining import MARGINS, Examined, examine

PROCESSES = 2
ENOUGH = 0.93  # share that has to be read as it should be
EACH = 4  # one of so many of a style is read here


def some() -> list[str]:
    """Entries to read: of each style and each expectation in it the first, then one of EACH."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, e in ENTRIES.items():
        groups.setdefault((e.style, e.expected), []).append(name)
    return [name for group in groups.values() for name in group[::EACH]]


@pytest.fixture(scope="module")
def results() -> list[Examined]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        return list(pool.map(examine, some()))


def test_the_corpus_is_large_and_says_what_it_expects():
    assert len(ENTRIES) >= 95
    assert {e.expected for e in ENTRIES.values()} == set(EXPECTED)
    assert {ENTRIES[name].style for name in some()} == {e.style for e in ENTRIES.values()}


@pytest.mark.timeout(1500)
def test_nearly_all_are_read_as_they_should_be(results):
    wrong = [f"{r.name}: {r.refused or r.words}" for r in results if not r.met]
    assert len(wrong) <= (1 - ENOUGH) * len(results), "\n".join(wrong)


@pytest.mark.timeout(1500)
def test_what_is_claimed_as_sure_is_right_to_the_digit(results):
    """Outputs, held-out error, KL and NELBO, against the network and torch.distributions."""
    sure = [r for r in results if r.sure]
    assert len(sure) >= 5
    for r in sure:
        assert r.right, (r.name, r.difference, r.words)
        assert not r.off, (r.name, r.off, MARGINS)
        assert "reading-sure" in r.findings
    assert any("kl" in r.truth for r in sure), "no variational network was sure: none was compared"


@pytest.mark.timeout(1500)
def test_nothing_sound_is_blamed(results):
    blamed = {r.name: r.blamed for r in results if r.blamed}
    assert not blamed


@pytest.mark.timeout(1500)
def test_every_tensor_is_used_or_listed(results):
    for r in results:
        assert not r.sure or not r.unused, r
        assert bool(r.unused) == ("unused-tensors" in r.findings), r.name
