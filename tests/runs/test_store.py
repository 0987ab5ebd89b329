"""What one person's runs may take, when they go, who may look, and disks that refuse."""

from __future__ import annotations

import errno
import json
import os
import stat
import time

import pytest

from aecore.errors import CheckpointError, ConfigError, JobError
from aecore.jobs.engine import JobEngine
from aecore.models import build
from aecore.runs import checkpoints, quota, store
from aecore.runs.card import Card
from aecore.runs.library import Library
from aecore.runs.quota import DAY, Quota, keep_days
from aecore.runs.store import Run, RunStore, new_run_id, owner_key
from aecore.types import DataSpec, ModelSpec, TrainConfig

ME, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(RunStore(tmp_path))


def content_of(spec: ModelSpec, seed: int = 0, epochs: int = 1) -> bytes:
    card = Card("A run", spec, TrainConfig(), "digits", "", epochs)
    return checkpoints.to_bytes(build(spec, seed), card)


@pytest.fixture
def content(tiny_ae) -> bytes:
    return content_of(tiny_ae)


def add(library: Library, spec: ModelSpec, owner: str = ME) -> Run:
    run = Run(new_run_id(), owner, "A run", spec, TrainConfig(), "digits")
    run.recording.status = "stopped"
    library.store.add(run)
    return run


# Quotas and the disk


def test_so_many_runs_and_bytes_are_kept_for_one(library, content, monkeypatch):
    monkeypatch.setattr(quota, "MAX_RUNS", 2)
    for _ in range(2):
        library.upload(ME, "x", content)
    count, used = library.quota.used(ME)
    assert (count, used) == (2, sum(library.store.size(r) for r in library.store.owned_by(ME)))
    assert used > 2 * len(content)
    with pytest.raises(JobError, match=r"keep 2 runs, and at most 2.*delete some on the Runs page"):
        library.upload(ME, "x", content)
    library.upload(OTHER, "x", content)
    library.store.delete(library.store.owned_by(ME)[0])
    monkeypatch.setattr(quota, "MAX_BYTES", library.quota.used(ME)[1] + len(content) - 1)
    with pytest.raises(JobError, match="delete some on the Runs page"):
        library.upload(ME, "x", content)
    with pytest.raises(JobError, match="delete some on the Runs page"):
        library.reread(ME, library.store.owned_by(ME)[0].run_id, content)
    assert len(library.store.owned_by(ME)) == 1


