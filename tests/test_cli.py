"""The command line: one JSON value out, one sentence and status 2 for a mistake."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from aecore import datasets
from aecore.cli import main
from aecore.datasets import registry
from aecore.datasets.own import reading
from aecore.errors import DatasetError
from aecore.lab.coding_curves import Part, coded
from aecore.runs import checkpoints

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"test_mse", "pca_test_mse", "seconds_to_beat_pca", "images_per_second", "seconds"}
VAE_KEYS = {"test_nelbo", "test_reconstruction", "test_kl", "test_active_units"}
QUICK = ["--dataset", "digits", "--epochs", "2", "--latent-dim", "3", "--device", "cpu"]


@pytest.fixture
def aecore(capsys):
    """Run a command in this process; gives its JSON value."""

    def call(*arguments: str):
        main([*arguments, "--json"])
        out = capsys.readouterr()
        assert out.out.count("\n") == 1
        return json.loads(out.out)

    return call


@pytest.fixture
def mistake(capsys):
    """Run a command that ends with status 2; gives its sentence."""

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        out = capsys.readouterr()
        assert ended.value.code == 2
        assert out.out == ""
        assert "Traceback" not in out.err
        last = out.err.strip().splitlines()[-1]
        assert last.startswith("aecore")
        assert len(last) < 500
        return last

    return call


def test_datasets(aecore):
    found = {d["name"]: d for d in aecore("datasets")}
    assert found["mnist"]["shape"] == [1, 28, 28]
    assert "CC BY-SA 3.0" in found["mnist"]["licence"]
    assert "digits" in found


def test_datasets_say_what_is_generated_and_what_is_here(aecore, tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    found = {d["name"]: d for d in aecore("datasets")}
    assert found["shapes"]["generated"] is True
    assert found["mnist"]["generated"] is False
    assert (found["wine"]["ready"], found["wine"]["megabytes"]) == (True, 0)
    assert (found["usps"]["ready"], found["usps"]["megabytes"]) == (False, 8.4)


@pytest.fixture
def to_fetch(monkeypatch):
    """A registered dataset whose download is a counter; what it raises is the test's choice."""
    here, raised = [], []

    def fetch(progress):
        for done in range(0, 1_000_001, 10_000):
            progress(done, 1_000_000)
        if raised:
            raise raised[0]
        here.append(True)

    source = dataclasses.replace(
        datasets.source("usps"), fetch=fetch, ready=lambda: bool(here), megabytes=1
    )
    monkeypatch.setitem(registry._sources, "usps", source)
    return raised


def test_fetch(to_fetch, capsys):
    main(["datasets", "--fetch", "usps", "--json"])
    out = capsys.readouterr()
    (found,) = json.loads(out.out)
    assert (found["name"], found["ready"]) == ("usps", True)
    assert out.err.count("\n") == 12  # a line each tenth, and an empty one
    assert "1.0 of 1.0 MB" in out.err


def test_fetch_of_what_is_here_and_mistakes(to_fetch, capsys, mistake):
    main(["datasets", "--fetch", "mnist", "--json"])
    assert "no download" in capsys.readouterr().err
    assert "mnist" in mistake("datasets", "--fetch", "minst")
    to_fetch.append(DatasetError("The download did not succeed."))
    assert "did not succeed" in mistake("datasets", "--fetch", "usps")


