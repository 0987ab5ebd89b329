"""One file adds a family: it is found wherever families are, with no other file touched."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aecore.cli import main
from aecore.errors import ConfigError
from aecore.export.csv_tables import with_unit
from aecore.export.script import export_script, script_text
from aecore.export.script_model import wording
from aecore.export.subject import TOLERANCE, Subject
from aecore.models import all_families, build
from aecore.models.families.dense import DenseAE
from aecore.models.losses import LossTerms, objective
from aecore.models.presets import PRESETS, bare
from aecore.models.registry import FOLDERS_VARIABLE, look_again, options_of
from aecore.options import options_in
from aecore.pad import export_network
from aecore.pad.replay import replay
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.events import EpochDone
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig

ROOT = Path(__file__).resolve().parents[2]
QUICK = TrainConfig(epochs=2, batch_size=64, device="cpu")


@pytest.fixture(scope="module")
def spec(newcomer_family, digits) -> ModelSpec:
    return ModelSpec(newcomer_family, digits.spec, 4, {"hidden": (16,), "dropout": 0.3})


@pytest.fixture(scope="module")
def trained(spec, digits) -> tuple[list, Subject]:
    """Its events, and the model that they made."""
    state, recording = TrainState.fresh(spec, 0), Recording()
    events = list(train(spec, QUICK, digits, state=state))
    for event in events:
        recording.add(event)
    card = recording.card("A newcomer", spec, QUICK, digits)
    return events, Subject(state.model.eval(), card, digits)


def test_it_is_found_with_its_preset(newcomer_family, digits):
    assert newcomer_family in all_families()
    names = list(PRESETS)
    assert names.index("newcomer-half") == len(names) - 2  # before PCA, the baseline
    assert PRESETS["newcomer-half"].spec(digits.spec).options["dropout"] == 0.5
    assert bare(newcomer_family).about.startswith("Latent numbers are dropped")


def test_its_options_are_checked_though_their_types_are_no_text(newcomer_family):
    options = {o.name: o.kind for o in options_in(all_families()[newcomer_family].Options)}
    assert options == {"dropout": "number", "calm": "flag", "hidden": "widths", "init": "choice"}
    data = DataSpec((1, 8, 8))
    for wrong in ({"calm": 1}, {"calm": "yes"}, {"dropout": 2}, {"dropout": "0"}, {"hidden": (0,)}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            options_of(ModelSpec(newcomer_family, data, 2, wrong))


def test_live_training_carries_its_figure(trained):
    events, subject = trained
    figures = [e.metrics["code_length"] for e in events if isinstance(e, EpochDone)]
    assert len(figures) == QUICK.epochs
    assert subject.card.metrics["test_code_length"] == figures[-1]
    assert with_unit("test_code_length") == "test_code_length (Euclidean norm)"


def test_its_loss_has_its_term(spec, digits):
    calm, wild = (
        build(ModelSpec(spec.family, spec.data, 4, spec.options | {"calm": calm}))
        for calm in (True, False)
    )
    x = digits.train.batch(slice(0, 8))
    one, other = (m.loss_terms(x, torch.Generator().manual_seed(1)) for m in (calm, wild))
    assert torch.equal(one.reconstruction, other.reconstruction)
    assert one.penalty is not None
    assert other.penalty is None


def test_checkpoint_round_trip(trained, digits):
    subject = trained[1]
    found = checkpoints.from_bytes(checkpoints.to_bytes(subject.model, subject.card))
    assert found.card == subject.card
    x = digits.test.batch(slice(0, 8))
    assert torch.equal(found.model.reconstruct(x), subject.model.reconstruct(x))


def test_script_is_exported_with_its_loss(trained, digits):
    subject = trained[1]
    made = export_script(subject)
    assert made.difference <= TOLERANCE
    names = {"__name__": "a_script", "__file__": "model.py"}
    exec(compile(made.parts["model.py"], "model.py", "exec"), names)
    model = names["DropoutAE"]()
    model.load_state_dict(subject.model.state_dict())
    x = digits.train.batch(slice(0, 32))
    one, other = (torch.Generator().manual_seed(4) for _ in range(2))
    wanted = objective(subject.model.loss_terms(x, one))
    torch.testing.assert_close(names["loss_function"](model, x, generator=other), wanted)


class Unsaid(DenseAE):
    """Changes the loss, and says nothing of it to scripts."""

    def loss_terms(self, x, generator=None, labels=None) -> LossTerms:
        terms = super().loss_terms(x, generator)
        return LossTerms(2 * terms.reconstruction)


def test_a_loss_that_nobody_wrote_for_scripts_is_said_to_be_missing(digits, trained):
    spec = ModelSpec("dense-ae", digits.spec, 4, {"hidden": (16,)})
    texts = {}
    for cls in (DenseAE, Unsaid):
        model = cls(spec, options_of(spec))
        model.initialise(torch.Generator().manual_seed(0))
        card = checkpoints.Card("A model", spec, QUICK, digits.name, digits.fingerprint)
        subject = Subject(model.eval(), card, digits)
        texts[cls] = " ".join(script_text(subject, wording(subject)).split())
    missing = "this family has terms of its own, which this file does not have"
    assert missing in texts[Unsaid]
    assert missing not in texts[DenseAE]


def test_browser_runs_it(trained, digits):
    subject = trained[1]
    x = digits.test.batch(slice(0, 4))
    network = export_network(subject.model)
    z = replay(network.meta["encoder"], network.weights, x)
    x_hat = replay(network.meta["decoder"], network.weights, z)
    torch.testing.assert_close(z, subject.model.encode(x).mu, rtol=0, atol=1e-5)
    torch.testing.assert_close(x_hat, subject.model.reconstruct(x).flatten(1), rtol=0, atol=1e-5)


def test_command_line_trains_it_with_its_flags(newcomer_family, tmp_path, capsys):
    out = tmp_path / "model.safetensors"
    flags = ["--no-calm", "--dropout", "0.4", "--hidden", "12-8", "--schedule", "cosine"]
    few = ["--dataset", "digits", "--epochs", "1", "--latent-dim", "3", "--device", "cpu"]
    main(["train", "--family", newcomer_family, *flags, *few, "--out", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["family"] == newcomer_family
    assert result["test_code_length"] > 0
    card = checkpoints.load(out).card
    assert card.spec.options == {"calm": False, "dropout": 0.4, "hidden": (12, 8)}
    assert card.config.schedule == "cosine"
    main(["train", "--preset", "newcomer-half", *few, "--calm", "--json"])
    assert json.loads(capsys.readouterr().out)["preset"] == "newcomer-half"
    main(["families", "--json"])
    listed = {f["name"]: f for f in json.loads(capsys.readouterr().out)}
    assert listed[newcomer_family]["options"]["calm"] is True


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--calm", "--no-such"], "no-such"),
        (["--dropout", "2"], "dropout"),
        (["--dropout", "much"], "dropout"),
        (["--hidden", "a few"], "widths"),
        (["--init", "ones"], "init"),
        (["--preset", "pca"], "not allowed"),
    ],
)
def test_mistakes_with_its_flags(newcomer_family, arguments, word, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--family", newcomer_family, "--dataset", "digits", *arguments])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err.splitlines()[-1]


def test_help_lists_its_options(newcomer_family, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--family", newcomer_family, "--help"])
    text = capsys.readouterr().out
    assert "--no-calm" in text
    assert "squared length of a code" in " ".join(text.split())


def test_the_contract_of_all_families_holds_for_it(newcomer_family):
    """The tests of every family, in a process that finds the newcomer from its start."""
    tests = ["tests/contracts/test_models.py", "tests/export/test_script.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *tests, "-k", newcomer_family],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:]


# What cannot be added is said


def elsewhere(tmp_path: Path, monkeypatch, **files: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    look_again()


@pytest.fixture
def found_again(monkeypatch):
    yield
    monkeypatch.undo()
    look_again()


TWICE = """
from aecore.models.families.dense import DenseAE, DenseAEOptions
class Another(DenseAE):
    family, title, Options = "dense-ae", "Another", DenseAEOptions
