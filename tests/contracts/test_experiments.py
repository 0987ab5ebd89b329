"""What every experiment keeps to, and a tenth one by one file among the tests."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecore import cli, datasets
from aecore.errors import ConfigError, UnknownNameError
from aecore.figures.chart_files import svg
from aecore.lab import registry
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone, LabFinished, LabLook, LabStarted, LabStopped
from aecore.lab.experiment import CLOCK, Experiment, Values
from aecore.lab.predicting import difference, drawn_over
from aecore.lab.record import Record, figures_of, from_bytes, to_bytes
from aecore.lab.registry import all_experiments, experiment, options_from, plain_options
from aecore.lab.running import done, planned, run
from aecore.lab.taking_out import everything
from aecore.runs import checkpoints

NEWCOMERS = Path(__file__).parent / "newcomers" / "experiments"
COINS = "newcomer-coins"


@pytest.fixture(scope="module")
def coins() -> Iterator[str]:
    """The name of an experiment that one file among the tests adds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(registry.FOLDERS_VARIABLE, str(NEWCOMERS))
        registry.look_again()
        yield COINS
    registry.look_again()


@pytest.fixture(scope="module", params=[*all_experiments(), COINS])
def one(request, coins) -> Experiment:
    return experiment(request.param)


@pytest.fixture(scope="module")
def subject(one, digits) -> LabSubject:
    """What it is tried on: the smallest data that it takes."""
    if one.uses == "nothing":
        return LabSubject()
    if one.uses == "model":
        known = checkpoints.load(checkpoints.shipped()["first-ae"])
        return LabSubject(datasets.load("mnist"), known.model, known.card)
    fits = not one.why_not(About.of(LabSubject(digits)))
    return LabSubject(digits if fits else datasets.load("mnist"))


@pytest.fixture(scope="module")
def events(one, subject) -> list:
    return list(run(one, one.quick(), subject))


@pytest.fixture(scope="module")
def record(one, subject, events) -> Record:
    about = About.of(subject)
    found = {e.task: e.values for e in events if isinstance(e, LabDone)}
    state = "finished" if isinstance(events[-1], LabFinished) else "stopped"
    return Record(one.name, plain_options(one.quick()), about, (), found, {}, len(found), state)


def same(a: Values, b: Values) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(np.asarray(a[k]), np.asarray(b[k]), equal_nan=_number(a[k]))
        for k in a
        if not k.endswith(CLOCK)
    )


def _number(value) -> bool:
    return np.issubdtype(np.asarray(value).dtype, np.number)


def test_it_says_what_it_is(one):
    for text in (one.title, one.question, one.claim, one.surprise):
        assert text.strip() == text
        assert text
    assert one.question.endswith("?")
    assert one.claim.endswith(".")
    assert 0 < one.seconds(one.Options()) < 600
    assert options_from(one, plain_options(one.quick())) == one.quick()
    assert "<svg" in svg(one.sketch(), 200, 90, words=False)


def test_its_events_follow_each_other(one, events):
    assert isinstance(events[0], LabStarted)
    assert isinstance(events[-1], LabFinished)
    assert [e.task for e in events if isinstance(e, LabDone)] == list(events[0].tasks)
    for event in events:
        if isinstance(event, LabLook):
            assert 0 <= event.share < 1


def test_what_is_there_can_be_drawn_from_the_first_look_on(one, subject, events):
    about, found = About.of(subject), {}
    looks = [e for e in events if isinstance(e, LabLook | LabDone)]
    for i, look in enumerate(looks):
        found[look.task] = look.values
        if i < 12 or i == len(looks) - 1:
            for shown in one.tell(one.quick(), about, found).charts:
                assert "<svg" in svg(shown, 640, 300)


def test_every_figure_says_its_unit_and_split(one, record):
    outcome = record.outcome()
    assert outcome.figures
    assert len({f.name for f in outcome.figures}) == len(outcome.figures)
    for figure in outcome.figures:
        assert math.isfinite(figure.value)
        assert figure.unit
        assert figure.split
    options = record.chosen()
    usual = one.Options()
    for bands in (one.bands(options, record.about), one.bands(usual, record.about)):
        assert all(low <= high for low, high in bands.values())
    assert outcome.charts
    for chart in outcome.charts:
        assert chart.summary
        assert chart.kind == "plane" or (chart.y.unit and chart.x.title)


