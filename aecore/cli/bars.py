"""How far a download or a training is, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.runs.recording import Recording
from aecore.training.events import EpochDone, Failed, StepDone

BAR = 30


def download_bar() -> Callable[[int, int], None]:
    """Reports a download on standard error: a line redrawn on a terminal, else one each tenth."""
    terminal, shown = sys.stderr.isatty(), -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        share = done / max(total, 1)
        step = int(share * (1000 if terminal else 10))
        if step == shown:
            return
        shown = step
        print(
            f"{chr(13) if terminal else ''}[{'#' * round(BAR * share):<{BAR}}] "
            f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB ",
            end="" if terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    return report


def training_bar(event, recording: Recording) -> None:
    """A progress bar on standard error: a line redrawn on a terminal, else one per epoch."""
    if isinstance(event, Failed):
        print(f"\n{event.message}", file=sys.stderr)
        return
    terminal, started = sys.stderr.isatty(), recording.started
    if started is None or not isinstance(event, EpochDone | StepDone):
        return
    if isinstance(event, StepDone) and not terminal:
        return
    epochs = started.epochs
    total = epochs * started.steps_per_epoch
    done = 1.0 if event.step == 0 else min(1.0, event.step / total)
    left = event.seconds * (1 - done) / max(done, 1e-9)
    if isinstance(event, EpochDone):
        error, pca = judged(event.figures)
        on = started.held_out
    else:
        probe = recording.probe
        error, pca = (None, None) if probe is None else (probe.heldout_mse, probe.pca_mse)
        on = started.probed
    figures = "not yet"
    if error is not None and pca is not None:
        figures = f"{shown(error)} (PCA {shown(pca)})"
    bar = "#" * round(BAR * done)
    print(
        f"{chr(13) if terminal else ''}[{bar:<{BAR}}] epoch {event.epoch}/{epochs}  "
        f"MSE of {on:,} held out {figures}  "
        f"{event.images_per_second:,.0f} examples/s  {left:.0f} s left ",
        end="" if terminal else "\n",
        file=sys.stderr,
        flush=True,
    )