"""
ODD = """
import dataclasses
from aecore.models.families.dense import DenseModel, DenseOptions
@dataclasses.dataclass(frozen=True)
class Odd(DenseOptions):
    table: dict = None
class OddAE(DenseModel):
    family, title, Options = "odd-ae", "Odd", Odd
"""


@pytest.mark.usefixtures("found_again")
def test_what_cannot_be_a_family_is_said(tmp_path, monkeypatch):
    elsewhere(tmp_path, monkeypatch, twice_the_same=TWICE)
    with pytest.raises(ConfigError, match="two families called 'dense-ae'"):
        all_families()
    (tmp_path / "twice_the_same.py").unlink()
    elsewhere(tmp_path, monkeypatch, odd_options=ODD)
    with pytest.raises(TypeError, match=r"Odd.table is a .*dict"):
        all_families()
    (tmp_path / "odd_options.py").unlink()
    elsewhere(tmp_path, monkeypatch, dense=TWICE)
    with pytest.raises(ConfigError, match=r"two files dense.py"):
        all_families()
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "nowhere"))
    look_again()
    with pytest.raises(ConfigError, match="nowhere"):
        all_families()


# Families are known by what they declare

SOURCES = [
    path
    for folder in ("aecore", "pages")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "families" not in path.parts
]


def names_family(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "family"


def asks(node: ast.AST) -> bool:
    """Whether an expression reads something out of a family's name or feels a model's pockets."""
    if isinstance(node, ast.Compare):
        sides, words = [node.left, *node.comparators], (ast.Constant, ast.Tuple, ast.List, ast.Set)
        return any(map(names_family, sides)) and any(isinstance(s, words) for s in sides)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return names_family(node.func.value)  # spec.family.startswith(...)
    if isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "getattr"):
        of, what = ast.unparse(node.args[0]), node.args[1]
        return isinstance(what, ast.Constant) and of.split(".")[-1] in ("model", "options")
    return False


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_name_of_a_family_is_parsed(path):
    found = [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if asks(node)]
    assert found == []


def test_the_rule_sees_what_it_forbids():
    forbidden = (
        'spec.family.startswith("conv")',
        '"conditional" in self.family',
        'spec.family == "sparse-ae"',
        'card.spec.family in ("linear-ae", "pca")',
        'hasattr(model, "damage")',
        'getattr(self.options, "init", "default")',
    )
    for text in forbidden:
        assert any(map(asks, ast.walk(ast.parse(text)))), text
