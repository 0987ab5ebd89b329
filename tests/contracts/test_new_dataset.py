"""One file adds a dataset: it is found wherever datasets are, with no other file touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import test_datasets as contract
from streamlit.testing.v1 import AppTest

from aecore import datasets
from aecore.cli import main
from aecore.datasets.registry import FOLDERS_VARIABLE, look_again
from aecore.errors import ConfigError, UnknownNameError
from aecore.jobs.engine import JobEngine
from aecore.models.presets import PRESETS
from aecore.runs import checkpoints
from aecore.types import TrainConfig
from pages.shell.plain_text import plain

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).with_name("newcomers") / "datasets"
NAME = "newcomer-ramps"
RAMPS = FOLDER / "newcomer_ramps.py"
QUICK = ["--preset", "fast-start", "--epochs", "1", "--latent-dim", "2", "--device", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def newcomer():
    """The folder of the one file is on the registry's path, here and in worker processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDERS_VARIABLE, str(FOLDER))
        look_again()
        yield
    look_again()
    with pytest.raises(UnknownNameError):
        datasets.source(NAME)


@pytest.fixture
def data() -> datasets.Dataset:
    return datasets.load(NAME)


# The contract that every dataset keeps, over the newcomer.
CONTRACT = [
    contract.test_splits_are_what_the_spec_says,
    contract.test_a_table_is_standardised_and_can_be_undone,
    contract.test_the_range_of_values_holds_nearly_all_of_them,
    contract.test_a_batch_is_a_copy,
    contract.test_labels_cover_the_classes,
    contract.test_one_copy_a_process,
    contract.test_fingerprint_is_stable_and_sees_a_single_pixel,
    contract.test_limited_takes_the_first_and_leaves_the_held_out,
    contract.test_nothing_held_out_is_trained_on,
]


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda test: test.__name__)
def test_it_keeps_the_contract(promise, data):
    promise(data)


def test_the_command_line_lists_it(capsys):
    main(["datasets", "--json"])
    assert NAME in [found["name"] for found in json.loads(capsys.readouterr().out)]


def test_it_is_trained_on_and_inspected_in_a_process_of_its_own(tmp_path, data):
    out = tmp_path / "ramps.safetensors"
    for arguments in (
        ["train", *QUICK, "--dataset", NAME, "--out", str(out)],
        ["inspect", str(out), "--json"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "aecore", *arguments],
            cwd=ROOT,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    card = checkpoints.load(out).card
    assert (card.dataset, card.fingerprint) == (NAME, data.fingerprint)
    assert json.loads(done.stdout)["dataset_is_the_same"]


def test_a_worker_trains_on_it(tmp_path, data):
    engine = JobEngine(tmp_path)
    try:
        spec = PRESETS["fast-start"].spec(data.spec)
        run = engine.submit("anna", "Ramps", spec, TrainConfig(epochs=1, device="cpu"), NAME)
        end = time.monotonic() + 200
        while run.recording.live and time.monotonic() < end:
            time.sleep(0.02)
        assert run.recording.status == "finished", run.recording.message
        assert run.recording.card("Ramps", run.spec, run.config, data).epochs_done == 1
    finally:
        engine.close()


@pytest.mark.parametrize("page", ["data", "train"])
def test_the_app_offers_it(page):
    app = AppTest.from_file("../../app.py", default_timeout=90).run()
    app.switch_page(f"pages/{page}/{page}.py")
    app.query_params["dataset"] = NAME
    app.run()
    assert not app.exception
    assert not app.error
    if page == "data":
        assert app.subheader[0].value == plain("Ramps (generated)")
        assert app.metric[0].value == "400"
    else:
        assert app.selectbox[0].value == NAME


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("wine.py", "", "two files wine.py"),
        ("empty.py", "", "names no SOURCE"),
        (
            "again.py",
            (FOLDER / "newcomer_ramps.py").read_text().replace('"newcomer-ramps"', '"mnist"'),
            "'mnist'",
        ),
    ],
)
def test_what_is_no_dataset_is_one_sentence(name, content, said, tmp_path, monkeypatch):
    (tmp_path / name).write_text(content)
    shutil.copy(FOLDER / "newcomer_ramps.py", tmp_path)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    look_again()
    with pytest.raises(ConfigError, match=said):
        datasets.all_sources()
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="no folder"):
        datasets.all_sources()
    monkeypatch.undo()
    look_again()
    sys.modules.pop("aecore.datasets.sources.again", None)
    assert NAME in datasets.all_sources()
