"""Run folders that are damaged, cut short, too new or nested: nothing vanishes without a word."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aecore.jobs.engine import JobEngine
from aecore.jobs.handing import to_resume
from aecore.models import build
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.found import read_run
from aecore.runs.store import Run, RunStore, new_run_id
from aecore.types import TrainConfig

ME = "0" * 64


@pytest.fixture
def folder(tmp_path, tiny_ae) -> Path:
    """The folder of a run of three epochs, beside that of another."""
    store = RunStore(tmp_path)
    for name in ("Other", "A run"):
        run = Run(new_run_id(), ME, name, tiny_ae, TrainConfig(epochs=5), "digits")
        run.recording.status = "stopped"
        store.add(run)
        for epoch in (1, 2, 3):
            history = [{"epoch": n, "images_seen": 9 * n, "test_mse": 0.1} for n in range(1, epoch)]
            history.append({"epoch": epoch, "images_seen": 9 * epoch, "test_mse": 0.1})
            figures = {"test_mse": 0.1}
            card = Card(
                name,
                tiny_ae,
                run.config,
                "digits",
                "",
                epoch,
                9 * epoch,
                metrics=figures,
                history=history,
            )
            store.take_in(run, checkpoints.to_bytes(build(tiny_ae, epoch), card), epoch)
    return store.folder(run.run_id)


def cut(name: str, share: float = 0.5) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return damage


def replaced(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def said(**changes) -> Callable[[Path], None]:
    """Other words in run.json; 1e999 for infinity."""

    def damage(folder: Path) -> None:
        facts = json.loads((folder / "run.json").read_text()) | changes
        text = json.dumps(facts).replace("Infinity", "1e999")
        (folder / "run.json").write_text(text)

    return damage


def pipe(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def directory(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def nested(folder: Path) -> None:
    shutil.copytree(folder, folder / "inner")
    (folder / "inner").rename(folder / folder.name)
    for path in folder.iterdir():
        if path.name != folder.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def all_of(*damages: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda folder: [damage(folder) for damage in damages] and None


MODEL, EPOCHS = "model.safetensors", [f"epochs/00000{n}.safetensors" for n in (1, 2, 3)]
DEEP = b"[" * 200_000
DEEP_CARD = json.dumps({"__metadata__": {"aecore_card": "[" * 5000}}).encode()


@pytest.mark.parametrize(
    ("damage", "epochs", "words"),
    [
        (cut("run.json"), 3, "run.json is damaged"),
        (cut("run.json", 0.2), 3, "run.json is damaged"),
        (said(format=3), 3, "newer version"),
        (said(config={"epochs": 5, "from_the_future": 1}), 3, "from_the_future"),
        (said(spec={"family": "from-the-future", "data": {"shape": [4]}, "latent_dim": 1}), 3, ""),
        (said(spec=7), 3, "describes no possible run"),
        (said(kind="teapot"), 3, "teapot"),
        (said(name=["no", "text"]), 3, "no readable name"),
        (said(message="x" * 10_000), 3, "no readable message"),
        (said(created=float("inf"), status="pondering", watch="../.."), 3, None),
        (said(created=-1, kind="damaged"), 3, None),
        (cut(MODEL), 3, "ends before its weights"),
        (cut(MODEL, 0.01), 3, "no"),
        (directory(MODEL), 3, "is no file"),
        (pipe(MODEL), 3, "is no file"),
        (replaced(MODEL, len(DEEP_CARD).to_bytes(8, "little") + DEEP_CARD), 3, "checkpoints"),
        (replaced(MODEL, len(DEEP).to_bytes(8, "little") + b"{" + DEEP), 3, ""),
        (all_of(cut(MODEL), cut(EPOCHS[2])), 2, "as it was after epoch 2"),
        (all_of(cut(MODEL), cut(EPOCHS[2]), replaced(EPOCHS[1], b"")), 1, "after epoch 1"),
        (all_of(cut("run.json"), cut(MODEL)), 3, "run.json is damaged"),
        (all_of(cut(MODEL), *map(cut, EPOCHS)), 0, "No epoch of it can be had"),
        (all_of(cut("run.json"), cut(MODEL), *map(cut, EPOCHS)), 0, "No epoch of it can be had"),
    ],
)
def test_what_is_left_is_listed_with_what_is_wrong(damage, epochs, words, folder):
    """For its owner, with the newest epoch that can be had, from which it can be resumed."""
    damage(folder)
    engine = JobEngine(folder.parent)
    assert {run.run_id for run in engine.runs(ME)} == {p.name for p in folder.parent.glob("r*")}
    run = engine.get(folder.name)
    assert (run.saved_epoch, run.has_model) == (epochs, epochs > 0)
    assert [row["epoch"] for row in run.recording.history] == list(range(1, epochs + 1))
    assert not run.recording.live
    assert engine.store.size(run) >= 0
    if words is None:  # a value that can be told otherwise
        assert run.notice == ""
    else:
        assert words in run.notice
        assert len(engine.store.troubles) == 1
        assert folder.name in engine.store.troubles[0]
    if epochs:
        assert engine.library.checkpoint(run.run_id).card.epochs_done == epochs
        card, found = to_resume(engine.store, run, here=True)
        read = checkpoints.from_bytes if isinstance(found, bytes) else checkpoints.load
        assert read(found).card.epochs_done == epochs
        assert [row["epoch"] for row in card.history] == list(range(1, epochs + 1))
    elif run.kind == "damaged":
        assert run.recording.message == run.notice
    engine.delete(ME, run.run_id)
    assert not folder.exists()
    engine.close()


@pytest.mark.parametrize(
    "damage",
    [
        replaced("run.json", b"{ damaged"),
        replaced("run.json", DEEP),
        replaced("run.json", b'"' + b"x" * (3 << 20)),
        said(owner=None),
        said(owner=["0" * 64] * 1000),
        pipe("run.json"),
        directory("run.json"),
        nested,
    ],
)
def test_whose_owner_is_unknown_stays_and_is_told(damage, folder):
    """Nobody sees it; the server's log says where it lies, and start-up goes on."""
    damage(folder)
    before = sorted(p.name for p in folder.rglob("*"))
    store = RunStore(folder.parent)
    assert [run.name for run in store.owned_by(ME)] == ["Other"]
    assert folder.name not in store.runs
    assert len(store.troubles) == 1
    assert str(folder) in store.troubles[0]
    assert ("move its files up" in store.troubles[0]) == (damage is nested)
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_whatever_bytes_a_folder_holds_it_is_read(folder):
    """A thousand damages at random: bytes changed, files cut, values of other types."""
    chance = random.Random(0)
    whole = {name: (folder / name).read_bytes() for name in ("run.json", MODEL, EPOCHS[2])}
    odd = ["7", "null", "[]", "{}", "1e999", '"x"', "-1", "[[[[]]]]", '"\\ud800"', "1" * 5000]
    for turn in range(1000):
        name = chance.choice(list(whole))
        content = bytearray(whole[name])
        if name == "run.json" and turn % 2:
            facts = json.loads(whole[name])
            place = chance.choice([facts, facts["spec"], facts["spec"]["data"], facts["config"]])
            place[chance.choice(list(place))] = "ODD"
            content = json.dumps(facts).replace('"ODD"', chance.choice(odd)).encode()
        elif turn % 5:
            for _ in range(chance.randint(1, 8)):
                content[chance.randrange(min(len(content), 2000))] = chance.randrange(256)
        else:
            del content[chance.randrange(len(content)) :]
        (folder / name).write_bytes(content)
        run, trouble = read_run(folder)
        assert run is not None or str(folder) in trouble
        (folder / name).write_bytes(whole[name])
