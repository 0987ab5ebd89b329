"""Makes a fragment run again the moment a run takes its first step; shows nothing."""

from __future__ import annotations

from pathlib import Path

from streamlit.components.v2 import component

from aecore.runs.store import Run
from pages.shell.first_step import ADDRESS

_component = component("first_step", js=Path(__file__).with_suffix(".js").read_text("utf-8"))


def rerun_at_first_step(run: Run) -> None:
    """To be drawn in the fragment, also later, so that what stands below keeps its place."""
    waiting = run.recording.live and run.recording.last_step is None
    _component(
        key="first_step",
        data={"url": f"{ADDRESS}{run.run_id}" if waiting else None},
        on_come_change=_nothing,
    )


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
