"""Runs on a real embedded cluster: steered, owned, kept, and outliving a killed worker."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Iterator

import distributed
import pytest
import torch

from aecore.errors import AecoreError, CheckpointError, JobError
from aecore.evaluation.trouble import best_of, trouble
from aecore.jobs.engine import JobEngine
from aecore.machine import TRAINING
from aecore.runs import checkpoints
from aecore.runs.store import Run, least_missed
from aecore.types import ModelSpec, TrainConfig
from tests.jobs.conftest import LONG, ME, OTHER, SHORT, status, trained, until

# A run's life


def test_to_the_end(engine, submit, digits, tiny_ae):
    run = status(submit(SHORT), "finished", "failed")
    assert run.recording.status == "finished", run.recording.message
    assert [row["epoch"] for row in run.recording.history] == [1, 2, 3]
    assert run.recording.started.parameters > 0
    assert run.recording.last_step is not None
    assert run.recording.summary["epochs_done"] == 3
    found = engine.library.checkpoint(run.run_id)
    assert found.card.epochs_done == 3
    assert found.card.name == run.name == "A run 1"
    assert found.card.fingerprint == digits.fingerprint
    assert found.card.history == run.recording.history
    with torch.inference_mode():
        x = digits.test.batch(slice(None))
        mse = float((found.model.reconstruct(x) - x).square().mean())
    assert mse == pytest.approx(run.recording.epoch.metrics["mse"], rel=1e-4)


def test_workers_keep_freed_memory_and_compute_on_one_thread(engine):
    """Dask's own setting has them give it back at once, which costs a fifth of the speed."""
    for name, value in TRAINING.items():
        assert set(engine.workers.client.run(os.getenv, name).values()) == {value}


def test_dasks_scheduler_imports_no_torch(engine, submit):
    """Orders, commands and snapshots pass through it; it would take seconds and 300 MB."""

    def modules() -> list[str]:
        import sys

        return list(sys.modules)

    trained(submit())
    loaded = engine.workers.client.run_on_scheduler(modules)
    assert "aecore.jobs.orders" in loaded
    assert "torch" not in loaded


def test_a_file_an_epoch(engine, submit):
    """Each epoch whose snapshot was fetched in time has a file of its own; the last always."""
    run = status(submit(SHORT), "finished")
    until(lambda: 3 in engine.store.epochs(run))
    for epoch, path in engine.store.epochs(run).items():
        assert checkpoints.load(path).card.epochs_done == epoch


@pytest.mark.parametrize("last", [70, 222, 1000])
@pytest.mark.parametrize("best", [1, 17])
def test_past_epochs_are_kept_evenly_and_the_best_stays(last, best):
    kept = []
    for epoch in range(1, last + 1):
        kept.append(epoch)
        if len(kept) > 60:
            kept.remove(least_missed(kept, best))
    gaps = [b - a for a, b in itertools.pairwise(kept)]
    assert (len(kept), kept[0], kept[-1]) == (60, 1, last)
    assert best in kept
    assert max(gaps) <= 2 * last / 60 + 1


def test_of_three_epochs_the_first_goes_where_the_best_is_between():
    assert least_missed([3, 4, 9], best=4) == 3
    assert least_missed([3, 4, 9], best=3) == 4


def test_steering(engine, submit):
    run = trained(submit())
    engine.command(ME, run.run_id, "pause")
    status(run, "paused", patience=5)
    engine.command(ME, run.run_id, "step")
    until(lambda: run.recording.last_step is not None and run.recording.status == "paused")
    step = run.recording.last_step.step
    engine.command(ME, run.run_id, "step")
    until(lambda: run.recording.last_step.step > step and run.recording.status == "paused")
    # A step on its own brings a look, an epoch's last step with the epoch's end.
    assert run.recording.probes[-1][0] == run.recording.last_step.images_seen
    epoch = run.recording.epoch.epoch
    engine.command(ME, run.run_id, "epoch")
    until(lambda: run.recording.epoch.epoch > epoch and run.recording.status == "paused")
    engine.command(ME, run.run_id, "change", learning_rate=1e-6)
    with pytest.raises(AecoreError, match="learning_rate"):
        engine.command(ME, run.run_id, "change", learning_rate=5.0)
    engine.command(ME, run.run_id, "resume")
    status(run, "training")
    engine.command(ME, run.run_id, "stop")
    status(run, "stopped", patience=5)
    assert engine.library.checkpoint(run.run_id).card.epochs_done >= epoch