def test_training_on_what_is_not_here_says_how_to_get_it(mistake, tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    said = mistake("train", "--preset", "fast-start", "--dataset", "usps")
    assert said.removeprefix("aecore: ") == datasets.source("usps").how_to_get()
    assert "own-" in mistake("train", "--preset", "fast-start", "--dataset", "own-000000000000")


@pytest.mark.parametrize("dataset", ["wine", "signals", "shapes"])
def test_training_on_other_kinds(dataset, aecore):
    few = ["--limit", "60", "--epochs", "1", "--device", "cpu"]
    result = aecore("train", "--preset", "fast-start", "--dataset", dataset, *few)
    assert set(result) >= KEYS
    assert result["dataset"] == dataset


def test_training_on_own_data(aecore, tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    rows = "\n".join(f"{i},{i % 7},{i * i % 11}" for i in range(60))
    name = reading.keep(reading.own_folder(), reading.read_upload("t.csv", rows.encode()))
    few = ["--epochs", "1", "--latent-dim", "2", "--device", "cpu"]
    result = aecore("train", "--preset", "fast-start", "--dataset", name, *few)
    assert result["dataset"] == name


def test_presets(aecore):
    found = {p["name"]: p for p in aecore("presets")}
    names = "first-ae deep-ae-3 deep-ae-32 vae-32 vae-plane vae-textbook fast-start"
    assert set(names.split()) <= set(found)
    assert found["vae-plane"]["latent_dim"] == 2
    assert all(p["about"] for p in found.values())


def test_train_and_inspect(aecore, tmp_path):
    out = tmp_path / "new" / "model.safetensors"
    result = aecore("train", "--preset", "vae-plane", *QUICK, "--seed", "1", "--out", str(out))
    assert set(result) >= KEYS | VAE_KEYS
    nelbo = result["test_reconstruction"] + result["test_kl"]
    assert result["test_nelbo"] == pytest.approx(nelbo)
    assert (result["latent_dim"], result["epochs"]) == (3, 2)
    found = aecore("inspect", str(out))
    assert found["card"]["config"]["seed"] == 1
    assert found["dataset_is_the_same"] is True
    for name, value in found["held_out"].items():
        assert result[name] == pytest.approx(value, rel=1e-5)
        assert found["card"]["metrics"][name] == pytest.approx(value, rel=1e-5)


def test_same_seed_same_numbers(aecore):
    runs = [
        aecore("train", "--preset", "fast-start", *QUICK, "--limit", "300", "--seed", seed)
        for seed in ("5", "5", "6")
    ]
    assert set(runs[0]) >= KEYS
    assert "test_nelbo" not in runs[0]
    assert runs[0]["test_mse"] == runs[1]["test_mse"] != runs[2]["test_mse"]


def test_never_passing_pca_is_null(aecore):
    few = ["--limit", "60", "--epochs", "1", "--learning-rate", "1e-6"]
    result = aecore("train", "--preset", "fast-start", *QUICK, *few)
    assert result["seconds_to_beat_pca"] is None


def test_pca_is_a_preset(aecore):
    result = aecore("train", "--preset", "pca", *QUICK)
    assert result["test_mse"] == pytest.approx(result["pca_test_mse"], rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--preset", "vae-plain"], "vae-plane"),
        (["--dataset", "minst"], "mnist"),
        (["--latent-dim", "0"], "latent_dim"),
        (["--latent-dim", "-4"], "latent_dim"),
        (["--latent-dim", "100000"], "latent_dim"),
        (["--latent-dim", "two"], "latent-dim"),
        (["--epochs", "0"], "epochs"),
        (["--epochs", "99999999"], "epochs"),
        (["--epochs", "1.5"], "epochs"),
        (["--batch-size", "0"], "batch_size"),
        (["--learning-rate", "0"], "learning_rate"),
        (["--learning-rate", "nan"], "learning_rate"),
        (["--learning-rate", "1e300"], "learning_rate"),
        (["--beta", "-1"], "beta"),
        (["--kl-warmup-epochs", "inf"], "kl_warmup_epochs"),
        (["--free-bits", "-1"], "free_bits"),
        (["--limit", "-5"], "limit"),
        (["--limit", "1"], "at least 2"),
        (["--seed", "-1"], "seed"),
        (["--device", "tpu"], "device"),
        (["--out", "/"], "folder"),
        (["--out", "."], "folder"),
        (["--out", "/dev/null/model.safetensors"], "could not be saved"),
        (["--out", "x" * 300], "could not be saved"),
        (["--nonsense"], "nonsense"),
    ],
    ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else None,
)
def test_mistakes_in_train(arguments, word, mistake):
    assert word in mistake("train", "--preset", "vae-plane", *QUICK, *arguments)


def test_out_is_checked_before_the_training(mistake, tmp_path, monkeypatch):
    monkeypatch.setattr("aecore.cli.training.train", lambda *_, **__: pytest.fail("it trained"))
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for out in ("file/model.safetensors", "folder"):
        mistake("train", "--preset", "vae-plane", *QUICK, "--out", str(tmp_path / out))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_divergence_is_a_mistake_too(mistake):
    wild = ["--learning-rate", "1", "--epochs", "20"]
    assert "learning rate" in mistake("train", "--preset", "first-ae", *QUICK, *wild)


def test_mistakes_in_inspect(mistake, tmp_path, mnist):
    assert "could not be read" in mistake("inspect", str(tmp_path / "missing"))
    (tmp_path / "text").write_text("hello, I am no model")
    assert "holds no weights" in mistake("inspect", str(tmp_path / "text"))
    # A card that names other data than its model takes.
    found = checkpoints.load(checkpoints.shipped()["vae-plane"])
    for dataset, word in (("digits", "shape"), ("nowhere", "nowhere")):
        card = dataclasses.replace(found.card, dataset=dataset)
        path = checkpoints.save(tmp_path / dataset, found.model, card)
        assert word in mistake("inspect", str(path))


def test_no_command_at_all(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def test_as_a_program_from_another_folder(tmp_path):
    """JSON alone on standard output, the progress bar on standard error."""
    command = [sys.executable, "-m", "aecore", "train", "--preset", "fast-start", *QUICK, "--json"]
    done = subprocess.run(
        [*command, "--out", "model.safetensors"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) >= KEYS
    assert "[####" in done.stderr
    assert "epoch 2/2" in done.stderr
    assert checkpoints.load(tmp_path / "model.safetensors").card.epochs_done == 2


def test_a_compressed_file_is_read_back(aecore, mistake, tmp_path):
    known = checkpoints.load(checkpoints.shipped()["first-ae"])
    data = datasets.load("mnist")
    *_, last = coded(Part.of(data, known.model, 1000, 50, 0.02), known.model)
    file, model = tmp_path / "compressed.safetensors", str(checkpoints.shipped()["first-ae"])
    file.write_bytes(last.values["file"].tobytes())
    found = aecore("read-back", str(file), "--model", model)
    assert found["examples"] == 50
    assert found["bytes"] == file.stat().st_size
    assert found["mse_held_out"] == pytest.approx(last.values["file_error"], rel=1e-4)
    assert "mse_held_out" not in aecore(
        "read-back", str(file), "--model", model, "--dataset", "digits"
    )
    other = str(checkpoints.shipped()["conv-ae"])
    assert "another model" in mistake("read-back", str(file), "--model", other)
    file.write_bytes(b"no file")
    assert "no file of compressed examples" in mistake("read-back", str(file), "--model", model)
    missing = str(tmp_path / "missing")
    assert "cannot be read" in mistake("read-back", missing, "--model", model)
