"""Own data belong to who kept them: a quota each, and a deletion that takes nothing from others."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from own_files import TABLE, csv

from aecore import datasets
from aecore.datasets import registry
from aecore.datasets.own import store
from aecore.datasets.own.reading import own_folder, read_upload
from aecore.datasets.own.store import (
    MOST_OWN,
    check_access,
    clean_up,
    delete,
    find_by_fingerprint,
    keep_for,
    owned,
    visited,
)
from aecore.errors import DatasetError
from aecore.writing import DISK_RESERVE


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


def test_the_same_data_of_two_people_are_two(root):
    name, other = (keep_for(root, table(), who) for who in ("anna", "bert"))
    assert name != other
    delete(root, name, "anna")
    assert owned(root, "anna") == []
    assert owned(root, "bert") == [other]
    assert len(datasets.load(other).train)


def test_names_say_nothing_of_the_data_but_owners_find_theirs_again(root):
    own = table()
    name = keep_for(root, own, "anna")
    assert name != own.dataset.name
    assert datasets.public_name(name) == "own"
    assert datasets.public_name("mnist") == "mnist"
    assert find_by_fingerprint("anna", own.dataset.fingerprint) == name
    assert find_by_fingerprint("bert", own.dataset.fingerprint) is None
    assert find_by_fingerprint("anna", table(1).dataset.fingerprint) is None
    (root / f"{name}.npz").write_bytes(b"damaged")
    assert find_by_fingerprint("anna", own.dataset.fingerprint) is None
    with pytest.raises(DatasetError, match="not named outside"):
        datasets.load("own")


def test_looking_is_not_having(root):
    name = keep_for(root, table(), "anna")
    check_access(name, "anna")
    check_access("mnist", "bert")
    for wrong in (name, "own-000000000000", "own-../../x"):
        with pytest.raises(DatasetError, match="for who keeps them"):
            check_access(wrong, "bert")


def test_one_person_keeps_so_many_bytes(root, monkeypatch):
    keep_for(root, table(), "anna")
    monkeypatch.setattr(store, "MOST_OWN_BYTES", 1500)
    with pytest.raises(DatasetError, match="at most 0 MB are kept for one person"):
        keep_for(root, table(1), "anna")
    assert len(owned(root, "anna")) == 1


def test_data_of_who_is_gone_are_cleaned_up(root):
    gone, here = keep_for(root, table(), "anna"), keep_for(root, table(), "bert")
    datasets.load(gone)
    long_ago = time.time() - 10_000
    for place in (root / "owners").iterdir():
        os.utime(place, (long_ago, long_ago))
    (root / ".part-of-a-killed-one").touch()
    os.utime(root / ".part-of-a-killed-one", (long_ago, long_ago))
    visited(root, "bert")
    visited(root, "carl")  # who keeps nothing
    assert clean_up(root, 20_000) == []
    assert clean_up(root, 5_000) == [gone]
    assert owned(root, "bert") == [here]
    assert sorted(p.name for p in root.iterdir()) == [f"{here}.npz", "owners"]
    assert len(list((root / "owners").iterdir())) == 1
    with pytest.raises(DatasetError, match="deleted"):
        datasets.load(gone)


def test_data_deleted_by_another_process_leave_memory(root):
    name = keep_for(root, table(), "anna")
    datasets.load(name)
    (root / f"{name}.npz").unlink()
    with pytest.raises(DatasetError, match="deleted"):
        datasets.load(name)
    assert name not in registry._kept


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
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=DISK_RESERVE + 10))
    with pytest.raises(DatasetError, match="free, of which"):
        keep_for(root, table(0), "anna")
    assert owned(root, "anna") == []
    assert not list(root.glob("*.npz"))
