"""Kept models without any worker: weights are serialised once, and parsed where one is needed."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from aecore.errors import CheckpointError, JobError
from aecore.models import build
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.library import Library
from aecore.runs.store import Run, RunStore, new_run_id
from aecore.types import TrainConfig

ME = "me"


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(RunStore(tmp_path))


@pytest.fixture
def run(library, tiny_ae) -> Run:
    made = Run(new_run_id(), ME, "A run", tiny_ae, TrainConfig(), "digits")
    library.store.add(made)
    return made


def after(epoch: int, run: Run) -> bytes:
    """What a worker sends after an epoch, with Adam's memory."""
    model = build(run.spec, seed=epoch)
    history = [{"epoch": n, "images_seen": n * 100, "test_mse": 0.1} for n in range(1, epoch + 1)]
    card = Card("A run", run.spec, run.config, "digits", "abc", epoch, history=history)
    memory = {
        i: {"step": torch.tensor(float(epoch)), "exp_avg": p * 0, "exp_avg_sq": p * 0}
        for i, p in enumerate(model.parameters())
    }
    return checkpoints.to_bytes(model, card, {"state": memory})


def test_a_worker_serialises_and_only_a_reader_parses(library, run, monkeypatch):
    """Taking in, looking back, renaming and taking home touch no tensor."""
    one, two = after(1, run), after(2, run)
    with monkeypatch.context() as patch:
        for name in ("load_tensors", "save_tensors", "build"):
            patch.setattr(checkpoints, name, lambda *_, **__: pytest.fail("a model was made"))
        library.store.take_in(run, one, 1)
        library.store.take_in(run, two, 2)
        assert library.store.content(run) == two  # as it came
        assert library.epochs(run.run_id) == [1, 2]
        run.recording.status = "finished"
        library.rename(ME, run.run_id, "Renamed")
        home = library.download(run.run_id)
    for epoch, sent in ((1, one), (2, two)):
        found, expected = library.at_epoch(run.run_id, epoch), checkpoints.from_bytes(sent)
        assert found.optimizer is None
        assert found.card == dataclasses.replace(expected.card, history=[])
        for name, value in expected.model.state_dict().items():
            assert torch.equal(found.model.state_dict()[name], value)
    newest = library.checkpoint(run.run_id)
    assert newest.optimizer is not None
    assert newest.card.name == "Renamed"
    assert len(newest.card.history) == 2
    assert home == checkpoints.to_bytes(newest.model, newest.card)


def test_the_same_checkpoint_again_changes_nothing(library, run):
    """The last epoch comes twice: whoever holds its model need not read it anew."""
    library.store.take_in(run, after(1, run), 1)
    path = library.store.folder(run.run_id) / "model.safetensors"
    before = path.stat().st_mtime_ns
    library.store.take_in(run, after(1, run), 1)
    assert (run.saved, path.stat().st_mtime_ns) == (1, before)
    library.store.take_in(run, after(2, run), 2)
    library.store.take_in(run, after(1, run), 1)
    assert run.saved == 3


def test_an_epoch_that_is_not_kept(library, run):
    library.store.take_in(run, after(1, run), 1)
    with pytest.raises(JobError, match="no weights of epoch 7"):
        library.at_epoch(run.run_id, 7)
    with pytest.raises(JobError, match="There is no run"):
        library.at_epoch("r" + "f" * 12, 1)


def test_brought_and_read_anew(library, run):
    content = after(2, run)
    brought = library.upload("somebody else", "file.safetensors", content)
    assert (brought.kind, brought.name, brought.saved) == ("upload", "A run", 1)
    assert [row["epoch"] for row in brought.recording.history] == [1, 2]
    again = library.reread("somebody else", brought.run_id, after(1, run))
    assert again is brought
    assert library.checkpoint(brought.run_id).card.epochs_done == 1
    with pytest.raises(JobError, match="trained here"):
        library.reread(ME, run.run_id, content)
    with pytest.raises(JobError, match="belongs to another browser"):
        library.rename(ME, brought.run_id, "Mine")
    with pytest.raises(JobError, match="name"):
        library.rename("somebody else", brought.run_id, " \n\u200b")
    with pytest.raises(CheckpointError):
        library.upload(ME, "x.safetensors", content[:100])
    assert set(library.store.runs) == {run.run_id, brought.run_id}