@pytest.mark.parametrize("what", ["start", "upload", "keep", "reread"])
def test_the_disks_reserve_holds(what, tmp_path, tiny_ae, content, monkeypatch):
    engine = JobEngine(tmp_path)
    monkeypatch.setattr(engine.workers, "start", lambda: pytest.fail("nothing is to be started"))
    run = engine.library.upload(ME, "x", content)
    usage = type("Usage", (), {"free": (1 << 30) + 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    found = checkpoints.from_bytes(content)
    with pytest.raises(JobError, match="disk has 0 MB left"):
        {
            "start": lambda: engine.submit(ME, "A", tiny_ae, TrainConfig(), "digits"),
            "upload": lambda: engine.library.upload(ME, "x", content),
            "keep": lambda: engine.library.keep(ME, found.model, found.card),
            "reread": lambda: engine.library.reread(ME, run.run_id, content),
        }[what]()
    assert engine.runs(ME) == [run]
    engine.close()


def test_past_epochs_are_thinned_by_their_bytes_too(library, tiny_ae, monkeypatch):
    run = add(library, tiny_ae)
    one = len(checkpoints.with_card(content_of(tiny_ae), Card("", tiny_ae, TrainConfig(), "", "")))
    monkeypatch.setattr(store, "MAX_EPOCH_BYTES", 5 * one)
    for epoch in range(1, 13):
        library.store.take_in(run, content_of(tiny_ae, epoch, epoch), epoch)
    kept = library.epochs(run.run_id)
    assert 3 <= len(kept) <= 5
    assert kept[-1] == 12


def test_a_refusing_disk_is_said_and_memory_is_bounded(library, tiny_ae, monkeypatch):
    """Full while it writes: the old file stays, the new model waits in memory and says so."""
    run, other = add(library, tiny_ae), add(library, tiny_ae)
    first, second = content_of(tiny_ae, 1), content_of(tiny_ae, 2)
    library.store.take_in(run, first, 1)
    sync = os.fsync

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(store, "MAX_UNSAVED", len(second) + 10)
    library.store.take_in(run, second, 2)
    assert "No space left" in run.notice
    assert "in this server's memory alone" in run.notice
    assert library.store.content(run) == second
    assert (library.store.folder(run.run_id) / "model.safetensors").read_bytes() == first
    assert not list(library.store.root.rglob(".part-*"))
    library.store.take_in(other, second, 2)
    assert "Memory for unsaved models is used up too" in other.notice
    assert not other.has_model
    monkeypatch.setattr(os, "fsync", sync)
    library.store.take_in(run, second, 2)  # what comes again goes to the disk then
    assert (run.notice, run.content) == ("", None)
    assert RunStore(library.store.root).content(run) == second


def test_files_that_cannot_be_deleted_keep_their_run(library, tiny_ae, monkeypatch):
    run = add(library, tiny_ae)

    def refuses(path) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuses)
    with pytest.raises(JobError, match="could not be deleted"):
        library.store.delete(run)
    assert library.store.get(run.run_id) is run


# Who was here, and who may look


def test_runs_go_when_their_owner_was_long_away(library, tiny_ae):
    """Never while one is live, nor for days on which the server was off."""
    gone, stays, live = (add(library, tiny_ae, owner) for owner in ("a", "b", "c"))
    live.recording.status = "training"
    here, now = Quota(library.store), time.time()
    here.running(now)
    assert here.clean_up(90, now) == []  # nobody was marked before
    for owner in ("a", "c"):
        old = now - 91 * DAY
        os.utime(here.visits._place(owner), (old, old))
    here.visited("b")
    assert here.clean_up(100, now) == []
    assert here.clean_up(float("inf"), now) == []
    os.utime(here.visits._place("c"), (old, old))
    assert here.clean_up(90, now) == [gone]
    assert library.store.all() == [stays, live]
    assert not library.store.folder(gone.run_id).exists()
    # The server is off for a summer: that is nobody's absence.
    live.recording.status = "stopped"
    autumn = now + 120 * DAY
    here.running(autumn)
    assert here.clean_up(90, autumn) == []
    assert here.clean_up(90, autumn + 91 * DAY) == [stays, live]


@pytest.mark.parametrize(("text", "days"), [("", 90), ("7.5", 7.5), ("0", float("inf"))])
def test_days_are_a_setting(text, days, monkeypatch):
    monkeypatch.setenv("AECORE_KEEP_DAYS", text)
    assert keep_days() == days


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "a week"])
def test_days_that_are_none_are_said(text, monkeypatch):
    monkeypatch.setenv("AECORE_KEEP_DAYS", text)
    with pytest.raises(ConfigError, match="AECORE_KEEP_DAYS must be a number of days"):
        keep_days()


def test_looking_is_given_and_withdrawn(tmp_path, tiny_ae):
    engine = JobEngine(tmp_path)
    run = add(engine.library, tiny_ae)
    assert engine.watched("") is None
    token = engine.share(ME, run.run_id)
    assert engine.share(ME, run.run_id) == token
    assert engine.watched(token) is run
    assert RunStore(tmp_path).watched(token).run_id == run.run_id  # after a restart too
    for other in ("", run.run_id, token[:-1], "0" * 24, None, token.upper()):
        assert engine.watched(other) is None
    with pytest.raises(JobError, match="another browser"):
        engine.share(OTHER, run.run_id)
    with pytest.raises(JobError, match="another browser"):
        engine.withdraw_share(OTHER, run.run_id)
    engine.withdraw_share(ME, run.run_id)
    assert engine.watched(token) is None
    assert RunStore(tmp_path).watched(token) is None
    assert engine.share(ME, run.run_id) != token
    engine.close()


def test_cookies_of_earlier_versions_become_keys(library, tiny_ae):
    """run.json of before held the cookie itself; it is gone from the folder at the first start."""
    run = add(library, tiny_ae)
    facts = library.store.folder(run.run_id) / "run.json"
    cookie = "0123456789abcdef" * 2
    old = json.loads(facts.read_text()) | {"owner": cookie}
    facts.write_text(json.dumps({k: v for k, v in old.items() if k not in ("watch", "format")}))
    found = RunStore(library.store.root)
    key = owner_key(cookie)
    assert [r.run_id for r in found.owned_by(key)] == [run.run_id]
    assert cookie not in facts.read_text()
    assert RunStore(library.store.root).owned_by(key)[0].name == "A run"
    assert len(key) == 64


