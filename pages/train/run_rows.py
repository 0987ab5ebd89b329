"""The rows of the list of runs: each a model in words, figures and small pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.figures.preview import Preview, preview_of_look
from aecore.models import family
from aecore.pad.browser_code import joined
from aecore.runs import checkpoints
from aecore.runs.run import NO_SPEC
from aecore.runs.store import Run
from aecore.wording import count
from pages.components.parts import picture
from pages.components.previews import EMPTY, preview_of
from pages.components.run_figures import STATUS
from pages.shell import session

Row = dict[str, Any]
AT_ONCE = 4  # previews that are begun at one look at the page
POINTS = 60  # of a sparkline
YOURS, OURS = "Your runs", "Models that come with the app"

_HERE = Path(__file__).parent
_list = component(
    "run_list",
    html='<div class="rl-place" role="region" aria-label="Runs and models" tabindex="0"></div>',
    css=(_HERE / "run_list.css").read_text("utf-8"),
    js=joined(_HERE / "run_list.js"),
)


@dataclass(frozen=True)
class Listing:
    """The rows, and whether some of their pictures are still to come."""

    rows: list[Row]
    to_come: bool
    live: bool


def listing() -> Listing:
    """This browser's runs, newest first, then the shipped models."""
    runs = session.jobs().runs(session.owner())
    rows = [_of_run(run) for run in runs]
    live = {run.run_id: _of_look(run) for run in runs if run.recording.live}
    for ref in checkpoints.shipped():
        card = session.card_of(ref)
        row = _row(ref, OURS, card.name, card.spec, card.dataset, "Ready", card.history)
        rows.append(_judged(row, card.newest) | {"took": _took(card.newest)})
    begun, to_come = 0, False
    for row in rows:
        found = live.get(row["ref"])
        if row.pop("has_model") and found is None:
            found, began = preview_of(row["ref"], begun < AT_ONCE)
            begun += began
            to_come = to_come or found is None
        found = found or EMPTY
        row["map"] = picture(found.map) if found.map else ""
        row["pictures"] = [picture(p) if p else "" for p in found.pictures]
        row["picturesText"] = f"Redrawn by it: {found.named}" if found.named else "Redrawn by it"
    return Listing(rows, to_come, any(run.recording.live for run in runs))


def run_list(rows: list[Row], key: str = "run_list") -> list[str]:
    """The list; returns the refs of what is ticked, which the browser knows."""
    found = _list(key=key, data={"rows": rows}, on_chosen_change=_nothing)
    there = {row["ref"] for row in rows}
    ticked = found.chosen if isinstance(found.chosen, list) else []
    return [ref for ref in ticked if ref in there]


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""


def _of_run(run: Run) -> Row:
    recording = run.recording
    state = STATUS[recording.status]
    if run.kind != "training":
        state = {"upload": "From a file", "damaged": "Damaged"}[run.kind]
    done = len(recording.history)
    if recording.live and done:
        state += f", epoch {done} of {run.config.epochs}"
    elif recording.status in ("stopped", "failed") and done:
        state += f" after {count(done, 'epoch')}"
    title = session.title_of(run.run_id)
    row = _row(run.run_id, YOURS, title, run.spec, run.dataset, state, recording.history)
    if not row["curve"] and recording.probes:
        row |= _curve([(i, mse, None) for i, (_, _, mse) in enumerate(recording.probes)])
    row |= {
        "live": recording.live,
        "done": _share_done(run),
        "has_model": run.has_model and run.kind != "damaged",
        "took": "" if recording.live else _took(recording.newest),
    }
    return _judged(row, recording.newest)


def _share_done(run: Run) -> float:
    started, step = run.recording.started, run.recording.last_step
    if started is None or step is None:
        return len(run.recording.history) / max(run.config.epochs, 1)
    return min(step.step / max(started.steps_per_epoch * started.epochs, 1), 1.0)


def _row(ref: str, group: str, name: str, spec, dataset: str, state: str, history) -> Row:
    about = []
    if spec is not NO_SPEC:
        numbers = count(spec.latent_dim, "number")
        about = [family(spec.family).title, session.data_title(dataset), numbers]
    told = [(row["epoch"], *judged(row)) for row in history if "epoch" in row]
    return {
        "ref": ref,
        "group": group,
        "name": name,
        "about": " · ".join(about),
        "state": state,
        "live": False,
        "done": 1.0,
        "has_model": True,
        **_curve([(x, ours, pca) for x, ours, pca in told if ours is not None]),
    }


def _judged(row: Row, newest: dict[str, float]) -> Row:
    ours, pca = judged(newest)
    note, tone = "", ""
    if ours is not None and pca is not None:
        note, tone = f"PCA {shown(pca)}", "good" if ours < pca else "bad"
        note += ", beaten" if ours < pca else ", not beaten"
    return row | {"error": "" if ours is None else shown(ours), "errorNote": note, "tone": tone}


def _took(newest: dict[str, float]) -> str:
    epochs, seconds = newest.get("epoch"), newest.get("seconds")
    said = [] if not epochs else [count(int(epochs), "epoch")]
    return ", ".join(said + ([f"{seconds:,.0f} s"] if seconds and seconds >= 1 else []))


def _curve(points: Sequence[tuple[float, float, float | None]]) -> Row:
    """A sparkline of (epoch, error, PCA's error or None), on a logarithmic scale of its own."""
    points = [p for p in points if p[1] > 0 and math.isfinite(p[1])]
    if not points:
        return {"curve": [], "pca": None, "curveText": "No error measured yet"}
    step = -(-len(points) // POINTS)
    points = [*points[:-1:step], points[-1]]
    pca = points[-1][2]
    heights = [math.log(p[1]) for p in points] + ([math.log(pca)] if pca else [])
    low, high = min(heights), max(heights)

    def at(height: float) -> float:
        return round(1 - (height - low) / (high - low), 3) if high > low else 0.5

    first, last = points[0][0], points[-1][0]
    across = [round((p[0] - first) / (last - first), 3) if last > first else 1.0 for p in points]
    text = f"Held-out error from {shown(points[0][1])} to {shown(points[-1][1])}"
    return {
        "curve": [[x, at(math.log(p[1]))] for x, p in zip(across, points, strict=True)],
        "pca": at(math.log(pca)) if pca else None,
        "curveText": text + (f"; PCA {shown(pca)}, dashed" if pca else ""),
    }


def _of_look(run: Run) -> Preview | None:
    """A live run's pictures, as it was when it was last looked at."""
    started, look = run.recording.started, run.recording.probe
    if started is None or look is None:
        return None
    return preview_of_look(started, look, run.spec.data)
