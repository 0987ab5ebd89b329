"""Own data are kept, found by name, also by workers, and given up when too many."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from own_files import TABLE, csv, npz

from aecore import datasets
from aecore.datasets import registry
from aecore.datasets.own.reading import keep, own_folder, read_upload
from aecore.datasets.own.store import notes_of
from aecore.errors import DatasetError, UnknownNameError


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(registry, "_kept", type(registry._kept)())
    return tmp_path / "runs"


def test_kept_data_are_loaded_by_name(runs):
    own = read_upload("t.csv", csv([(*r, "ab"[i % 2]) for i, r in enumerate(TABLE)], "a,b,c,y"))
    name = keep(own_folder(), own)
    assert own_folder() == runs / "data"
    assert [p.name for p in own_folder().iterdir()] == [f"{name}.npz"]
    data = datasets.load(name)
    for f in dataclasses.fields(data):
        if f.name not in ("name", "train", "test"):
            assert getattr(data, f.name) == getattr(own.dataset, f.name)
    assert data.fingerprint == own.dataset.fingerprint
    assert torch.equal(data.test.labels, own.dataset.test.labels)
    assert datasets.load(name) is data
    assert datasets.source(name).spec == data.spec
    assert datasets.source(name).title == "t.csv"
    assert notes_of(name) == own.notes
    assert name not in datasets.all_sources()
    assert keep(own_folder(), own) != name


def test_another_process_loads_the_same(runs):
    name = keep(own_folder(), read_upload("t.csv", csv(TABLE)))
    code = f"from aecore import datasets; print(datasets.load({name!r}).fingerprint)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == datasets.load(name).fingerprint


def test_only_the_latest_stay_in_memory(runs, monkeypatch):
    monkeypatch.setattr(registry, "MOST_KEPT", 8)
    names = [keep(own_folder(), read_upload("t.csv", csv(TABLE + i))) for i in range(10)]
    first = datasets.load(names[0])
    for name in names[1:8]:
        datasets.load(name)
    assert datasets.load(names[0]) is first
    for name in names[8:]:
        datasets.load(name)
    assert len(registry._kept) == 8
    assert datasets.load(names[0]) is first  # used a moment ago
    assert names[1] not in registry._kept


def test_memory_is_bounded_in_bytes_but_for_mnist(runs, monkeypatch):
    names = [keep(own_folder(), read_upload("t.csv", csv(TABLE + i))) for i in range(4)]
    monkeypatch.setattr(registry, "MOST_BYTES", 2 * registry._bytes(datasets.load(names[0])))
    for name in ["mnist", "digits", *names]:
        datasets.load(name)
    assert list(registry._kept) == names[2:]
    assert "mnist" in registry._loaded


@pytest.mark.parametrize(
    "name", ["own-", "own-../../etc/x", "own-0123456789AB", "own-0123456789ab/", "own-" + "0" * 13]
)
def test_names_that_cannot_be(runs, name):
    with pytest.raises(UnknownNameError):
        datasets.load(name)


def test_data_that_are_gone_or_damaged(runs):
    with pytest.raises(DatasetError, match="upload them again"):
        datasets.load("own-0123456789ab")
    name = keep(own_folder(), read_upload("t.csv", csv(TABLE)))
    path = own_folder() / f"{name}.npz"
    content = path.read_bytes()
    meta = json.dumps({"format": 1, "name": name})
    for damaged in (
        b"",
        content[:500],
        content[: len(content) // 2],
        b"no zip" * 50,
        npz(meta=np.frombuffer(meta.encode(), np.uint8)),
        npz(x=np.zeros(3)),
        npz(meta=np.array([{"a": 1}], dtype=object)),
        content.replace(b'"classes": 0', b'"classes": 2'),
    ):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="damaged; upload"):
            datasets.load(name)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="AECORE_RUNS"):
        keep(tmp_path / "file", read_upload("t.csv", csv(TABLE)))