def test_two_side_by_side(engine, submit):
    first, second = submit(), submit(spec=None, name="Another")
    until(lambda: first.worker and second.worker)
    assert first.worker != second.worker
    trained(first)
    trained(second)
    assert {r.run_id for r in engine.runs(ME)} >= {first.run_id, second.run_id}


@pytest.fixture
def full(engine, submit) -> Iterator[list[Run]]:
    """Workers with memory for one run each, and a run on each."""

    def give_room(size: float) -> None:
        from aecore.jobs.room import room

        room().budget = size

    engine.workers.client.run(give_room, 0)
    busy = [submit(), submit()]
    until(lambda: all(r.worker for r in busy))
    yield busy
    engine.workers.client.run(give_room, float("inf"))


def test_everybody_trains_at_once(engine, submit):
    """More people than workers, and none waits for another to end."""
    runs = [submit(owner=f"person {i}", name=f"Run {i}") for i in range(6)]
    for run in runs:
        until(lambda run=run: len(run.recording.probes) > 0)
    assert all(r.recording.live for r in runs)
    assert sorted(Counter(r.worker for r in runs).values()) == [3, 3]
    engine.command("person 0", runs[0].run_id, "pause")
    status(runs[0], "paused")
    for run in runs[1:]:
        before = len(run.recording.history)
        until(lambda run=run, before=before: len(run.recording.history) > before)
    assert runs[0].recording.status == "paused"


def test_a_waiting_run_can_be_stopped_and_only_that(engine, submit, full):
    busy, waiting = full, submit()
    assert engine.ahead_of(waiting) == 0
    with pytest.raises(JobError, match="has not begun yet"):
        engine.command(ME, waiting.run_id, "pause")
    with pytest.raises(JobError, match="runs under way"):
        submit()
    engine.command(ME, waiting.run_id, "stop")
    assert waiting.recording.status == "stopped"
    assert all(r.recording.live for r in busy)


@pytest.mark.parametrize("what", ["stop", "delete"])
def test_stopped_at_once_frees_its_worker(what, engine, submit):
    """Also when its worker had it already: nothing trains on unseen."""
    for _ in range(3):
        run = submit()
        if what == "stop":
            engine.command(ME, run.run_id, "stop")
            status(run, "stopped")
        else:
            engine.delete(ME, run.run_id)
    # Both workers are free for others.
    runs = [submit(), submit()]
    until(lambda: all(r.worker for r in runs))


def test_a_paused_run_frees_its_worker_when_nobody_wants_it(engine, submit):
    """Its app may be gone, or have been too slow for the answer to its stop."""
    paused = trained(submit())
    engine.command(ME, paused.run_id, "pause")
    status(paused, "paused")
    engine._books.withdraw(paused)
    runs = [submit(), submit()]
    until(lambda: all(r.worker for r in runs))


def test_resume_for_more_epochs(engine, submit):
    run = status(submit(SHORT), "finished")
    engine.resume(ME, run.run_id, more_epochs=2)
    status(run, "finished")
    assert [row["epoch"] for row in run.recording.history] == [1, 2, 3, 4, 5]
    assert engine.library.checkpoint(run.run_id).card.epochs_done == 5


def test_resumed_and_stopped_at_once_loses_nothing(engine, submit):
    """An epoch not finished after resuming leaves what was reached before."""
    run = status(submit(SHORT), "finished")
    engine.resume(ME, run.run_id, more_epochs=500)
    until(lambda: run.worker)
    engine.command(ME, run.run_id, "pause")
    engine.command(ME, run.run_id, "stop")
    status(run, "stopped")
    assert engine.library.checkpoint(run.run_id).card.epochs_done >= 3
    assert len(engine.library.checkpoint(run.run_id).card.history) >= 3


def test_divergence_comes_as_a_sentence(engine, submit, tiny_ae):
    spec = dataclasses.replace(tiny_ae, options={"hidden": (64, 64), "output": "linear"})
    run = status(submit(dataclasses.replace(LONG, learning_rate=1.0), spec=spec), "failed")
    assert "Try a learning rate" in run.recording.message
    assert engine.library.checkpoint(run.run_id).model is not None


def raised(engine, run, rate: float):
    """Let a run train well for some epochs, and then raise its learning rate."""
    until(lambda: run.saved_epoch >= 2)
    engine.command(ME, run.run_id, "change", learning_rate=rate)
    return run


