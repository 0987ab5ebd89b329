"""A model's script: it runs without this project, gives the same, and trains the same."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from aecore.errors import ExportError
from aecore.export.script import companions, export_script, script_text
from aecore.export.script_model import wording
from aecore.export.subject import TOLERANCE, Outputs, Subject, compare
from aecore.models import build
from aecore.models.losses import objective
from aecore.training.events import Finished
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import TrainConfig
from tests.export.subjects import CASES, subject_of

_ALL = """
import json, os, sys, numpy, torch
root = os.getcwd()
for case in json.load(open("cases.json")):
    os.chdir(os.path.join(root, case))
    sys.argv = ["model.py", "examples.npy"]
    names = {"__name__": "__main__", "__file__": "model.py"}
    exec(compile(open("model.py").read(), "model.py", "exec"), names)
    model = names["load"]()
    x = torch.from_numpy(numpy.load("x.npy"))
    told = ()
    if os.path.exists("y.npy"):
        told = (names["one_hot"](torch.from_numpy(numpy.load("y.npy")), len(x)),)
    with torch.no_grad():
        code = model.encode(x, *told)
        code = code if isinstance(code, tuple) else (code,)
        numpy.savez("found.npz", x_hat=model.decode(code[0], *told), mu=code[0], logvar=code[1:])
assert not any(name.startswith("aecore") for name in sys.modules)
"""


@pytest.fixture(scope="module")
def subjects(digits) -> dict[str, Subject]:
    return {case: subject_of(case, digits) for case in CASES}


@pytest.fixture(scope="module")
def run_alone(subjects, tmp_path_factory):
    """Every script executed, as the main program, in one fresh interpreter; what each printed."""
    root = tmp_path_factory.mktemp("scripts")
    for case, subject in subjects.items():
        folder = root / case
        folder.mkdir()
        words = wording(subject)
        (folder / "model.py").write_text(script_text(subject, words))
        for name, content in companions(subject, words).items():
            (folder / name).write_bytes(content)
        np.save(folder / "x.npy", subject.x.numpy())
        if subject.labels is not None:
            np.save(folder / "y.npy", subject.labels.numpy())
    (root / "cases.json").write_text(json.dumps(list(subjects)))
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ALL], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return root, done.stdout


@pytest.mark.parametrize("case", CASES)
def test_script_gives_what_the_model_gives(case, subjects, run_alone):
    root, printed = run_alone
    with np.load(root / case / "found.npz") as found:
        logvar = found["logvar"][0] if len(found["logvar"]) else None
        outputs = Outputs(found["mu"], logvar, found["x_hat"])
    assert compare(outputs, subjects[case].outputs, "It") <= TOLERANCE
    assert f"{type(subjects[case].model).__name__}, " in printed


def test_scripts_are_clean(run_alone):
    """As clean as this project's own code, and laid out like it."""
    root, _ = run_alone
    for arguments in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        options = ["--isolated", "--config", "line-length=100"]
        if arguments[0] == "check":
            options += ["--select", "E,F,W,I,B,UP,SIM,RUF,PT"]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, *options, str(root)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def executed(subject: Subject) -> dict:
    """A script's names, executed here."""
    names = {"__name__": "a_script", "__file__": "model.py"}
    exec(compile(script_text(subject, wording(subject)), "model.py", "exec"), names)
    return names


def plain_copy(subject: Subject, names: dict):
    """The script's model with the subject's weights."""
    from aecore.export.layer_source import plain_weights

    words = wording(subject)
    model = names[words.cls]()
    model.load_state_dict(plain_weights(subject.model, words.layers))
    return model


