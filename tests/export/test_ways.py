"""Every way out of every family: checkpoint, explorer and figures opened again; the registry."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from aecore import datasets
from aecore.cli import main
from aecore.errors import AecoreError, ExportError
from aecore.export import explorer_file, subject
from aecore.export.csv_tables import csv_text, history_columns
from aecore.export.explorer_file import unpacked
from aecore.export.registry import all_ways, take_out
from aecore.export.subject import TOLERANCE, Outputs, Subject
from aecore.pad import export_network, export_pair
from aecore.pad.replay import replay
from aecore.runs import checkpoints
from tests.export.subjects import FAMILIES, subject_of


def told(made: Subject) -> Subject:
    """A conditional model told a label, another as it is."""
    model = made.model.given(1) if made.model.conditional else made.model
    return Subject(model, made.card, made.data)


@pytest.mark.parametrize("family", FAMILIES)
def test_checkpoint_explorer_and_figures(family, digits):
    whole = subject_of(family, digits)
    checkpoint = take_out(whole, "checkpoint")
    assert checkpoint.difference == 0
    assert checkpoint.file_name.endswith(".safetensors")
    assert checkpoints.from_bytes(checkpoint.content).card == whole.card
    explorer = take_out(told(whole), "explorer")
    assert explorer.difference <= TOLERANCE
    figures = take_out(whole, "figures")
    assert figures.difference <= TOLERANCE
    head, *rows = csv.reader(io.StringIO(figures.parts["held_out_errors.csv"].decode()))
    assert len(rows) == len(digits.test)
    assert all("(" in name for name in head[2:])  # each with its unit
    x = digits.test.batch()
    labels = digits.test.labels if whole.model.conditional else None
    with torch.no_grad():
        mse = (whole.model.reconstruct(x, labels) - x).square().flatten(1).mean(1)
    found = [float(row[head.index("mse (squared error per value)")]) for row in rows]
    np.testing.assert_allclose(found, mse, rtol=1e-4, atol=1e-6)
    assert ("prior_samples.png" in figures.parts) == whole.model.variational
    with Image.open(io.BytesIO(figures.parts["reconstructions.png"])) as picture:
        assert picture.height < picture.width


@pytest.mark.parametrize("name", ["wine", "signals"])
def test_tables_and_signals_leave_too(name):
    data = datasets.load(name)
    made = subject_of("dense-ae", data)
    assert not [n for n in take_out(made, "figures").parts if n.endswith(".png")]
    assert take_out(made, "explorer").difference <= TOLERANCE


@pytest.mark.parametrize("case", ["described layers", "tied", "batch norm", "conv-ae", "around"])
def test_replay_runs_what_the_browser_runs(case, digits):
    made = subject_of(case, digits)
    encoder, decoder = made.model.encoder_network(), made.model.decoder_network()
    if case == "described layers":  # the browser has no GroupNorm
        decoder = torch.nn.Sequential(*decoder[0][:5], torch.nn.Flatten(), torch.nn.Linear(128, 64))
        decoder.append(torch.nn.Unflatten(1, (1, 8, 8)))
    network = export_pair(
        encoder, decoder, shape=(1, 8, 8), latent_dim=3, variational=made.model.variational
    )
    with torch.no_grad():
        for part, module, x in (
            ("encoder", encoder, made.x),
            ("decoder", decoder, made.x[:, 0, 0, :3]),
        ):
            found = replay(network.meta[part], network.weights, x)
            torch.testing.assert_close(found, module(x).flatten(1), rtol=1e-5, atol=1e-5)


def test_a_wrong_explorer_is_refused(digits, monkeypatch):
    made = subject_of("dense-ae", digits)
    right = explorer_file.export_network

    def wrong(model):
        network = right(model)
        return dataclasses.replace(network, weights=network.weights * 1.001)

    monkeypatch.setattr(explorer_file, "export_network", wrong)
    with pytest.raises(ExportError, match="refused"):
        take_out(made, "explorer")


def test_the_files_arrays_are_the_networks(digits):
    made = subject_of("conv-vae", digits)
    page = take_out(made, "explorer").content.decode()
    weights = export_network(made.model).weights
    np.testing.assert_array_equal(unpacked(page)["w"], weights)


def test_a_large_explorer_is_rounded_and_says_by_how_much(digits, monkeypatch):
    made = subject_of("dense-ae", digits)
    whole = take_out(made, "explorer")
    monkeypatch.setattr(explorer_file, "LARGEST", len(whole.content) - 1)
    rounded = take_out(made, "explorer")
    assert len(rounded.content) < len(whole.content)
    assert "rounded to 16 bits" in rounded.checked
    assert "rounded" not in whole.checked
    assert "half precision, so that" in rounded.content.decode()
    weights = export_network(made.model).weights
    np.testing.assert_array_equal(
        unpacked(rounded.content.decode())["w"], weights.astype("f2").astype("f4")
    )
    assert TOLERANCE < rounded.difference < explorer_file.ROUNDED
    # Rounding that would be seen is not done.
    monkeypatch.setattr(explorer_file, "ROUNDED", 1e-9)
    assert take_out(made, "explorer").content == whole.content


@pytest.mark.parametrize("name", ["k-sparse", "vae-textbook", "conv-denoising"])
def test_shipped_explorers_can_be_sent_by_mail(name):
    found = checkpoints.load(checkpoints.SHIPPED / f"{name}.safetensors")
    made = Subject(found.model, found.card, datasets.load(found.card.dataset))
    assert len(take_out(made, "explorer").content) <= 3_000_000


def test_conditional_explorer_needs_a_label(digits):
    with pytest.raises(ExportError, match="label"):
        take_out(subject_of("conditional-vae", digits), "explorer")


def test_compare_sees_every_kind_of_difference():
    ones = np.ones((3, 2), np.float32)
    right = Outputs(ones, None, 100 * ones)
    assert subject.compare(Outputs(ones, None, 100 * ones + 5e-4), right, "It") < 1e-5
    wrong = [
        Outputs(ones + 2e-5, None, 100 * ones),
        Outputs(ones, ones, 100 * ones),
        Outputs(ones[:2], None, 100 * ones),
        Outputs(ones * np.nan, None, 100 * ones),
    ]
    for other in wrong:
        with pytest.raises(ExportError, match="refused"):
            subject.compare(other, right, "It")
    with pytest.raises(ExportError, match="not numbers"):
        subject.compare(right, Outputs(ones, None, ones * np.inf), "It")


def test_unknown_way(digits):
    with pytest.raises(AecoreError, match="notebook"):
        take_out(subject_of("dense-ae", digits), "paper")


def test_csv_is_what_a_spreadsheet_reads():
    columns = {"a": ["=1+1", "b,c"], "b (nats)": np.array([np.nan, 1.5], np.float32)}
    rows = list(csv.reader(io.StringIO(csv_text(columns))))
    assert rows == [["a", "b (nats)"], ["'=1+1", ""], ["b,c", "1.5"]]
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", " =1", "\t=x", "\r\n+x", "fine", ""]
    head, *_ = csv.reader(io.StringIO(csv_text({name: [1.0] for name in names})))
    assert head[:5] == [f"'{name}" for name in names[:5]]
    assert head[5:] == ["' =x", "'  +x", "fine", ""]
    history = history_columns([{"epoch": 1}, {"epoch": 2, "test_kl": 3.0}])
    assert history == {"epoch": [1, 2], "test_kl (nats per example)": [None, 3.0]}


def test_every_way_says_what_it_is_and_who_wants_it():
    for way in all_ways().values():
        assert way.about.endswith(".")
        assert way.wanted_by.startswith("For ")


def test_command_line(tmp_path, digits, capsys):
    made = subject_of("conditional-vae", digits)
    file = checkpoints.save(tmp_path / "m.safetensors", made.model, made.card)
    out = tmp_path / "m.zip"
    main(["export", str(file), "--to", "figures", "--out", str(out), "--json"])
    assert json.loads(capsys.readouterr().out)["files"] == [str(out)]
    main(["export", str(file), "--to", "explorer", "--label", "2", "--out", str(tmp_path)])
    assert (tmp_path / "explorer.html").exists()
    for wrong in (["--to", "paper"], ["--to", "explorer"], ["--to", "explorer", "--label", "10"]):
        with pytest.raises(SystemExit) as ended:
            main(["export", str(file), *wrong, "--out", str(out)])
        assert ended.value.code == 2
        assert "Traceback" not in capsys.readouterr().err