def test_the_file_of_a_diverged_run_has_the_figures_of_its_weights(engine, submit, tiny_ae, digits):
    spec = dataclasses.replace(tiny_ae, options={"hidden": (32, 32), "output": "linear"})
    run = status(raised(engine, submit(LONG, spec=spec), 1.0), "failed")
    until(lambda: not engine._books.followers)
    found = engine.library.checkpoint(run.run_id)
    with torch.inference_mode():
        x = digits.test.batch()
        mse = float((found.model.reconstruct(x) - x).square().mean())
    assert found.card.metrics["test_mse"] == pytest.approx(mse, rel=1e-4)
    best = min(run.recording.history, key=lambda row: row["test_mse"])
    assert best["test_mse"] == found.card.metrics["test_mse"] == run.recording.newest["test_mse"]
    assert found.card.epochs_done == run.saved_epoch == best["epoch"]
    assert found.card.history[-1]["epoch"] == best["epoch"]
    assert f"after epoch {best['epoch']}, the best so far" in run.recording.message


def test_going_back_to_an_epoch_while_it_goes_wrong(engine, submit, tiny_ae):
    """Saturated sigmoids: the error stays far up, and nothing explodes."""
    run = raised(engine, submit(LONG, spec=tiny_ae), 0.9)
    recording = run.recording
    until(lambda: trouble(recording.probes, recording.history, 0.07, recording.changes))
    kept = engine.store.epochs(run)
    row = best_of(row for row in recording.history if row["epoch"] in kept)
    epoch, before = row["epoch"], kept[row["epoch"]].read_bytes()
    with pytest.raises(JobError, match="keeps no weights of epoch 999"):
        engine.go_back(ME, run.run_id, 999)
    with pytest.raises(JobError):
        engine.go_back(OTHER, run.run_id, epoch)
    engine.go_back(ME, run.run_id, epoch, learning_rate=2e-3)
    assert [r["epoch"] for r in recording.history] == list(range(1, epoch + 1))
    assert recording.changes == []
    assert recording.newest["test_mse"] == row["test_mse"]
    assert max(engine.store.epochs(run)) == epoch  # the files of what was lost are gone
    went_on = checkpoints.from_bytes(engine.store.content(run))
    for name, value in checkpoints.from_bytes(before).model.state_dict().items():
        assert torch.equal(value, went_on.model.state_dict()[name])
    until(lambda: len(recording.history) >= epoch + 2)
    assert [r["epoch"] for r in recording.history][: epoch + 2] == list(range(1, epoch + 3))
    assert run.config.learning_rate == 2e-3
    assert recording.history[epoch + 1]["test_mse"] < 1.2 * row["test_mse"]


def test_what_is_prepared_first_is_told(engine, submit):
    """Nobody has fitted PCA to so many examples yet; the worker's first word is no start."""
    run = status(submit(dataclasses.replace(SHORT, limit=777)), "finished")
    assert run.recording.preparing == "PCA of the training examples"
    assert run.recording.started is not None


# Whose it is


def test_others_can_watch_but_not_touch(engine, submit):
    run = trained(submit())
    assert engine.get(run.run_id) is run
    assert run not in engine.runs(OTHER)
    for touch in (
        lambda: engine.command(OTHER, run.run_id, "stop"),
        lambda: engine.command(OTHER, run.run_id, "change", learning_rate=0.1),
        lambda: engine.library.rename(OTHER, run.run_id, "Mine"),
        lambda: engine.delete(OTHER, run.run_id),
        lambda: engine.resume(OTHER, run.run_id),
    ):
        with pytest.raises(JobError, match="belongs to another browser"):
            touch()
    assert run.recording.live


@pytest.mark.parametrize("run_id", ["", "r000000000000", "../../etc/passwd", "x" * 5000])
def test_runs_that_are_not(run_id, engine):
    for call in (engine.get, engine.library.checkpoint, engine.library.download):
        with pytest.raises(JobError, match="There is no run") as caught:
            call(run_id)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"config": TrainConfig(epochs=0)}, "epochs"),
        ({"config": TrainConfig(learning_rate=float("nan"))}, "learning_rate"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"dataset": "mnist"}, "shape"),
        ({"name": " \n\t "}, "name"),
        ({"spec": ModelSpec("nothing", None, 2)}, "nothing"),
    ],
    ids=str,
)
def test_impossible_runs_are_refused_at_once(changes, word, engine, tiny_ae):
    given = {"name": "A", "spec": tiny_ae, "config": SHORT, "dataset": "digits"} | changes
    before = len(engine.runs(ME))
    with pytest.raises(AecoreError, match=word):
        engine.submit(ME, **given)
    assert len(engine.runs(ME)) == before


def test_steering_a_run_that_is_over(engine, submit):
    run = status(submit(SHORT), "finished")
    with pytest.raises(JobError, match="is over"):
        engine.command(ME, run.run_id, "pause")