@pytest.mark.parametrize("case", [c for c in CASES if c != "pca"])
def test_loss_of_a_batch_is_ours(case, subjects):
    subject = subjects[case]
    names, config = executed(subject), subject.card.config
    model, theirs = build(subject.card.spec), plain_copy(subject, names)
    model.load_state_dict(subject.model.state_dict())
    x, labels = subject.data.train.batch(slice(0, 32)), subject.data.train.labels[:32]
    for epoch in (0, 5):
        model.train()
        model.begin_epoch(epoch)
        theirs.train()
        seeds = [torch.Generator().manual_seed(4) for _ in range(2)]
        terms = model.loss_terms(x, seeds[0], labels if model.conditional else None)
        capacity = config.capacity or None
        wanted = objective(terms, config.beta, config.free_bits, capacity)
        more = {"labels": labels} if model.conditional else {}
        if case == "stacked-ae":
            more["layer"] = model.phase
        if case == "sparse-ae":
            place = wording(subject).layers.place(type(model.encoder[-1]))
            theirs.encoder[place].generosity = model.encoder[-1].generosity
        found = names["loss_function"](theirs, x, generator=seeds[1], **more)
        torch.testing.assert_close(found, wanted, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_training_loop_lowers_the_loss(case, subjects, capsys):
    subject = subjects[case]
    names = executed(subject)
    x = subject.data.train.batch(slice(0, 320))
    more = [subject.data.train.labels[:320]] if subject.model.conditional else []
    if subject.model.closed_form:
        model, losses = names["train"](x)
        assert losses[0] < float(x.var(0).mean())
    else:
        torch.manual_seed(9)
        warm = subject.card.config.kl_warmup_epochs or subject.card.config.capacity
        model, losses = names["train"](x, *more, epochs=6)
        if case == "stacked-ae":  # the last epochs are of another loss than the first
            losses = losses[2:]
        if not warm:
            assert losses[-1] < losses[0]
    assert all(np.isfinite(losses))
    assert not model.training


@pytest.mark.parametrize("family", ["dense-ae", "dense-vae", "conv-ae", "stacked-ae", "sparse-ae"])
def test_training_loop_makes_the_same_model(family, digits):
    """Same seed, same data: the loop in the script arrives where ours does."""
    subject = subject_of(family, digits)
    spec, config = subject.card.spec, TrainConfig(epochs=3, batch_size=64, device="cpu", seed=5)
    subject = Subject(subject.model, dataclasses.replace(subject.card, config=config), digits)
    state = TrainState.fresh(spec, 5)
    events = list(train(spec, config, digits, state=state))
    assert isinstance(events[-1], Finished)
    model, _ = executed(subject)["train"](digits.train.batch())
    x = digits.test.batch()
    with torch.no_grad():
        codes = [m.encode(x) for m in (model, state.model)]
        mine = codes[0][0] if isinstance(codes[0], tuple) else codes[0]
        found = float((model.decode(mine) - x).square().mean())
        wanted = float((state.model.decode(codes[1].mu) - x).square().mean())
    assert found == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("case", ["conditional-vae"])
def test_export_is_run_before_it_is_offered(case, subjects):
    made = export_script(subjects[case])
    assert made.difference <= TOLERANCE
    assert "held-out images" in made.checked
    assert {"model.py", "model.pt", "examples.npy", "README.txt"} <= set(made.parts)


def test_what_differs_is_refused(subjects, monkeypatch):
    subject = subjects["dense-ae"]
    other = dataclasses.replace(subject)
    wrong = subject.outputs
    other.__dict__["outputs"] = Outputs(wrong.mu + 1e-3, wrong.logvar, wrong.x_hat)
    with pytest.raises(ExportError, match="refused"):
        export_script(other)


def test_a_name_cannot_leave_its_docstring(subjects):
    hostile = '"""\nimport os\nraise SystemExit(3)\n"""\\ {x} \u202e'
    subject = subjects["dense-ae"]
    card = dataclasses.replace(subject.card, name=hostile, dataset=hostile)
    text = script_text(
        Subject(subject.model, card, subject.data),
        wording(Subject(subject.model, card, subject.data)),
    )
    names = {"__name__": "a_script", "__file__": "model.py"}
    exec(compile(text, "model.py", "exec"), names)
    assert "\\" not in names["__doc__"]


@pytest.mark.parametrize("name", ["wine", "signals"])
def test_tables_and_signals(name, tmp_path):
    from aecore import datasets

    data = datasets.load(name)
    for family in ("dense-ae", "denoising-ae"):
        subject = subject_of(family, data)
        names = executed(subject)
        theirs = plain_copy(subject, names).eval()
        with torch.no_grad():
            outputs = Outputs(theirs.encode(subject.x).numpy(), None, theirs(subject.x).numpy())
        assert compare(outputs, subject.outputs, "It") <= TOLERANCE
        _, losses = names["train"](data.train.batch(slice(0, 300)), epochs=4)
        assert losses[-1] < losses[0]