def test_it_tells_with_whatever_is_there(one, record):
    """Nothing, each task alone, and all but one."""
    options, about = record.chosen(), record.about
    one.tell(options, about, {})
    for name, values in record.done.items():
        one.tell(options, about, {name: values})
        one.tell(options, about, {k: v for k, v in record.done.items() if k != name})


def test_tasks_need_no_other_and_the_same_seed_gives_the_same_numbers(one, subject, record):
    """In another order, by themselves, the last one twice."""
    options = one.quick()
    for task in reversed(planned(one, options, About.of(subject))):
        *_, last = done(one, task, options, subject, LabControl())
        assert same(last.values, record.done[task.name]), task.name


def test_it_stops_within_a_task(one, subject):
    control = LabControl(wanted=lambda: False)
    assert isinstance(list(run(one, one.quick(), subject, control))[-1], LabStopped)


def test_a_result_is_a_file_and_comes_back_as_it_was(one, record):
    back = from_bytes(to_bytes(record))
    assert {k: v for k, v in vars(back).items() if k != "done"} == {
        k: v for k, v in vars(record).items() if k != "done"
    }
    assert back.done.keys() == record.done.keys()
    assert all(same(back.done[k], record.done[k]) for k in record.done)
    assert figures_of(back) == figures_of(record)


def test_it_is_taken_out_as_tables_pictures_and_a_notebook(one, record):
    outcome = record.outcome()
    with zipfile.ZipFile(io.BytesIO(everything(record))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    rows = list(csv.DictReader(io.StringIO(parts["figures.csv"].decode())))
    assert {r["figure"]: float(r["value"]) for r in rows} == pytest.approx(
        {f.name: f.value for f in outcome.figures}, rel=1e-5
    )
    for chart in outcome.charts:
        assert len(parts[f"{chart.name}.csv"].splitlines()) == 1 + sum(
            len(line.x) for line in chart.lines
        )
        assert Image.open(io.BytesIO(parts[f"{chart.name}.png"])).size[0] > 500
    cells = json.loads(parts["experiment.ipynb"])["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    compile(code, "notebook", "exec")
    assert one.question in "".join(cells[0]["source"])


def test_what_was_predicted_stands_beside_what_came(one, record):
    asked = one.asks(record.chosen(), record.about)
    if asked is None:
        return
    outcome, span = record.outcome(), asked.y.span
    assert span is not None
    low, high = (span[0], span[1])
    for end in (low, high):
        guess = asked.check([end] * len(asked.x))
        assert difference(asked, guess, outcome).endswith(".")
    assert not difference(asked, guess, one.tell(record.chosen(), record.about, {}))
    if asked.kind != "number":
        chart = outcome.chart(asked.of)
        assert chart is not None
        line = chart.line(asked.line)
        assert line is not None
        assert set(line.x) <= set(asked.x)
        assert drawn_over(chart, asked, guess).lines[-1].y == guess
        exact = [dict(zip(line.x, line.y, strict=True)).get(x, math.nan) for x in asked.x]
        if all(map(math.isfinite, exact)):
            assert difference(asked, exact, outcome).startswith("As you expected")
    with pytest.raises(ConfigError, match="prediction"):
        asked.check([high + 1] * len(asked.x))


def test_an_option_that_cannot_be_is_refused(one):
    with pytest.raises(ConfigError, match="seed"):
        options_from(one, {"seed": "0"})
    with pytest.raises(ConfigError, match="no option"):
        options_from(one, {"nothing_of_the_kind": 1})


# The tenth -----------------------------------------------------------------------------------


def test_a_tenth_is_found_by_the_command_line(coins, capsys):
    cli.main(["lab", "--json"])
    assert coins in [found["name"] for found in json.loads(capsys.readouterr().out)]
    cli.main(["lab", coins, "--coins", "4, 64", "--seed", "3", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["options"] == {"coins": [4, 64], "seed": 3, "slow": 1}
    figure = found["figures"]["heads_64"]
    assert {"unit", "split", "expected"} <= figure.keys()
    assert 0.2 < figure["value"] < 0.8


def test_without_its_file_it_is_not_there():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(registry.FOLDERS_VARIABLE, raising=False)
        registry.look_again()
        with pytest.raises(UnknownNameError, match="no experiment"):
            experiment(COINS)
    registry.look_again()
