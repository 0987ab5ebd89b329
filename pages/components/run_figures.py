"""A run in figures and words: the row above its canvas, what else its page depends on."""

from __future__ import annotations

import math
import time
from collections.abc import Container, Iterable
from typing import Any

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import HELD_OUT_MSE, shown
from aecore.evaluation.trouble import best_of, trouble
from aecore.figures.examples import thing_of
from aecore.jobs.outlook import Outlook, outlook
from aecore.models import family
from aecore.runs.store import Run
from aecore.wording import count
from pages.shell.layout import figure

STATUS = {
    "waiting": "Waiting",
    "preparing": "Preparing",
    "training": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
}
ERROR_HELP = (
    "Mean squared error per value on examples never trained on, not clipped: of the first of them "
    "while it trains, of all at the end. A denoising model gets them damaged, and PCA beside it "
    "the same ones."
)
#: One figure as run_view_figures.js draws it: label, value, and perhaps note, tone and help.
Figure = dict[str, str]


class Ending:
    """When a run will end, said calmly: estimates leap, and words that leap are not believed."""

    SHARE = 0.2  # of a new estimate in what is said

    def __init__(self) -> None:
        self._at: float | None = None  # on the monotonic clock

    def seconds(self, ends_in: float | None) -> float | None:
        """Seconds until then, from the newest estimate and those before it; None while unknown."""
        now = time.monotonic()
        if ends_in is None:
            self._at = None
        elif self._at is None or ends_in < 2:
            self._at = now + ends_in
        else:
            self._at += self.SHARE * (now + ends_in - self._at)
        return None if self._at is None else max(self._at - now, 0.0)


