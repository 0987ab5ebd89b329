"""A full house says so in one sentence, and when to come back."""

from __future__ import annotations

import pytest

from aecore.errors import JobError
from aecore.jobs import full_house
from aecore.jobs.full_house import A_WEIGHT, EACH, RESERVE, check_house
from aecore.jobs.outlook import Outlook
from aecore.runs.library import Library
from aecore.runs.store import RunStore
from tests.runs.test_store import add


@pytest.fixture
def runs(tmp_path, tiny_ae):
    library = Library(RunStore(tmp_path))
    found = [add(library, tiny_ae) for _ in range(3)]
    for run in found[:2]:
        run.recording.status = "training"
    return found


@pytest.mark.parametrize(
    ("ends", "word"),
    [((70.0, 40.2), "about 40 s"), ((None, 300.0), "about 5 minutes"), ((None, None), "a minute")],
)
def test_a_full_house_says_when_to_come_back(runs, ends, word, monkeypatch):
    soon = dict(zip((run.run_id for run in runs), ends, strict=False))
    monkeypatch.setattr(
        full_house, "outlook", lambda run, runs: Outlook(2, 2, 0.5, soon[run.run_id])
    )
    monkeypatch.setattr(full_house, "available", lambda: RESERVE + EACH + A_WEIGHT * 1000)
    check_house(runs, 1000)
    with pytest.raises(JobError, match=f"The house is full: 2 runs are under way.*{word}"):
        check_house(runs, 1001)


def test_where_nothing_trains_the_model_is_too_large(runs, monkeypatch):
    monkeypatch.setattr(full_house, "available", lambda: RESERVE)
    with pytest.raises(JobError, match="choose a smaller model"):
        check_house(runs[2:], 1000)


def test_a_container_is_asked_what_it_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(full_house, "_GROUP", tmp_path)
    assert full_house.available() > 1 << 20
    (tmp_path / "memory.max").write_text("max\n")
    assert full_house.available() > 1 << 20
    for name, text in {
        "memory.max": "1000\n",
        "memory.current": "900\n",
        "memory.stat": "anon 300\ninactive_file 400\nactive_file 200\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert full_house.available() == 500
