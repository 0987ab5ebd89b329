"""Own data belong to who kept them: a quota each, and a deletion that takes nothing from others."""

from __future__ import annotations

import shutil

import pytest
from own_files import TABLE, csv

from aecore import datasets
from aecore.datasets import registry
from aecore.datasets.own.reading import own_folder, read_upload
from aecore.datasets.own.store import MOST_OWN, SPARE, delete, keep_for, owned
from aecore.errors import DatasetError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(registry, "_kept", type(registry._kept)())
    return own_folder()


def table(shift: float = 0):
    return read_upload("t.csv", csv(TABLE + shift))


def test_an_owner_keeps_a_few_and_may_delete_them(root):
    assert owned(root, "anna") == []
    names = [keep_for(root, table(i), "anna") for i in range(MOST_OWN)]
    assert owned(root, "anna") == names
    assert owned(root, "bert") == []
    with pytest.raises(DatasetError, match=f"at most {MOST_OWN}"):
        keep_for(root, table(99), "anna")
    assert keep_for(root, table(0), "anna") == names[0]  # the same again is no further one
    datasets.load(names[0])
    delete(root, names[0], "anna")
    assert owned(root, "anna") == names[1:]
    with pytest.raises(DatasetError, match="deleted"):
        datasets.load(names[0])
    keep_for(root, table(99), "anna")


def test_what_somebody_else_keeps_too_stays(root):
    name = keep_for(root, table(), "anna")
    assert keep_for(root, table(), "bert") == name
    delete(root, name, "anna")
    assert owned(root, "anna") == []
    assert len(datasets.load(name).train)
    delete(root, name, "bert")
    assert not (root / f"{name}.npz").exists()


@pytest.mark.parametrize("name", ["own-000000000000", "../../etc/passwd", "", "*"])
def test_only_owners_delete(root, name):
    kept = keep_for(root, table(), "anna")
    for wrong in (name, kept):
        with pytest.raises(DatasetError, match="not yours"):
            delete(root, wrong, "bert")
    assert owned(root, "anna") == [kept]


def test_an_owner_is_written_down_as_a_hash_only(root):
    keep_for(root, table(), "secret-cookie")
    kept = list(root.rglob("*"))
    assert [p for p in kept if p.is_file()]
    for path in kept:
        assert "secret-cookie" not in path.name
        assert path.is_dir() or b"secret-cookie" not in path.read_bytes()


def test_a_disk_that_cannot_be_written_is_one_sentence(root):
    root.parent.mkdir()
    root.touch()
    with pytest.raises(DatasetError, match="could not be kept"):
        keep_for(root, table(), "anna")


def test_the_disk_is_left_room_for_everybody(root, monkeypatch):
    usage = shutil.disk_usage(root.anchor)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=SPARE + 10))
    with pytest.raises(DatasetError, match="free, of which"):
        keep_for(root, table(0), "anna")
    assert owned(root, "anna") == []
    assert not list(root.glob("*.npz"))
