"""What is kept for all sessions is bounded in bytes; a file's own bytes go before its model."""

from __future__ import annotations

import threading

import pytest

from aecore.byte_cache import ByteCache
from aecore.inspection.apart import Opened, Source
from aecore.models import build
from aecore.runs.card import Card
from aecore.types import ModelSpec, TrainConfig
from pages.shell import opened_files


def test_the_longest_unused_goes_first():
    cache: ByteCache[str, bytes] = ByteCache(100, len)
    for name in "abc":
        cache.put(name, bytes(40))
        cache.get("a")
    assert [key for key, _ in cache.items()] == ["c", "a"]
    assert cache.get("b") is None
    cache.put("large", bytes(1000))  # it would drive out all, and still be too large
    assert [key for key, _ in cache.items()] == ["c", "a"]
    cache.put("c", bytes(1))
    assert cache.nbytes == 41


def test_many_threads_keep_it_within_its_bytes():
    cache: ByteCache[int, bytes] = ByteCache(1000, len)

    def fill(start: int):
        for i in range(200):
            cache.put(start + i, bytes(i))
            cache.get(start + i // 2)

    threads = [threading.Thread(target=fill, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < cache.nbytes <= 1000


def test_opened_files_are_bounded_in_bytes_models_and_files(digits, monkeypatch):
    spec = ModelSpec("dense-ae", digits.spec, 3)
    model = build(spec)
    card = Card("theirs", spec, TrainConfig(), "digits", "abc")
    size = sum(t.nbytes for t in model.state_dict().values())
    files = ByteCache(3 * size, opened_files._file_bytes)
    monkeypatch.setattr(opened_files, "_files", files)
    monkeypatch.setattr(opened_files, "_sources", ByteCache(250, opened_files._source_bytes))
    refs = [opened_files.new_ref() for _ in range(4)]
    for ref in refs:
        source = Source(((bytes(100), "x.pt"),), "x", None)
        opened_files.remember(ref, Opened(model, card, (), source), "me", 1)
    assert opened_files.find(refs[0]) is None
    assert opened_files.get(refs[1]).opened.source is None  # it can be looked at, not read anew
    assert opened_files.get(refs[3]).opened.source is not None
    assert len(opened_files.unkept("me")) == 3
    assert files.nbytes <= 3 * size
    with pytest.raises(Exception, match="drop it in again"):
        opened_files.get(refs[0])