def about(seconds: float) -> str:
    """A time to come, as sure as it is: 'a few seconds', 'about 50 s', 'about 3 min'."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        step = 5 if seconds < 30 else 10
        return f"about {step * round(seconds / step)} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.0f} h"


def told_of(
    run: Run, all_runs: Iterable[Run], ahead: int, ending: Ending, kept: Container[int] = ()
) -> dict[str, Any]:
    """What the canvas and the page around it say of a run, as plain JSON.

    all_runs: who trains beside it. ahead: runs that get a worker before it. ending: remembers what
    was said before. kept: the epochs whose weights the run keeps.
    """
    live = run.recording.live  # before all else: what is over has all its figures
    seen = outlook(run, list(all_runs)) if live else None
    left = ending.seconds(seen and seen.ends_in)
    return {
        "figures": figures_of(run, ahead, left),
        "words": words_of(run, seen, left),
        "scene": scene_of(run),
        "live": live,
        "saved": run.saved,
        **_moment(run, kept),
    }


def _moment(run: Run, kept: Container[int]) -> dict[str, Any]:
    """The step that it is at; the last step that was asked for alone, [step, loss before, after];
    the best epoch, [images seen, error, epoch], and whether one can go back to it."""
    step, best = run.recording.last_step, best_of(run.recording.history)
    alone = None
    if step is not None and step.after is not None and math.isfinite(step.loss + step.after):
        alone = [step.step, step.loss, step.after]
    if best is None or "images_seen" not in best:
        return {"step": step.step if step else 0, "alone": alone, "best": None, "back": False}
    epoch = int(best["epoch"])
    last = int(run.recording.history[-1]["epoch"])
    return {
        "step": step.step if step else 0,
        "alone": alone,
        "best": [best["images_seen"], judged(best)[0], epoch],
        "back": epoch in kept and epoch < min(last, run.config.epochs),
    }


def scene_of(run: Run) -> str:
    """What the page around the canvas depends on; it runs again when, and only when, it changes."""
    recording, best = run.recording, ""
    found = _trouble(run)
    if found:
        best = f"{len(recording.history)}"  # its words have figures: as old as an epoch at most
    return f"{recording.launches}/{recording.status}/{found:d}{best}/{bool(run.notice):d}"


def _trouble(run: Run) -> bool:
    recording, started = run.recording, run.recording.started
    if not recording.live or started is None:
        return False
    return trouble(recording.probes, recording.history, started.mean_test_mse) is not None


def _epochs_done(run: Run) -> float:
    recording = run.recording
    started, step, epoch = recording.started, recording.last_step, recording.epoch
    if started is None:
        done: float = len(recording.history)
    else:
        done = 0 if step is None else min(step.step / started.steps_per_epoch, started.epochs)
    return max(done, 0 if epoch is None else epoch.epoch)


def words_of(run: Run, seen: Outlook | None, left: float | None) -> str:
    """The sentence beneath the figures, "" for none."""
    recording = run.recording
    if recording.status == "preparing":
        return (
            f"First: {recording.preparing}, which the model is held against. Of large data it "
            "takes up to a minute; Stop ends it."
        )
    if seen is None or recording.status != "training" or max(seen.people, seen.runs) < 2:
        return ""
    who = f"{seen.people:,} people train" if seen.people > 1 else f"{seen.runs:,} runs train"
    whose = "yours" if seen.people > 1 else "this one"
    return who if left is None else f"{who}; {whose} ends in {about(left)}"


def figures_of(run: Run, ahead: int = 0, left: float | None = None) -> list[Figure]:
    """Where the run is, how well it does, how fast it goes."""
    recording = run.recording
    started, step = recording.started, recording.last_step
    label, last, pca = newest_error(run)
    total = run.config.epochs if started is None else started.epochs
    done = _epochs_done(run)
    whole = (done == int(done) and not recording.live) or total >= 100
    error = {"label": label, "value": figure(last), "help": ERROR_HELP}
    no_measure = pca_of(run)[1] >= run.spec.data.size  # then PCA keeps everything
    if last is not None and pca is not None and not no_measure:
        tone = "good" if last < pca else "bad"
        error |= {"note": f"{shown(last - pca, '+')} vs PCA", "tone": tone}
    pace = step.images_per_second if step else recording.summary.get("images_per_second")
    if recording.live:
        value = figure(left, 0, "s")
        if left is not None and left >= 600:
            value = figure(left / 60, 0, "min")
        took = {"label": "Time left", "value": value}
    else:
        took = {"label": "Training time", "value": figure(recording.newest.get("seconds"), 1, "s")}
    return [
        {"label": "State", "value": STATUS[recording.status], "note": _state_note(run, ahead)},
        {"label": "Epoch", "value": f"{done:.{0 if whole else 1}f} of {int(total)}"},
        error,
        {
            "label": f"{thing_of(run.spec.data).capitalize()}s a second",
            "value": figure(pace, 0),
        },
        took,
    ]


def _state_note(run: Run, ahead: int) -> str:
    status, step = run.recording.status, run.recording.last_step
    if status == "preparing":
        return "PCA first"
    if status == "waiting":
        return f"{count(ahead, 'run')} before it" if ahead else "for a worker"
    return f"after step {step.step:,}" if status == "paused" and step is not None else ""


def newest_error(run: Run) -> tuple[str, float | None, float | None]:
    """The newest held-out error, what it is of, and PCA's on the same examples: while it trains a
    sample, always the same; then all."""
    recording, denoises = run.recording, family(run.spec.family).denoises
    probe, started = recording.probe, recording.started
    if recording.live and probe is not None and started is not None:
        label = "From damaged, MSE" if denoises else HELD_OUT_MSE
        if started.probed < started.held_out:
            label = f"MSE, {started.probed:,} {'damaged' if denoises else 'held out'}"
        return label, probe.heldout_mse, probe.pca_mse
    ours, pca = judged(recording.newest)
    damaged = denoises and ours is not None and ours != recording.newest.get("test_mse")
    return "From damaged, MSE" if damaged else HELD_OUT_MSE, ours, pca


def pca_of(run: Run) -> tuple[float | None, int]:
    """The error of the PCA that a run is held against, as it is now, and its components."""
    recording = run.recording
    row, started, probe = recording.newest, recording.started, recording.probe
    found = judged(row)[1]
    if found is not None:
        return found, int(row.get("pca_k", run.spec.latent_dim))
    if probe is not None and family(run.spec.family).denoises:
        return probe.pca_mse, probe.pca_k  # from damaged examples; those of the sample so far
    return (None, run.spec.latent_dim) if started is None else (started.pca_test_mse, started.pca_k)