def test_nobody_else_on_the_machine_reads_runs(tmp_path, tiny_ae, content):
    library = Library(RunStore(tmp_path / "runs"))
    run = library.upload(ME, "x", content)
    library.quota.visited(ME)
    folder = library.store.folder(run.run_id)
    for place in (library.store.root, folder, folder.parent / "visits"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "run.json").stat().st_mode) == 0o600
    folder.chmod(0o755)  # of an earlier version
    RunStore(library.store.root)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# Versions, and the largest


def test_a_version_comes_with_its_own_content(library, tiny_ae, monkeypatch):
    """Read while the next is written: never one's number with the other's weights."""
    run = add(library, tiny_ae)
    library.store.take_in(run, content_of(tiny_ae, 1), 1)
    parse = checkpoints.from_bytes

    def late(content: bytes):
        library.store.take_in(run, content_of(tiny_ae, 2), 2)
        return parse(content)

    monkeypatch.setattr(checkpoints, "from_bytes", late)
    version, found = library.current(run.run_id)
    monkeypatch.undo()
    assert version == 1
    expected = build(tiny_ae, 1).state_dict()
    assert all(bool((found.model.state_dict()[k] == v).all()) for k, v in expected.items())
    version, newer = library.current(run.run_id)
    assert version == 2
    assert newer.model is not found.model
    assert library.current(run.run_id)[1] is newer


def test_what_is_kept_ready_is_bounded_in_bytes(library, tiny_ae, monkeypatch):
    runs = [add(library, tiny_ae) for _ in range(4)]
    for run in runs:
        library.store.take_in(run, content_of(tiny_ae), 1)
    library.current(runs[0].run_id)
    monkeypatch.setattr("aecore.runs.library.MAX_CACHED", 2 * library._ready[runs[0].run_id][2])
    for run in runs:
        library.current(run.run_id)
    assert list(library._ready) == [run.run_id for run in runs[2:]]
    library.store.delete(runs[3])
    library.forget(runs[3].run_id)
    assert list(library._ready) == [runs[2].run_id]


def test_the_largest_that_trains_can_be_read_again(monkeypatch):
    """By arithmetic at the limit: weights, Adam's two memories and the largest card fit."""
    largest = checkpoints.room_of(checkpoints.MAX_TRAINED) + checkpoints.MAX_CARD_BYTES
    assert largest < checkpoints.MAX_FILE_BYTES
    assert checkpoints.room_of(checkpoints.MAX_TRAINED) < quota.MAX_BYTES
    assert checkpoints.MAX_FILE_BYTES < store.MAX_UNSAVED * 2
    data = DataSpec((1, 8, 8), "image", 10)
    just = ModelSpec("dense-ae", data, 3, {"hidden": (4096, 4096, 512)})
    above = ModelSpec("dense-ae", data, 3, {"hidden": (4096, 4096, 1024)})
    assert 38_000_000 < checkpoints.check_trainable(just) < checkpoints.MAX_TRAINED
    with pytest.raises(ConfigError, match=r"at most 40,000,000 are trained"):
        checkpoints.check_trainable(above)


def test_just_above_the_limit_is_refused_at_once(tmp_path, tiny_ae, monkeypatch):
    engine = JobEngine(tmp_path)
    weights = checkpoints.check_trainable(tiny_ae)
    monkeypatch.setattr(engine.workers, "start", lambda: pytest.fail("nothing is to be started"))
    monkeypatch.setattr(checkpoints, "MAX_TRAINED", weights - 1)
    with pytest.raises(ConfigError, match="narrower"):
        engine.submit(ME, "A", tiny_ae, TrainConfig(), "digits")
    engine.close()


@pytest.mark.parametrize("share", [0.999, 0.5, 0.01])
def test_a_file_cut_short_is_told_from_its_header(share, content, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.write_bytes(content)
    cut.write_bytes(content[: int(len(content) * share)])
    assert checkpoints.read_card(whole).epochs_done == 1
    with pytest.raises(CheckpointError):
        checkpoints.read_card(cut)
