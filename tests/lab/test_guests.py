"""Data that nobody here made: each experiment answers in full, or says in a sentence why not."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from aecore.datasets.own.reading import read_upload
from aecore.figures.examples import kind_of
from aecore.lab.about import About, LabSubject
from aecore.lab.events import LabDone, LabFailed
from aecore.lab.outcome import Outcome
from aecore.lab.record import Record, from_bytes, to_bytes
from aecore.lab.registry import all_experiments, experiment, plain_options
from aecore.lab.running import run
from aecore.lab.taking_out import everything
from aecore.models.presets import preset
from aecore.runs.card import Card
from aecore.training.loop import train
from aecore.training.state import TrainState
from tests.datasets.own.own_files import npz

NAMES = ("<b>x</b>", "[b]x[/b]", "noise", "**bold** $x$", "a very long name " * 6)
OF_IMAGES = re.compile(r"\b(images?|pixels?|pictures?|drawings?|digits?)\b", re.IGNORECASE)


def table() -> tuple[str, bytes]:
    """A table with gaps, a column of text, one that never varies, decimal commas and classes whose
    names are markup, or that of foreign examples; one of them is nearly all."""
    rng = np.random.default_rng(0)
    rows = ["<i>a</i>;**b**;c;d;e;same;when;class"]
    for i in range(260):
        c = 0 if i % 10 else 1 + i // 10 % (len(NAMES) - 1)
        cells = [f"{v:.3f}".replace(".", ",") for v in rng.normal(c, 1, 5)]
        cells[i % 5] = "" if i % 31 == 0 else cells[i % 5]
        rows.append(";".join([*cells, "3", f"2024-01-{1 + i % 28:02d}", NAMES[c]]))
    return "wild.csv", "\n".join(rows).encode("latin-1")


def strips() -> tuple[str, bytes]:
    """Signals as networks take them, (n, 1, length), of two classes."""
    rng, t = np.random.default_rng(0), np.linspace(0, 6, 60)
    labels = np.arange(200) % 2
    x = np.sin(t * (2 + labels[:, None])) + 0.3 * rng.normal(size=(200, 60))
    return "strips.npz", npz(x=x[:, None].astype(np.float32), y=labels)


def photographs() -> tuple[str, bytes]:
    """A hundred colour images of one class, wider than high."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (100, 3, 1, 1)) * np.linspace(0, 1, 24 * 40).reshape(1, 1, 24, 40)
    return "photographs.npz", npz(x=x.astype(np.uint8), y=np.zeros(100, int))


@pytest.fixture(scope="module", params=[table, strips, photographs], ids=lambda make: make.__name__)
def data(request):
    return read_upload(*request.param()).dataset


@pytest.fixture(scope="module")
def known(data) -> LabSubject:
    one = preset("fast-start")
    spec, config = one.spec(data.spec, 2), one.training(len(data.train))
    state = TrainState.fresh(spec, 0)
    list(train(spec, config, data, state=state))
    card = Card("mine", spec, config, data.name, data.fingerprint)
    return LabSubject(data, state.model.eval(), card)


def words_of(outcome: Outcome) -> list[str]:
    said = [outcome.says]
    said += [f"{f.title} {f.unit} {f.split}" for f in outcome.figures]
    for chart in outcome.charts:
        said += [chart.title, chart.x.label, chart.y.label, chart.summary]
        said += [line.name for line in chart.lines]
    said += [head for table in outcome.tables for head in (table.title, *table.columns)]
    return said


@pytest.mark.parametrize("name", [k for k, e in all_experiments().items() if e.uses != "nothing"])
def test_an_experiment_answers_for_data_from_outside(name, data, known):
    one = experiment(name)
    subject = known if one.uses == "model" else LabSubject(data)
    about = About.of(subject, "my table.csv")
    if one.why_not(about):
        assert one.why_not(about).endswith(".")
        return
    options, found = one.quick(), {}
    for event in run(one, options, subject):
        assert not isinstance(event, LabFailed), event
        if isinstance(event, LabDone):
            found[event.task] = event.values
    outcome = one.tell(options, about, found)
    assert outcome.says
    names = [f.name for f in outcome.figures]
    assert names
    assert len(set(names)) == len(names)
    for figure in outcome.figures:
        assert math.isfinite(figure.value), figure
        assert figure.unit, figure
        assert figure.split, figure
    for chart in outcome.charts:
        assert any(math.isfinite(v) for line in chart.lines for v in line.y), chart.name
    for shown in outcome.pictures:
        assert np.isfinite(shown.images).any(), shown.name
    for text in words_of(outcome):
        assert not re.search(r"\b(nan|inf|None)\b", text), text
        if kind_of(data.spec) != "image":
            assert not OF_IMAGES.search(text), text
    record = Record(name, plain_options(options), about, (), found, {}, len(found), "finished")
    assert everything(from_bytes(to_bytes(record)))


def test_few_examples_are_learnt_from_in_as_many_steps():
    """An epoch of a hundred rows is hardly a step: beside PCA the model would look useless."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(120, 2))
    rows = np.concatenate([factors, np.abs(factors), factors**2], 1)
    text = "a,b,c,d,e,f\n" + "\n".join(",".join(f"{v:.4f}" for v in row) for row in rows)
    data = read_upload("small.csv", text.encode()).dataset
    one = experiment("how-many-numbers")
    options = type(one.quick())(ks=(2,), few=0)
    found = {
        e.task: e.values for e in run(one, options, LabSubject(data)) if isinstance(e, LabDone)
    }
    assert found["many-2-0"]["mse"] < 0.8 * found["many-2-0"]["pca_mse"]
