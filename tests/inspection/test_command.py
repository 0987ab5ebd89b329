"""`aecore inspect` with data that nobody knows but the person who brings them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from aecore import datasets
from aecore.cli import main
from aecore.datasets.own.reading import from_file
from aecore.models import build
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.types import ModelSpec, TrainConfig


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Half of the digits, as somebody's own arrays."""
    digits = datasets.load("digits").train
    path = tmp_path_factory.mktemp("own") / "mine.npz"
    np.savez(path, x=digits.x[:700].numpy(), y=digits.labels[:700].numpy())
    return path


def inspected(capsys, *arguments: str) -> dict:
    main(["inspect", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", *arguments])
    assert ended.value.code not in (0, None)
    return capsys.readouterr().err


def test_a_strangers_file_with_own_data(own, tmp_path, capsys):
    data = from_file(own)
    size = data.spec.size
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Linear(size, 48), nn.Tanh(), nn.Linear(48, 6)),
        *(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, size), nn.Sigmoid()),
    )
    adam, x = torch.optim.Adam(net.parameters(), 5e-3), data.train.batch().flatten(1)
    for _ in range(150):
        adam.zero_grad()
        (net(x) - x).square().sum(1).mean().backward()
        adam.step()
    path = tmp_path / "theirs.pt"
    torch.save(net.state_dict(), path)
    found = inspected(capsys, str(path), "--data", str(own))
    assert found["card"]["dataset"] == data.name
    assert found["report"]["about"]["dataset"] == "own data"
    assert found["card"]["fingerprint"] == data.fingerprint
    assert found["card"]["origin"]["findings"]
    figures = {f["key"]: f["value"] for f in found["report"]["figures"]}
    x, x_hat = data.test.batch().flatten(1), net(data.test.batch().flatten(1)).detach()
    error = float((x - x_hat).square().mean())
    assert figures["test_mse"] == pytest.approx(error, rel=1e-3)
    assert found["understood"] is True
    assert found["metrics"]["test_mse"] == figures["test_mse"]
    assert found["units"]["test_mse"].startswith("MSE per value")
    # A way on: as a checkpoint of this app, and out of it again; what was guessed goes with it.
    saved = tmp_path / "mine.safetensors"
    inspected(capsys, str(path), "--data", str(own), "--save", str(saved))
    again = inspected(capsys, str(saved), "--data", str(own))
    assert again["metrics"]["test_mse"] == pytest.approx(error, rel=1e-3)
    assert again["sure"] == found["sure"]
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["--data", str(own), "--to", "script", "--out", str(out)]
    main(["export", str(path), *arguments])
    capsys.readouterr()
    text = " ".join((out / "model.py").read_text().split())
    assert "Read from a file" in text
    assert "as this one was" not in text
    assert "trained on own data" not in text


def test_a_model_of_ours_with_the_data_that_it_was_trained_on(own, tmp_path, capsys):
    data = from_file(own)
    spec = ModelSpec("dense-ae", data.spec, 2, {"hidden": (8,)})
    card = Card("mine", spec, TrainConfig(), data.name, data.fingerprint)
    path = checkpoints.save(tmp_path / "mine", build(spec), card)
    found = inspected(capsys, str(path), "--data", str(own))
    assert found["dataset_is_the_same"] is True
    # Without the file nobody knows the data: they were never kept.
    assert data.name in refused(capsys, str(path))
    other = dataclasses.replace(card, fingerprint="another")
    path = checkpoints.save(tmp_path / "other", build(spec), other)
    assert inspected(capsys, str(path), "--data", str(own))["dataset_is_the_same"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere.zip"], "nowhere.zip"),
        (["--label", "kind"], "--data"),
        (["--data", "x.npz", "--dataset", "mnist"], "not allowed with"),
    ],
)
def test_mistakes(arguments, words, capsys):
    assert words in refused(capsys, str(checkpoints.shipped()["vae-plane"]), *arguments)
