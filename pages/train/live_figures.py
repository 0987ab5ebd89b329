"""A run in figures: the row above its canvas, and the sentences when it has ended."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.metrics import expected_band, shown
from aecore.figures.examples import thing_of
from aecore.models import family
from aecore.runs.recording import Recording
from aecore.runs.store import Run
from pages.shell import session
from pages.shell.layout import band_text, figure
from pages.shell.plain_text import own, plain

FIGURE, EPOCHS = 144, 165  # pixels of a figure: five beside one another, two on a phone
STATUS = {
    "waiting": "Waiting",
    "training": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
}


def figures(run: Run) -> None:
    """Where the run is, how well it does, how fast it goes."""
    recording = run.recording
    started, step, epoch = recording.started, recording.last_step, recording.epoch
    # Of one width each, so that none moves when a figure grows.
    row = st.container(horizontal=True)
    last, pca = _newest_error(recording)
    note = None
    if recording.status == "waiting":
        ahead = session.jobs().ahead_of(run)
        note = f"{ahead:,} before it" if ahead else "for a worker"
    elif recording.status == "paused" and step is not None:
        note = f"after step {step.step:,}"
    row.metric(
        "State", STATUS[recording.status], note, delta_color="off", delta_arrow="off", width=FIGURE
    )
    if started is None:
        total, done = run.config.epochs, len(recording.history)
    else:
        total = started.epochs
        done = 0 if step is None else min(step.step / started.steps_per_epoch, total)
    done = max(done, 0 if epoch is None else epoch.epoch)
    whole = (done == int(done) and not recording.live) or total >= 100
    row.metric("Epoch", f"{done:.{0 if whole else 1}f} of {int(total)}", width=EPOCHS)
    no_measure = run.spec.latent_dim >= run.spec.data.size  # then PCA keeps everything
    delta = (
        None
        if last is None or pca is None or no_measure
        else f"{shown(last - pca, '+')} against PCA"
    )
    row.metric(
        "Held-out MSE",
        figure(last),
        delta,
        delta_color="inverse",
        width=FIGURE,
        help="Mean squared error per value on examples that training never sees, not clipped.",
    )
    pace = step.images_per_second if step else recording.summary.get("images_per_second")
    row.metric(
        f"{own(thing_of(run.spec.data).capitalize())}s a second", figure(pace, 0), width=FIGURE
    )
    if recording.live and step is not None and started is not None:
        left = step.seconds * (total / max(done, 1e-6) - 1)
        row.metric("Time left", f"{left:,.0f} s", width=FIGURE)
    else:
        seconds = recording.newest.get("seconds")
        row.metric("Training time", figure(seconds, 1, "s"), width=FIGURE)


def _newest_error(recording: Recording) -> tuple[float | None, float | None]:
    """The newest held-out error and PCA's on the same images: a sample, at an epoch's end all."""
    epoch, step = recording.epoch, recording.last_step
    whole = epoch is not None and (step is None or epoch.step >= step.step)
    if recording.probe is None or whole:
        return recording.newest.get("test_mse"), recording.newest.get("pca_mse")
    return recording.probe.heldout_mse, recording.probe.pca_mse


def summary(run: Run) -> None:
    """What the run has reached, beside PCA and what is expected, and what to do about it."""
    if not run.recording.newest:
        return
    row, k = run.recording.newest, run.spec.latent_dim
    thing = thing_of(run.spec.data)
    parts = [
        f"Held-out MSE **{shown(row['test_mse'])}** beside PCA's "
        f"**{shown(row['pca_mse'])}** at k = {k}"
        + (f" (as many as {thing}s have values: it keeps everything)" * (k >= run.spec.data.size))
        + f"; on training {thing}s {shown(row['train_mse'])}."
    ]
    if "test_nelbo" in row:
        parts.append(
            f"Negative ELBO **{row['test_nelbo']:.1f}** nats an {thing}: reconstruction "
            f"{row['test_reconstruction']:.1f} + KL {row['test_kl']:.1f}; "
            f"{row['test_active_units']:.0f} of {k} dimensions active."
        )
    figures = [(f.sentence, f"test_{f.name}") for f in family(run.spec.family).figures]
    parts += [sentence.format(row[name]) for sentence, name in figures if name in row]
    full = run.config.limit == 0 and 5 <= row["epoch"] <= 15
    for metric, digits in (("nelbo", 0), ("mse", 4)):
        band = expected_band(run.dataset, run.spec, metric) if full else None
        if band is not None:
            parts.append(f"{metric.upper()}: {band_text(band, digits)} for this model.")
    st.markdown(own(" ".join(parts)))
    started = run.recording.started
    mean_mse = started.mean_test_mse if started else float("inf")
    for finding in diagnose(run.spec, run.recording.history, mean_mse):
        st.info(plain(finding), icon=":material/lightbulb:")
