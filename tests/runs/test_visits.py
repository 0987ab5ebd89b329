"""Who was here and what was in view: found again, bounded; one allowance without a cookie."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest

from aecore.errors import JobError
from aecore.runs import quota, visits
from aecore.runs.library import Library
from aecore.runs.run import has_cookie, owner_key, passing_owner
from aecore.runs.store import RunStore, new_run_id
from aecore.runs.visits import Visits
from tests.runs.test_store import add

ANNA, BERT = owner_key("a" * 32), owner_key("b" * 32)


def test_what_was_noted_is_found_by_another_process_and_is_private(tmp_path):
    Visits(tmp_path).note(ANNA, hand="deep-ae-3", run=["r0", 1.5])
    Visits(tmp_path).note(ANNA, hand="vae-plane", draft={"k": 3})
    Visits(tmp_path).note(ANNA, draft=None)
    assert Visits(tmp_path).remembered(ANNA) == {"hand": "vae-plane", "run": ["r0", 1.5]}
    assert Visits(tmp_path).remembered(BERT) == {}
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ANNA not in file.name + file.read_text()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"x"', b"\xff", b"9" * 100_000])
def test_a_damaged_record_is_an_empty_one(tmp_path, content: bytes):
    visits = Visits(tmp_path)
    visits.note(ANNA, hand="x")
    next(tmp_path.iterdir()).write_bytes(content)
    assert visits.remembered(ANNA) == {}
    visits.note(ANNA, hand="y")
    assert visits.remembered(ANNA) == {"hand": "y"}


def test_records_are_few_and_small(tmp_path, monkeypatch):
    monkeypatch.setattr(visits, "MOST_PEOPLE", 2)
    found = Visits(tmp_path)
    for number in range(5):
        found.note(owner_key(str(number)), hand="x")
        found.mark(owner_key(f"also {number}"))
    assert len(found.marks()) == 2
    found.note(owner_key("0"), hand="y" * visits.MOST_BYTES)
    assert found.remembered(owner_key("0")) == {"hand": "x"}


def test_a_record_goes_with_the_runs_of_its_owner(tmp_path, tiny_ae):
    library = Library(RunStore(tmp_path))
    kept = library.quota
    for owner in (ANNA, BERT):
        kept.visits.note(owner, hand="x")
    add(library, tiny_ae, BERT)
    long_ago = time.time() - 91 * quota.DAY
    os.utime(kept.visits._place(ANNA), (long_ago, long_ago))
    assert kept.clean_up(90) == []
    assert kept.visits.remembered(ANNA) == {}
    assert kept.visits.remembered(BERT) == {"hand": "x"}
    assert kept.visits.count(time.time() - 60) == 1


def test_who_has_no_cookie_shares_one_allowance_and_leaves_after_a_day(
    tmp_path, tiny_ae, monkeypatch
):
    monkeypatch.setattr(quota, "MAX_RUNS", 3)
    library = Library(RunStore(tmp_path))
    passing = [passing_owner(str(number)) for number in range(4)]
    assert len(set(passing)) == 4
    assert has_cookie(ANNA)
    for owner in passing[:3]:
        assert not has_cookie(owner)
        library.quota.check_new(owner, 1)
        add(library, tiny_ae, owner)
    with pytest.raises(JobError, match="allow cookies"):
        library.quota.check_new(passing[3], 1)
    library.quota.check_new(ANNA, 1)
    stays = add(library, tiny_ae, ANNA)
    assert library.store.owned_by(passing[0]) != library.store.owned_by(passing[1])
    now = time.time()
    assert library.quota.clean_up(90, now) == []  # marked from now on
    assert len(library.quota.clean_up(90, now + 1.5 * quota.DAY)) == 3
    assert library.store.all() == [stays]


def test_half_a_file_still_says_whose_a_run_without_a_cookie_is(tmp_path, tiny_ae):
    owner = passing_owner("x")
    run = add(Library(RunStore(tmp_path)), tiny_ae, owner)
    facts = tmp_path / run.run_id / "run.json"
    assert json.loads(facts.read_text())["owner"] == owner
    facts.write_text(facts.read_text()[:120])
    assert RunStore(tmp_path).owned_by(owner)[0].run_id == run.run_id
    assert new_run_id() != run.run_id
