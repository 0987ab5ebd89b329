"""A run that goes wrong: what the page says at once, and the way back to its best epoch."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.evaluation.thresholds import GOES_WRONG
from aecore.evaluation.trouble import best_of, rate_to_go_on_with, trouble
from aecore.figures.examples import thing_of
from aecore.runs.store import Run
from pages.shell import session
from pages.shell.layout import guarded
from pages.shell.plain_text import own


def going_wrong(run: Run) -> None:
    """While it trains."""
    recording, started = run.recording, run.recording.started
    if not recording.live or started is None:
        return
    thing = thing_of(run.spec.data)
    looks, rows = recording.probes, recording.history
    found = trouble(looks, rows, started.mean_test_mse, recording.changes, thing)
    if found is not None:
        st.warning(own(found.words), icon=":material/trending_up:")
        _way_back(run)


def went_wrong(run: Run) -> None:
    """When it is over: after a failure of its own, or where its last epochs made it worse."""
    recording = run.recording
    exploded = recording.status == "failed" and bool(recording.summary)  # not its worker's end
    ours, best = judged(recording.newest)[0], judged(best_of(recording.history) or {})[0]
    if exploded or (ours is not None and best is not None and ours > GOES_WRONG * best):
        _way_back(run)


def _way_back(run: Run) -> None:
    """A button that goes on from the best epoch, with a learning rate that did no harm there."""
    history, kept = run.recording.history, session.jobs().store.epochs(run)
    best = best_of(row for row in history if int(row["epoch"]) in kept)
    if best is None or not session.owns(run) or int(best["epoch"]) >= run.config.epochs:
        return
    epoch, planned = int(best["epoch"]), run.config.learning_rate
    seen = best.get("images_seen", 0)
    rate = rate_to_go_on_with(planned, run.recording.changes, seen)
    which = "the best" if best == best_of(history) else "the best that is kept"
    st.button(
        f"Go back to epoch {epoch}, {own(which)}, and on with a learning rate of {rate:g}",
        icon=":material/history:",
        key=f"go_back_{run.run_id}",
        help=f"Held-out MSE {shown(best['test_mse'])} after it. What came later is forgotten. Adam "
        "begins anew there, unless these are the weights that the run has now.",
        on_click=_go_back,
        args=(run.run_id, epoch, rate),
    )


def go_back(run: Run, epoch: int) -> None:
    """Go on from an epoch whose weights are kept, with a learning rate that did no harm there."""
    row = next((r for r in run.recording.history if int(r["epoch"]) == epoch), {})
    seen = row.get("images_seen", 0)
    rate = rate_to_go_on_with(run.config.learning_rate, run.recording.changes, seen)
    _go_back(run.run_id, epoch, rate)
    st.rerun()


@guarded
def _go_back(run_id: str, epoch: int, rate: float) -> None:
    session.jobs().go_back(session.owner(), run_id, epoch, rate)
