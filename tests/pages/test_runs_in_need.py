"""The Runs page on runs that need a word: damaged, or refused by the disk; and what they take."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from aecore.jobs.engine import engine
from aecore.models import build
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.run import NO_SPEC
from aecore.runs.store import Run, new_run_id
from aecore.types import TrainConfig
from pages.shell import access
from tests.pages.test_pages import run_rows

ME = "7" * 64


@pytest.fixture
def runs(tiny_ae, monkeypatch):
    """A damaged run and one that only memory holds, of the browser that looks."""
    monkeypatch.setattr(access, "owner", lambda: ME)
    store = engine().store
    damaged = Run(new_run_id(), ME, "Damaged run", NO_SPEC, TrainConfig(), "", "damaged")
    damaged.notice = damaged.recording.message = "No epoch of it can be had."
    damaged.recording.status = "failed"
    kept = Run(new_run_id(), ME, "Kept", tiny_ae, TrainConfig(), "digits")
    kept.recording.status = "stopped"
    for run in (damaged, kept):
        store.add(run)
    card = Card("Kept", tiny_ae, TrainConfig(), "digits", "", 1)
    store.take_in(kept, checkpoints.to_bytes(build(tiny_ae, 0), card), 1)
    kept.notice = "It is in this server's memory alone."
    yield damaged, kept
    for run in (damaged, kept):
        store.delete(run)


def test_what_is_wrong_is_said_and_how_much_is_used(runs):
    page = AppTest.from_file("../../app.py", default_timeout=90).run()
    page.switch_page("pages/train/runs.py").run()
    assert not page.exception
    warnings = " ".join(warning.value for warning in page.warning)
    assert "No epoch of it can be had." in warnings
    assert "memory alone" in warnings
    assert "Damaged" in {row["state"] for row in run_rows(page)}
    assert any("2 runs take" in caption.value for caption in page.caption)