# What is kept


def test_rename_download_upload_delete(engine, submit, digits):
    run = status(submit(SHORT), "finished")
    engine.library.rename(ME, run.run_id, "  A better\nname  ")
    assert run.name == "A bettername"
    content = engine.library.download(run.run_id)
    card = checkpoints.from_bytes(content).card
    assert card.name == "A bettername"

    again = engine.library.upload(OTHER, "ignored.safetensors", content)
    assert again.owner == OTHER
    assert again.name == "A bettername"
    assert [row["epoch"] for row in again.recording.history] == [1, 2, 3]
    x = digits.test.batch(slice(0, 5))
    one, two = (engine.library.checkpoint(r.run_id).model for r in (run, again))
    assert torch.equal(one.reconstruct(x), two.reconstruct(x))

    engine.resume(OTHER, again.run_id, more_epochs=1)
    assert status(again, "finished", "failed").recording.history[-1]["epoch"] == 4

    folder = engine.store.folder(run.run_id)
    assert folder.exists()
    engine.delete(ME, run.run_id)
    assert not folder.exists()
    with pytest.raises(JobError, match="There is no run"):
        engine.get(run.run_id)


def test_a_live_run_can_be_renamed_and_deleted(engine, submit):
    run = trained(submit())
    engine.library.rename(ME, run.run_id, "Renamed")
    assert checkpoints.from_bytes(engine.library.download(run.run_id)).card.name == "Renamed"
    folder = engine.store.folder(run.run_id)
    engine.delete(ME, run.run_id)
    assert run not in engine.runs(ME)
    # Its worker is free again, and nothing comes back of it.
    others = [submit(), submit()]
    until(lambda: all(r.worker for r in others))
    trained(others[0])
    assert not folder.exists()


def test_bad_uploads_leave_nothing(engine):
    before = len(engine.runs(ME))
    with pytest.raises(CheckpointError):
        engine.library.upload(ME, "x.safetensors", b"no checkpoint at all")
    assert len(engine.runs(ME)) == before


def test_no_model_yet(engine, submit, full):
    with pytest.raises(JobError, match="no model yet"):
        engine.library.download(submit().run_id)


def test_a_new_engine_finds_the_runs(engine, submit):
    done = status(submit(SHORT, name="Done"), "finished")
    live = trained(submit(name="Live"))
    until(lambda: (engine.store.folder(done.run_id) / "run.json").read_text().count("finished"))
    (engine.store.root / "r0123456789ab").mkdir(exist_ok=True)
    (engine.store.root / "r0123456789ab" / "run.json").write_text("{ damaged")
    engine.store.replica.end()  # as if this process were gone
    fresh = JobEngine(engine.store.root)
    try:
        found = fresh.get(done.run_id)
        assert (found.name, found.owner, found.recording.status) == ("Done 1", ME, "finished")
        assert found.config == SHORT
        assert [row["epoch"] for row in found.recording.history] == [1, 2, 3]
        assert len(found.recording.probes) == 3
        assert (
            fresh.library.checkpoint(done.run_id).card
            == engine.library.checkpoint(done.run_id).card
        )
        interrupted = fresh.get(live.run_id)
        assert interrupted.recording.status == "failed"
        assert "restarted" in interrupted.recording.message
        assert interrupted.has_model
        with pytest.raises(JobError, match="There is no run"):
            fresh.get("r0123456789ab")
    finally:
        fresh.close()
        engine.store.replica.begin()


def test_an_unwritable_folder_keeps_the_model_in_memory(engine, submit, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("here should be a folder")
    monkeypatch.setattr(engine.store, "root", tmp_path / "file")
    run = status(submit(SHORT), "finished")
    assert "could not be saved" in run.notice
    assert engine.library.checkpoint(run.run_id).card.epochs_done == 3
    assert checkpoints.from_bytes(engine.library.download(run.run_id)).card.epochs_done == 3
    engine.resume(ME, run.run_id, more_epochs=1)
    assert status(run, "finished").recording.history[-1]["epoch"] == 4


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    engine = JobEngine(tmp_path / "file")
    assert engine.runs(ME) == []
    engine.close()


def test_no_cluster_at_the_address(tmp_path, tiny_ae, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(
        distributed, "Client", lambda *a, **given: client(*a, **given | {"timeout": "0.5s"})
    )
    engine = JobEngine(tmp_path, "tcp://127.0.0.1:1")
    try:
        with pytest.raises(JobError, match="No Dask scheduler answers"):
            engine.submit(ME, "A", tiny_ae, SHORT, "digits")
    finally:
        engine.close()
